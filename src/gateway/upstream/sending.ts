import { refuse } from "../../exchange/refuse.ts";
import type { Reply } from "../../exchange/reply.ts";
import { IterableSource } from "../wire/iterable-source.ts";
import type { BodySource } from "../wire/sides.ts";
import { chooseUpgrade, upgradeLines } from "../wire/upgrade.ts";
import type { CallSubject, Sending } from "./call-subject.ts";
import { composeRequest, declaresEmpty } from "./compose-request.ts";
import type { PreparedTarget } from "./target.ts";
import type { TraceIds } from "./trace-ids.ts";
import type { UpstreamCall } from "./upstream-call.ts";

/** Decides the framing of the request to the backend and composes its head; or the refusal where that is not possible. */
export const prepareSend = (call: UpstreamCall, traceIds: TraceIds): Sending | Reply => {
  const { x } = call;
  const { body, head } = x.request;
  const { replaced } = body;
  if (replaced === undefined && body.isTaken) {
    return refuse("policy.fault", { detail: "The request body has been sent already; buffer it to send it again." });
  }
  if (x.request.upgrade !== "" && call.path === null) {
    const upgrade = chooseUpgrade(x);
    if (upgrade === null) return refuse("request.upgrade_refused");
    call.upgrade = upgrade;
  }
  let line = "";
  let whole: Buffer | null = null;
  let source: BodySource | null = null;
  let isEncoding = false;
  if (call.path !== null) {
    // A redirect that is followed carries no body.
  } else if (call.upgrade !== "") line = upgradeLines(call.upgrade);
  else if (replaced === undefined) {
    source = body.source;
    if (source === null) line = declaresEmpty(head) ? "Content-Length: 0\r\n" : "";
    else if (source.framing === "length") line = `Content-Length: ${source.length}\r\n`;
    else {
      line = "Transfer-Encoding: chunked\r\n";
      // A body of HTTP/2 without a length comes without chunk framing.
      isEncoding = source.framing === "close";
    }
  } else if (replaced === null || typeof replaced === "string" || replaced instanceof Uint8Array) {
    whole = wholeOf(replaced);
    // RFC 9110 section 8.6: a length is told also where it is zero, if the method expects a body.
    if (whole !== null || /^(?:POST|PUT|PATCH)$/.test(x.request.method))
      line = `Content-Length: ${whole?.length ?? 0}\r\n`;
  } else {
    source = new IterableSource(replaced);
    isEncoding = true;
    line = "Transfer-Encoding: chunked\r\n";
  }
  try {
    const text = composeRequest(x, call.target, call.path ?? pathOf(call), line, traceIds, call.path === null);
    if (replaced === undefined && source !== null) body.takeSource();
    return { head: text, whole, source, isRaw: source?.framing === "chunked", isEncoding };
  } catch (thrown) {
    // Only an edit of a policy can do that: what came over the wire was legal.
    if (thrown instanceof RangeError)
      return refuse("policy.fault", { detail: "A policy made an illegal request target." });
    throw thrown;
  }
};

/** The request with a body that has passed already, for another backend. */
export const prepareCopy = (
  x: CallSubject,
  target: PreparedTarget,
  body: Buffer | null,
  traceIds: TraceIds,
): Sending | Reply => {
  let line = "";
  if (body !== null || declaresEmpty(x.request.head)) line = `Content-Length: ${body?.length ?? 0}\r\n`;
  try {
    const head = composeRequest(x, target, pathOf({ x, target }), line, traceIds, true);
    return { head, whole: body, source: null, isRaw: false, isEncoding: false };
  } catch (thrown) {
    if (thrown instanceof RangeError) return refuse("policy.fault");
    throw thrown;
  }
};

const wholeOf = (body: string | Uint8Array | null): Buffer | null => {
  if (body === null || body.length === 0) return null;
  return typeof body === "string" ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
};

/** Path and query of the request to the backend: the base's path, the exchange's, the exchange's query and the target's own. */
const pathOf = ({ x, target }: Pick<UpstreamCall, "x" | "target">): string => {
  const { upstreamPath, upstreamQuery } = x.request;
  let path =
    target.basePath + (upstreamPath.startsWith("/") || upstreamPath === "" ? upstreamPath : `/${upstreamPath}`);
  if (path === "") path = "/";
  if (upstreamQuery !== "") path += `?${upstreamQuery}`;
  if (target.query !== "") path += `${upstreamQuery === "" ? "?" : "&"}${target.query}`;
  return path;
};
