import { Fault } from "../base/fault.ts";
import type { FetchedReply, FetchOptions } from "../exchange/policy.ts";

/**
 * An HTTP call beside the exchange, for what policies need now and then (signing keys, introspection). Redirects are not followed:
 * a redirect would send what the policy trusts to where it did not say. Rejects with a Fault `policy.fault` above the bounds.
 */
export const outboundFetch = async (url: string, options: FetchOptions): Promise<FetchedReply> => {
  const response = await fetch(url, {
    method: options.method ?? "GET",
    redirect: "manual",
    signal: AbortSignal.timeout(options.timeoutMs),
    ...(options.headers === undefined ? {} : { headers: { ...options.headers } }),
    ...(options.body === undefined ? {} : { body: bodyOf(options.body) }),
  });
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > options.bytesMax) {
      throw new Fault("policy.fault", {
        public: "An answer that a policy needs is too large.",
        internal: `${new URL(url).origin} sent more than ${options.bytesMax} bytes`,
      });
    }
    chunks.push(chunk);
  }
  return { status: response.status, headers: new Map(response.headers), body: Buffer.concat(chunks) };
};

const bodyOf = (body: string | Uint8Array): string | Uint8Array<ArrayBuffer> =>
  typeof body === "string" ? body : new Uint8Array(body);
