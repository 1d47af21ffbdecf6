import { isNameAt, lowerByte } from "./byte-class.ts";

/** Fields that the engine itself looks at. Their index in this list is their kind; 0 is every other name. */
const names = [
  "",
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
  "expect",
  "upgrade",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "x-request-id",
  "traceparent",
  "tracestate",
  "via",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-",
  "x-real-ip",
  "date",
  "authorization",
  "proxy-authorization",
  "http2-settings",
  "content-type",
  "content-encoding",
  "cookie",
  "x-api-key",
  "named by connection",
  "location",
  "portico-explain",
] as const;

type Name = (typeof names)[number];

const kindNamed = (name: Name): number => names.indexOf(name);

export const kindCount: number = names.length;
export const kindHost: number = kindNamed("host");
export const kindContentLength: number = kindNamed("content-length");
export const kindTransferEncoding: number = kindNamed("transfer-encoding");
export const kindConnection: number = kindNamed("connection");
export const kindExpect: number = kindNamed("expect");
export const kindUpgrade: number = kindNamed("upgrade");
export const kindContentType: number = kindNamed("content-type");
export const kindTe: number = kindNamed("te");
export const kindTraceparent: number = kindNamed("traceparent");
export const kindTracestate: number = kindNamed("tracestate");
export const kindVia: number = kindNamed("via");
export const kindForwarded: number = kindNamed("forwarded");
export const kindForwardedFor: number = kindNamed("x-forwarded-for");
export const kindForwardedProto: number = kindNamed("x-forwarded-proto");
export const kindForwardedHost: number = kindNamed("x-forwarded-host");
const kindForwardedOther: number = kindNamed("x-forwarded-");
export const kindDate: number = kindNamed("date");
export const kindLocation: number = kindNamed("location");
export const kindExplain: number = kindNamed("portico-explain");
/** Marks a field that ends at this hop: `Connection` has named it (RFC 9110 section 7.6.1), or it only looks like one of the engine's. */
export const kindHop: number = kindNamed("named by connection");

/** Names are at most this long; the table has a row per length and a column per last five bits of the first letter. */
const lengthMax = 32;
const placeOf = (length: number, first: number): number => (length << 5) | (first & 31);
const firstChoice = new Uint8Array(lengthMax << 5);
const secondChoice = new Uint8Array(lengthMax << 5);
names.forEach((name, kind) => {
  if (name === "" || name === "x-forwarded-" || kind === kindHop) return;
  const place = placeOf(name.length, name.charCodeAt(0));
  if (firstChoice[place] === 0) firstChoice[place] = kind;
  else if (secondChoice[place] === 0) secondChoice[place] = kind;
  else throw new Error(`three known names share length and first letter: ${name}`);
});

/** The kind of the name at `start`: by its length and first letter, then by its bytes. */
export const kindOf = (bytes: Uint8Array, start: number, length: number): number => {
  const first = bytes[start] ?? 0;
  if (length < lengthMax) {
    const place = placeOf(length, first);
    const kind = firstChoice[place] ?? 0;
    if (kind !== 0) {
      if (isNameAt(bytes, start, names[kind] ?? "")) return kind;
      const other = secondChoice[place] ?? 0;
      if (other !== 0 && isNameAt(bytes, start, names[other] ?? "")) return other;
      if (isLookalike(bytes, start, kind) || isLookalike(bytes, start, other)) return kindHop;
    }
  }
  if (length <= 12 || (first | 0x20) !== 0x78) return 0;
  if (isNameAt(bytes, start, "x-forwarded-")) return kindForwardedOther;
  return isAlike(bytes, start, "x-forwarded-") ? kindHop : 0;
};

/**
 * True for `Content_Length` and the like. Servers that make variables of field names (CGI, WSGI and their kin) cannot tell it from the
 * field that the engine writes or drops, so that a client could say there what it may not say here.
 */
const isLookalike = (bytes: Uint8Array, start: number, kind: number): boolean =>
  droppedFromRequest[kind] === 1 && isAlike(bytes, start, names[kind] ?? "");

/** As `isNameAt`, with `_` for `-`. */
const isAlike = (bytes: Uint8Array, start: number, name: string): boolean => {
  for (let at = 0; at < name.length; at++) {
    const byte = bytes[start + at] ?? 0;
    if (lowerByte[byte === 0x5f ? 0x2d : byte] !== name.charCodeAt(at)) return false;
  }
  return true;
};

/** The kind of a name given as a string. */
export const kindOfName = (name: string): number => kindOf(Buffer.from(name, "latin1"), 0, name.length);

const tableOf = (dropped: readonly Name[]): Uint8Array => {
  const table = new Uint8Array(kindCount);
  for (const name of dropped) table[kindNamed(name)] = 1;
  return table;
};

/** Ends at this hop in both directions (RFC 9110 section 7.6.1), whatever `Connection` says. */
const hopByHop: readonly Name[] = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "upgrade",
  "http2-settings",
  "named by connection",
];

/** Request fields that are not copied to the backend: hop-by-hop ones, and those that the engine writes itself. */
export const droppedFromRequest: Uint8Array = tableOf([
  ...hopByHop,
  "host",
  "content-length",
  "transfer-encoding",
  "expect",
  "trailer",
  "x-request-id",
  "via",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-",
  "x-real-ip",
  "proxy-authorization",
  "portico-explain",
]);

/** Reply fields that are not copied to the client. Framing lines are decided reply by reply. */
export const droppedFromReply: Uint8Array = tableOf([...hopByHop, "x-request-id"]);

/** Fields that policies cannot write: framing and the connection are the engine's business. */
export const ownedByEngine: Uint8Array = tableOf([
  ...hopByHop,
  "content-length",
  "transfer-encoding",
  "expect",
  "trailer",
]);

/** The same for replies: every reply carries the engine's own request id. */
export const ownedInReply: Uint8Array = tableOf([
  ...hopByHop,
  "content-length",
  "transfer-encoding",
  "trailer",
  "x-request-id",
]);

/** Fields that may not stand in a trailer section (RFC 9110 section 6.5.1): framing, routing, authentication, control. */
export const refusedInTrailer: Uint8Array = tableOf([
  ...hopByHop,
  "host",
  "content-length",
  "transfer-encoding",
  "expect",
  "trailer",
  "authorization",
  "proxy-authorization",
  "cookie",
  "x-api-key",
  "content-type",
  "content-encoding",
  "x-request-id",
  "traceparent",
  "via",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-",
  "x-real-ip",
  "date",
  "location",
]);

/**
 * Only fields of no kind can be removed by being named in `Connection`: a client must not be able to strip framing, Host,
 * credentials or forwarding information that policies and backends rely on (the attack `Connection: Content-Length`).
 */
export const isRemovableByConnection = (kind: number): boolean => kind === 0;
