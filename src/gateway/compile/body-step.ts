import type { Exchange, Step } from "../../exchange/exchange.ts";
import type { MessageName } from "../../exchange/policy.ts";

/** Bytes of a body that expressions may see: a larger one is refused with 413, of a reply with 502. */
const expressionBodyBytesMax = 1024 * 1024;

/** A step whose expressions read bodies: it begins when they are here as a whole, at once where they are already. */
export const withBodies =
  (step: Step, reads: ReadonlySet<MessageName>): Step =>
  (x) => {
    const request = reads.has("request") ? missing(x.request.body) : null;
    const response = reads.has("response") && x.reply !== null ? missing(x.reply.body) : null;
    if (request === null && response === null) return step(x);
    return Promise.all([request, response]).then(() => step(x));
  };

const missing = (body: Exchange["request"]["body"]): Promise<Uint8Array> | null =>
  body.whole === undefined ? body.read(expressionBodyBytesMax) : null;
