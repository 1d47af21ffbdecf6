import { Fault } from "../base/fault.ts";
import { codingsOf, decoded, isDecodable } from "./content-coding.ts";
import type { Exchange, ExchangeReply, ExchangeRequest } from "./exchange.ts";
import type { Headers } from "./headers.ts";
import type { ReplyBody } from "./reply.ts";

type Message = ExchangeRequest | ExchangeReply;

/** Bytes that a policy takes of a body which it must hold as a whole to change it. */
const heldBodyBytesMax = 8 * 1024 * 1024;
/** Bytes that may come out of a compressed body which passes as a stream. */
const streamedBodyBytesMax = 4 * 1024 ** 3;

/** Fields that describe the very bytes of a body: false once it is changed (RFC 9530, RFC 1864). */
const digestFields = ["content-md5", "content-digest", "repr-digest", "digest", "accept-ranges"] as const;

/** Replaces a body by other bytes of the same meaning: what described the old bytes goes, a strong validator becomes weak. */
export const changeBody = (message: Message, body: ReplyBody): void => {
  message.body.replace(body);
  message.headers.delete("content-encoding");
  for (const name of digestFields) message.headers.delete(name);
  const tag = message.headers.get("etag");
  // RFC 9110 section 8.8.1: the validator was for other bytes.
  if (tag !== undefined && !tag.startsWith("W/")) message.headers.set("etag", `W/${tag}`);
};

/** The body's bytes behind its content codings, as they come; undefined where a coding is unknown: such a body cannot be changed. */
export const plainStream = (message: Message): AsyncIterable<Uint8Array> | undefined => {
  const codings = codingsOf(message.headers.get("content-encoding"));
  return isDecodable(codings) ? decoded(message.body.stream(), codings, streamedBodyBytesMax) : undefined;
};

/** True where a body has no content coding. */
export const isPlain = (message: Message): boolean => codingsOf(message.headers.get("content-encoding")).length === 0;

/** Bytes of a body behind its content codings; null where more than `bytesMax` come out. Rejects with a Fault for what is not decodable. */
export const decodedBody = async (
  message: Message,
  bytes: Uint8Array,
  bytesMax: number,
): Promise<Uint8Array | null> => {
  const codings = codingsOf(message.headers.get("content-encoding"));
  if (!isDecodable(codings)) throw unreadable("has an unknown content coding");
  const parts: Uint8Array[] = [];
  try {
    for await (const part of decoded(once(bytes), codings, bytesMax)) parts.push(part);
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === "request.body_too_large") return null;
    throw thrown;
  }
  return Buffer.concat(parts);
};

/** The whole body behind its content codings, as text in its charset. Rejects with a Fault: too large, not decodable. */
export const plainText = async (message: Message, bytesMax: number = heldBodyBytesMax): Promise<string> => {
  const codings = codingsOf(message.headers.get("content-encoding"));
  if (!isDecodable(codings)) throw unreadable("has an unknown content coding");
  const parts: Uint8Array[] = [];
  const bytes = await message.body.read(bytesMax);
  for await (const part of decoded(once(bytes), codings, bytesMax)) parts.push(part);
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(message.headers.get("content-type") ?? "")?.[1] ?? "utf-8";
  try {
    return new TextDecoder(charset, { fatal: true }).decode(Buffer.concat(parts));
  } catch {
    throw unreadable(`is no ${charset.slice(0, 40)} text`);
  }
};

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

const unreadable = (why: string): Fault =>
  new Fault("request.body_invalid", { public: `The body ${why}.`, status: 400 });

/**
 * Holds the whole body and replaces it by what `convert` makes of its text. What cannot be read is the sender's mistake: 400 for a
 * request, 502 for a backend's reply.
 */
export const convertBody = async (
  message: Message,
  mediaType: string,
  convert: (text: string) => string | Promise<string>,
): Promise<void> => {
  try {
    changeBody(message, await convert(await plainText(message)));
  } catch (thrown) {
    if (!("status" in message) || !(thrown instanceof Fault) || thrown.code !== "request.body_invalid") throw thrown;
    throw new Fault("backend.reply_invalid", {
      public: "The backend's reply could not be converted.",
      internal: thrown.message,
      status: 502,
      cause: thrown,
    });
  }
  message.headers.set("content-type", mediaType);
};

/** The media type of a message in lower case, without parameters; empty where it says none. */
export const mediaTypeOf = (headers: Headers): string =>
  (headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";

/** True for JSON and for types built on it: `application/problem+json` (RFC 6839 section 3.1). */
export const isJsonType = (mediaType: string): boolean => /^(?:application|text)\/(?:.+\+)?json$/.test(mediaType);

/** True for XML and for types built on it (RFC 7303). */
export const isXmlType = (mediaType: string): boolean => /^(?:application|text)\/(?:.+\+)?xml$/.test(mediaType);

/** True where `Accept` names a type of the kind, without weighing it: what conversions after the catalogue ask. */
export const accepts = (x: Exchange, isOfKind: (mediaType: string) => boolean): boolean =>
  x.request.headers
    .getAll("accept")
    .flatMap((field) => field.split(","))
    .some(
      (entry) => isOfKind(entry.split(";", 1)[0]?.trim().toLowerCase() ?? "") && !/;\s*q=0(?:\.0*)?\s*$/i.test(entry),
    );
