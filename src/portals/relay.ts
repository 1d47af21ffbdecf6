import { type ClientRequest, type IncomingMessage, METHODS, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { messageOf, systemCodeOf } from "../base/fault.ts";
import type { Log } from "../base/log.ts";
import type { Catalogue } from "./catalogue.ts";
import { problemResponse } from "./problem-response.ts";
import {
  instructionsBytesMax,
  isRefusedField,
  PathRefusal,
  type RelayInstructions,
  relayHeaders,
  relayInstructionsSchema,
  relayTarget,
} from "./relay-request.ts";
import { isSameOrigin } from "./same-origin.ts";

/** The bounds of the relay. */
export interface RelayLimits {
  /** Until the gateway's answer begins. */
  readonly headTimeoutMs: number;
  /** Without a byte of a running answer. */
  readonly idleTimeoutMs: number;
  /** A whole call; a stream of events ends here too. */
  readonly callTimeoutMs: number;
  readonly answerBytesMax: number;
  readonly callsMax: number;
}

export const relayLimits: RelayLimits = {
  headTimeoutMs: 30_000,
  idleTimeoutMs: 60_000,
  callTimeoutMs: 300_000,
  answerBytesMax: 16 * 1024 * 1024,
  callsMax: 64,
};

/** What the relay works with. */
export interface RelayTools {
  readonly catalogue: Catalogue;
  /** Where the gateway is reached from here; the only host that the relay ever calls. */
  readonly gatewayUrl: string;
  readonly log: Log;
  readonly limits?: RelayLimits;
}

/** Calls one operation for a page of the portal: POST with instructions in, the gateway's answer in an envelope out. */
export type Relay = (request: Request, apiName: string, operationId: string, requestId: string) => Promise<Response>;

/** How a page sends the key: in a field of its own, which no log shows, and the body may be shown. */
const relayKeyHeader = "x-portico-key";

/**
 * A relay to the gateway and to nowhere else. The answer's status and fields travel in `x-relay-*`, its body as it comes: as
 * bytes of no type that a browser would run, since it stands on the portal's own origin.
 */
export const openRelay = ({ catalogue, gatewayUrl, log, limits = relayLimits }: RelayTools): Relay => {
  let running = 0;
  return async (request, apiName, operationId, requestId) => {
    if (!isSameOrigin(request)) {
      return problemResponse("relay.origin_refused", "Only the portal's own pages may use the relay.", requestId);
    }
    // No form can send this type, so that a browser asks before another origin's page may (and is never told yes).
    if (!/^application\/json\s*(;|$)/i.test(request.headers.get("content-type") ?? "")) {
      return problemResponse("relay.media_type_unsupported", "Send application/json.", requestId);
    }
    if (running >= limits.callsMax) {
      return problemResponse("relay.busy", `At most ${limits.callsMax} calls run at once.`, requestId);
    }
    running += 1;
    let isCounted = true;
    const finish = (): void => {
      if (isCounted) running -= 1;
      isCounted = false;
    };
    try {
      const instructions = await readInstructions(request, requestId);
      if (instructions instanceof Response) return uncounted(instructions, finish);
      const api = await catalogue.api(apiName);
      const operation = api === undefined ? undefined : await catalogue.operation(api, operationId);
      if (api === undefined || operation === undefined) {
        return uncounted(
          problemResponse("relay.operation_not_found", "There is no such operation.", requestId),
          finish,
        );
      }
      if (!METHODS.includes(operation.method)) {
        const detail = `${operation.method} cannot be sent from here.`;
        return uncounted(problemResponse("relay.method_unsupported", detail, requestId), finish);
      }
      const key = request.headers.get(relayKeyHeader) ?? instructions.key;
      return await call({
        url: new URL(`${gatewayUrl.replace(/\/+$/, "")}${relayTarget(api, operation.path, instructions)}`),
        method: operation.method,
        headers: { ...relayHeaders(api, instructions, key), ...(api.host === undefined ? {} : { host: api.host }) },
        body: instructions.body,
        signal: request.signal,
        requestId,
        log,
        limits,
        finish,
      });
    } catch (thrown) {
      finish();
      if (thrown instanceof PathRefusal) return problemResponse("relay.path_refused", thrown.message, requestId);
      throw thrown;
    }
  };
};

const uncounted = (response: Response, finish: () => void): Response => {
  finish();
  return response;
};

const readInstructions = async (request: Request, requestId: string): Promise<RelayInstructions | Response> => {
  const tooLarge = (): Response =>
    problemResponse(
      "relay.instructions_too_large",
      `The relay takes at most ${instructionsBytesMax} bytes.`,
      requestId,
    );
  if (Number(request.headers.get("content-length") ?? 0) > instructionsBytesMax) return tooLarge();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > instructionsBytesMax) return tooLarge();
    chunks.push(chunk);
  }
  const parsed = relayInstructionsSchema.safeParse(jsonOf(Buffer.concat(chunks).toString("utf8")));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const detail = `${issue?.path.join(".") || "The body"}: ${issue?.message ?? "not valid"}.`;
  return problemResponse("relay.instructions_invalid", detail, requestId);
};

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    // What is no JSON is no object either: the schema refuses it with its own words.
    return undefined;
  }
};

interface Call {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly signal: AbortSignal;
  readonly requestId: string;
  readonly log: Log;
  readonly limits: RelayLimits;
  readonly finish: () => void;
}

const call = (details: Call): Promise<Response> =>
  new Promise((resolve) => {
    const { url, method, signal, limits, requestId, log, finish } = details;
    const startedAt = performance.now();
    const body = method === "GET" || method === "HEAD" ? undefined : details.body;
    const send = url.protocol === "https:" ? requestHttps : requestHttp;
    const outgoing: ClientRequest = send(url, {
      method,
      headers: {
        ...details.headers,
        ...(body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) }),
      },
      // A pooled connection may be closed by the gateway while we write to it; a person's single call needs no pool.
      agent: false,
    });
    const headTimer = setTimeout(() => outgoing.destroy(new Error("head timeout")), limits.headTimeoutMs);
    const callTimer = setTimeout(() => outgoing.destroy(new Error("call timeout")), limits.callTimeoutMs);
    const abort = (): void => {
      outgoing.destroy(new Error("the page went away"));
    };
    let isAnswered = false;
    signal.addEventListener("abort", abort, { once: true });
    outgoing.once("close", () => {
      clearTimeout(headTimer);
      clearTimeout(callTimer);
      signal.removeEventListener("abort", abort);
      finish();
    });
    outgoing.once("response", (answer) => {
      clearTimeout(headTimer);
      isAnswered = true;
      resolve(envelope(answer, outgoing, performance.now() - startedAt, details));
    });
    outgoing.on("error", (error) => {
      if (isAnswered) return;
      const isTimeout = error.message === "head timeout" || error.message === "call timeout";
      log.warn("the relay got no answer", { requestId, code: systemCodeOf(error), reason: messageOf(error) });
      resolve(
        isTimeout
          ? problemResponse("relay.gateway_timeout", "The gateway did not answer in time.", requestId)
          : problemResponse("relay.gateway_unreachable", "The gateway could not be reached.", requestId),
      );
    });
    outgoing.end(body);
  });

/** Bytes of the answer's fields that are told; more are left out from the end. */
const fieldBytesMax = 8 * 1024;

const envelope = (answer: IncomingMessage, outgoing: ClientRequest, headMs: number, details: Call): Response => {
  const fields: (readonly [string, string])[] = [];
  let fieldBytes = 0;
  for (let i = 0; i + 1 < answer.rawHeaders.length; i += 2) {
    const [name = "", value = ""] = [answer.rawHeaders[i], answer.rawHeaders[i + 1]];
    fieldBytes += name.length + value.length;
    if (fieldBytes > fieldBytesMax) break;
    // Its length is the answer's own, and worth showing.
    if (!isRefusedField(name.toLowerCase()) || name.toLowerCase() === "content-length") fields.push([name, value]);
  }
  return new Response(bodyOf(answer, outgoing, details), {
    headers: {
      "content-type": "application/octet-stream",
      "content-security-policy": "sandbox; default-src 'none'",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "x-request-id": details.requestId,
      "x-relay-status": String(answer.statusCode ?? 0),
      "x-relay-status-text": encodeURIComponent(answer.statusMessage ?? ""),
      "x-relay-time-ms": headMs.toFixed(1),
      // Percent-encoded JSON: field values may hold bytes that no field of ours may.
      "x-relay-headers": encodeURIComponent(JSON.stringify(fields)),
    },
  });
};

const bodyOf = (
  answer: IncomingMessage,
  outgoing: ClientRequest,
  { limits, finish }: Call,
): ReadableStream<Uint8Array> => {
  let bytes = 0;
  let isOver = false;
  answer.setTimeout(limits.idleTimeoutMs, () => outgoing.destroy(new Error("idle timeout")));
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        const fail = (): void => {
          if (!isOver) controller.error(new Error("the gateway's answer broke off"));
          isOver = true;
        };
        answer.on("data", (chunk: Buffer) => {
          bytes += chunk.byteLength;
          if (bytes > limits.answerBytesMax) {
            outgoing.destroy();
            return fail();
          }
          controller.enqueue(new Uint8Array(chunk));
          if ((controller.desiredSize ?? 0) <= 0) answer.pause();
        });
        answer.once("end", () => {
          finish();
          if (!isOver) controller.close();
          isOver = true;
        });
        answer.once("error", fail);
        // `close` without `end` is a broken answer.
        answer.once("close", fail);
        answer.pause();
      },
      pull: () => {
        answer.resume();
      },
      cancel: () => {
        isOver = true;
        outgoing.destroy();
      },
    },
    { highWaterMark: 4 },
  );
};
