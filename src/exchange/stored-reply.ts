import { httpDateMs } from "./cache-control.ts";
import { type Headers, plainHeaders } from "./headers.ts";
import type { Reply } from "./reply.ts";

/** A reply as a cache keeps it. Times of the wall clock. */
export interface StoredReply {
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
  /** When it came, and how old it was then, in seconds (RFC 9111 section 4.2.3). */
  readonly receivedAtMs: number;
  readonly initialAgeSeconds: number;
  /** For how long it was fresh then, from when it was made. */
  readonly freshSeconds: number;
  readonly tags: readonly string[];
}

type StoredHead = Omit<StoredReply, "body">;

/** As bytes: the head's length, the head as JSON, the body. */
export const encodeStored = (stored: StoredReply): Uint8Array => {
  const { body, ...rest } = stored;
  const head = Buffer.from(JSON.stringify(rest satisfies StoredHead));
  const bytes = Buffer.allocUnsafe(4 + head.length + body.length);
  bytes.writeUInt32LE(head.length, 0);
  head.copy(bytes, 4);
  bytes.set(body, 4 + head.length);
  return bytes;
};

/** What `encodeStored` made. */
export const decodeStored = (bytes: Uint8Array): StoredReply => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = 4 + buffer.readUInt32LE(0);
  // Only this file writes these bytes.
  const head = JSON.parse(buffer.toString("utf8", 4, end)) as StoredHead;
  return { ...head, body: buffer.subarray(end) };
};

/** Its age now, in seconds. */
export const ageSeconds = (stored: StoredReply, nowMs: number): number =>
  stored.initialAgeSeconds + Math.max(0, (nowMs - stored.receivedAtMs) / 1000);

/** Fields that a cache makes anew, or that belonged to one connection. */
const unkeptFields: ReadonlySet<string> = new Set([
  "age",
  "cache-status",
  "connection",
  "content-length",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** The fields of a reply that are kept (RFC 9111 section 3.1). */
export const keptFields = (headers: Headers): readonly (readonly [string, string])[] =>
  headers.entries().filter(([name]) => !unkeptFields.has(name.toLowerCase()));

/** A stored reply with the fields of a 304 that confirms it (section 3.2): what describes the body itself stays. */
export const freshened = (stored: StoredReply, headers: Headers): readonly (readonly [string, string])[] => {
  const newer = keptFields(headers).filter(([name]) => !/^content-(?:encoding|type|range|length)$/i.test(name));
  const names = new Set(newer.map(([name]) => name.toLowerCase()));
  return [...stored.headers.filter(([name]) => !names.has(name.toLowerCase())), ...newer];
};

/** What a request says that decides how a stored reply answers it. */
export interface Asking {
  readonly method: string;
  readonly headers: Headers;
}

/** The answer from the store: whole, a part of it, or 304 where the client has it already (RFC 9110 section 13.2.2). */
export const replyFromStore = (stored: StoredReply, asking: Asking, nowMs: number, cacheStatus: string): Reply => {
  const headers = plainHeaders(stored.headers);
  headers.set("age", String(Math.floor(ageSeconds(stored, nowMs))));
  headers.set("cache-status", cacheStatus);
  if (stored.status === 200 && isKnownToClient(asking.headers, headers)) {
    for (const [name] of stored.headers) if (/^content-(?!location$)|^last-modified$/i.test(name)) headers.delete(name);
    return { status: 304, headers: headers.entries(), body: null };
  }
  const range =
    stored.status === 200 && asking.method === "GET" ? rangeOf(asking.headers, headers, stored.body.length) : null;
  if (range !== null) {
    headers.set("content-range", `bytes ${range.from}-${range.to - 1}/${stored.body.length}`);
    return { status: 206, headers: headers.entries(), body: stored.body.subarray(range.from, range.to) };
  }
  return { status: stored.status, reason: stored.reason, headers: headers.entries(), body: stored.body };
};

const isKnownToClient = (asked: Headers, held: Headers): boolean => {
  const tags = asked.getAll("if-none-match");
  if (tags.length > 0) {
    const own = weak(held.get("etag"));
    return tags.some((field) => field.trim() === "*" || (own !== undefined && entityTags(field).includes(own)));
  }
  const sinceMs = httpDateMs(asked.get("if-modified-since"));
  const changedMs = httpDateMs(held.get("last-modified")) ?? httpDateMs(held.get("date"));
  return sinceMs !== undefined && changedMs !== undefined && changedMs <= sinceMs;
};

/** Entity tags without `W/`: for `If-None-Match` weak ones compare equal (RFC 9110 section 13.1.2). */
const entityTags = (field: string): readonly string[] => [...field.matchAll(/"[^"]*"/g)].map(([tag]) => tag);

const weak = (tag: string | undefined): string | undefined => tag?.replace(/^W\//, "");

/** One range of bytes that a `Range` asks for; null where the whole is the answer (RFC 9110 section 14.2 allows that always). */
const rangeOf = (
  asked: Headers,
  held: Headers,
  length: number,
): { readonly from: number; readonly to: number } | null => {
  const match = /^bytes=(\d*)-(\d*)$/.exec(asked.get("range") ?? "");
  if (match === null || asked.getAll("range").length > 1) return null;
  const condition = asked.get("if-range");
  if (condition !== undefined && !isStrongMatch(condition, held)) return null;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return null;
  const from = first === "" ? Math.max(0, length - Number(last)) : Number(first);
  const to = first === "" || last === "" ? length : Math.min(length, Number(last) + 1);
  return from < to ? { from, to } : null;
};

/** `If-Range` needs a strong validator (RFC 9110 section 13.1.5). */
const isStrongMatch = (condition: string, held: Headers): boolean =>
  condition.startsWith('"') ? condition === held.get("etag") : condition === held.get("last-modified");
