import { decodedBody, isPlain } from "./changed-body.ts";
import type { Body, ExchangeReply, ExchangeRequest } from "./exchange.ts";

/**
 * The body's bytes behind its content codings where there are no more than `bytesMax`, else null. In both cases the same body goes on as
 * it came, and of a longer one no more is held than `bytesMax` and one chunk. Rejects with a Fault for what cannot be decoded.
 */
export const bodyWithin = async (
  message: ExchangeRequest | ExchangeReply,
  bytesMax: number,
): Promise<Uint8Array | null> => {
  const bytes = await rawWithin(message.body, bytesMax);
  if (bytes === null || isPlain(message)) return bytes;
  return decodedBody(message, bytes, bytesMax);
};

const rawWithin = async (body: Body, bytesMax: number): Promise<Uint8Array | null> => {
  const { whole, length } = body;
  if (whole !== undefined) return whole.byteLength > bytesMax ? null : whole;
  if (length !== undefined) return length > bytesMax ? null : await body.read(bytesMax);
  const source = body.stream()[Symbol.asyncIterator]();
  const parts: Uint8Array[] = [];
  let held = 0;
  while (held <= bytesMax) {
    const next = await source.next();
    if (next.done === true) {
      const bytes = Buffer.concat(parts);
      body.replace(bytes);
      return bytes;
    }
    parts.push(next.value);
    held += next.value.byteLength;
  }
  body.replace(resumed(parts, source));
  return null;
};

async function* resumed(parts: readonly Uint8Array[], source: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let isEnded = false;
  try {
    yield* parts;
    for (;;) {
      const next = await source.next();
      isEnded = next.done === true;
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    // Whoever stops early gives the rest up.
    if (!isEnded) await source.return?.();
  }
}
