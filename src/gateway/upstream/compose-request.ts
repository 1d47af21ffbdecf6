import { tokenPattern } from "../../exchange/headers.ts";
import { forwardedElement } from "../wire/forwarding.ts";
import type { Head } from "../wire/head.ts";
import {
  droppedFromRequest,
  kindContentLength,
  kindForwarded,
  kindForwardedFor,
  kindForwardedHost,
  kindForwardedProto,
  kindOfName,
  kindTe,
  kindTraceparent,
  kindTracestate,
  kindVia,
  ownedByEngine,
} from "../wire/known-names.ts";
import { latin1Of } from "../wire/latin1.ts";
import type { ClientSide } from "../wire/sides.ts";
import { isTracestateLegal, traceparentOf } from "../wire/trace-context.ts";
import type { CallSubject } from "./call-subject.ts";
import type { PreparedTarget } from "./target.ts";
import type { TraceIds } from "./trace-ids.ts";

/** A path or query that may stand in a request line: visible ASCII without `#`. */
const targetPattern = /^[\x21\x22\x24-\x7e]*$/;
/**
 * The head of a request to a backend: unchanged lines of the client's head in runs, what policies added, what the engine adds.
 * Throws a RangeError where an edit would break the request line.
 */
export const composeRequest = (
  x: CallSubject,
  target: PreparedTarget,
  path: string,
  framingLine: string,
  traceIds: TraceIds,
  /** The path is the exchange's own, not a redirect's. */
  isTrusted: boolean,
): string => {
  const { request } = x;
  const { head, fields, method } = request;
  if (!isOrdinaryMethod(method) && (!tokenPattern.test(method) || method === "CONNECT"))
    throw new RangeError("not a legal method");
  if (!(isTrusted && request.isTargetAsCame) && !targetPattern.test(path))
    throw new RangeError("the path or query holds a byte that must be percent-encoded");
  const hasEdits = fields.added.length > 0;
  let text = `${method} ${path} HTTP/1.1\r\n`;
  if (!(hasEdits && fields.hasAdded("host"))) {
    text += target.preserveHost && request.host !== "" ? `Host: ${request.host}\r\n` : target.hostLine;
  }
  const isTraceLegal = traceparentOf(head) !== "";
  x.traceparent = x.record === null ? "" : x.record.nextTraceparent();
  if (x.traceparent === "" && !isTraceLegal) x.traceparent = traceIds.next();
  const hasState = (head.known[kindTracestate] ?? -1) >= 0;
  text += runsOf(head, target, x.traceparent === "", isTraceLegal && hasState && isTracestateLegal(head));
  if (hasEdits) text += addedLines(fields.added, target);
  text += target.headerLines;
  text += hasEdits ? lessOverridden(engineLines(x), fields.hasAdded.bind(fields)) : engineLines(x);
  return `${text}${framingLine}\r\n`;
};

const isOrdinaryMethod = (method: string): boolean =>
  method === "GET" || method === "POST" || method === "PUT" || method === "DELETE" || method === "PATCH";

const runsOf = (head: Head, target: PreparedTarget, isTraceparentKept: boolean, isTracestateKept: boolean): string => {
  const { bytes, kinds, count } = head;
  const hasOwn = target.headerNames.length > 0;
  let text = "";
  let runStart = head.lineStart(0);
  for (let index = 0; index < count; index++) {
    const kind = kinds[index] ?? 0;
    const isDropped =
      kind >= 0x80 ||
      droppedFromRequest[kind] === 1 ||
      (kind === kindTraceparent && !isTraceparentKept) ||
      (kind === kindTracestate && !isTracestateKept) ||
      (hasOwn && isReplaced(head, index, target.headerNames));
    if (!isDropped) continue;
    const lineStart = head.lineStart(index);
    if (lineStart > runStart) text += latin1Of(bytes, runStart, lineStart);
    runStart = head.lineStart(index + 1);
  }
  const end = head.end - 2;
  return end > runStart ? text + latin1Of(bytes, runStart, end) : text;
};

const isReplaced = (head: Head, index: number, names: readonly string[]): boolean => {
  for (const name of names) if (head.hasName(index, name)) return true;
  return false;
};

const addedLines = (added: readonly string[], target: PreparedTarget): string => {
  let text = "";
  for (let at = 0; at < added.length; at += 2) {
    const name = added[at] ?? "";
    // Framing is the engine's; credentials of the backend are the operator's: a policy of an API does not replace them.
    if (ownedByEngine[kindOfName(name)] === 1 || target.headerNames.includes(name.toLowerCase())) continue;
    text += `${name}: ${added[at + 1] ?? ""}\r\n`;
  }
  return text;
};

/** What the gateway itself tells the backend about the call. */
const engineLines = (x: CallSubject): string => {
  const { head } = x.request;
  let text = `${forwardingLines(x)}X-Request-Id: ${x.id}\r\n`;
  if (x.traceparent !== "") text += `traceparent: ${x.traceparent}\r\n`;
  // RFC 9110 section 10.1.4: `trailers` is the only option that we hand on; trailers pass through us.
  const te = head.known[kindTe] ?? -1;
  if (te >= 0 && head.hasValue(te, "trailers")) text += "TE: trailers\r\n";
  return text;
};

/** `X-Forwarded-*`, `Forwarded` (RFC 7239) and `Via` (RFC 9110 section 7.6.3): what an untrusted client sent of them is gone. */
const forwardingLines = (x: CallSubject): string => {
  const { client } = x;
  const { head, host, scheme } = x.request;
  if (client === null) return "";
  const hasVia = (head.known[kindVia] ?? -1) >= 0;
  if (client.isPeerTrusted || hasVia || head.minor === 0) {
    return linesBehind(x, client, client.isPeerTrusted);
  }
  if (client.forwardingLines === "" || client.forwardingHost !== host) {
    client.forwardingHost = host;
    client.forwardingLines =
      `X-Forwarded-For: ${client.address}\r\nX-Forwarded-Proto: ${scheme}\r\n` +
      `${host === "" ? "" : `X-Forwarded-Host: ${host}\r\n`}Forwarded: ${forwardedElement(client.address, host, scheme)}\r\n` +
      `Via: ${client.protocol} portico\r\n`;
  }
  return client.forwardingLines;
};

const linesBehind = (x: CallSubject, client: ClientSide, isTrusted: boolean): string => {
  const peer = client.address;
  const { head, host, scheme, fields } = x.request;
  const earlier = (kind: number, name: string): string =>
    isTrusted && (head.known[kind] ?? -1) >= 0 ? fields.getAll(name).join(", ") : "";
  const listed = (before: string, last: string): string => (before === "" ? last : `${before}, ${last}`);
  const proto = earlier(kindForwardedProto, "x-forwarded-proto") || scheme;
  const named = earlier(kindForwardedHost, "x-forwarded-host") || host;
  const via = (head.known[kindVia] ?? -1) >= 0 ? fields.getAll("via").join(", ") : "";
  return (
    `X-Forwarded-For: ${listed(earlier(kindForwardedFor, "x-forwarded-for"), peer)}\r\nX-Forwarded-Proto: ${proto}\r\n` +
    `${named === "" ? "" : `X-Forwarded-Host: ${named}\r\n`}` +
    `Forwarded: ${listed(earlier(kindForwarded, "forwarded"), forwardedElement(peer, host, scheme))}\r\n` +
    `Via: ${listed(via, `${head.minor === 0 ? "1.0" : client.protocol} portico`)}\r\n`
  );
};

/** A policy that sets one of the engine's fields itself has the last word. */
const lessOverridden = (lines: string, isSet: (name: string) => boolean): string =>
  lines
    .split("\r\n")
    .filter((line) => line !== "" && !isSet(line.slice(0, line.indexOf(":"))))
    .map((line) => `${line}\r\n`)
    .join("");

/** True where the client itself declared a length of zero: the backend is told so too. */
export const declaresEmpty = (head: Head): boolean => (head.known[kindContentLength] ?? -1) >= 0;
