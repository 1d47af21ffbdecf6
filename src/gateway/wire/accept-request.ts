import type { GatewayProblemCode } from "../../exchange/problems.ts";
import { readAbsoluteTarget, readAuthority } from "./authority.ts";
import { checkPath } from "./check-path.ts";
import { connectionClose, connectionKeepAlive, frameRequest, readConnection } from "./framing.ts";
import type { Head, ScanResult } from "./head.ts";
import { isRemovableByConnection, kindConnection, kindExpect, kindHop, kindHost, kindUpgrade } from "./known-names.ts";
import { latin1Of } from "./latin1.ts";
import { acceptUpgrade } from "./upgrade.ts";
import type { WireRequest } from "./wire-request.ts";

/** The refusal of a head that the scanner refused. */
export const codeOfScan = (result: ScanResult): GatewayProblemCode => {
  if (result === "too-large") return "request.header_too_large";
  if (result === "target-too-long") return "request.target_too_long";
  return result === "version" ? "request.version_unsupported" : "request.head_invalid";
};

/** What a legal head asks of the connection. */
export interface Asked {
  /** Whether the connection may serve another request after this one. */
  keepsAlive: boolean;
  /** `Expect: 100-continue` waits for an answer. */
  expectsContinue: boolean;
  /** The last Host field as it came, and what it was read as: a client seldom changes it. */
  hostField: string;
  host: string;
}

const commonMethods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"] as const;

/**
 * Everything that is decided from a complete head before anybody else sees the request. Answers the code of the refusal, or the empty
 * string; fills in method, host and path of `request`, framing of its head, and `asked`. After a refusal the connection is closed.
 */
export const acceptRequest = (request: WireRequest, asked: Asked): GatewayProblemCode | "" => {
  const { head } = request;
  request.method = methodOf(head);
  request.pathStart = head.targetStart;
  asked.keepsAlive = false;
  asked.expectsContinue = false;
  if (!frameRequest(head)) return "request.framing_invalid";
  const refused = acceptHost(request, asked);
  if (refused !== "") return refused;
  const bits = readConnectionOf(head);
  asked.keepsAlive =
    head.minor === 0
      ? (bits & connectionKeepAlive) !== 0 && (bits & connectionClose) === 0
      : (bits & connectionClose) === 0;
  const unexpected = acceptExpect(head, asked);
  if (unexpected !== "" || (head.known[kindUpgrade] ?? -1) < 0) return unexpected;
  return acceptUpgrade(request, bits);
};

const methodOf = (head: Head): string => {
  const start = head.methodStart;
  const length = head.methodEnd - start;
  for (const method of commonMethods) {
    if (method.length === length && isMethodAt(head.bytes, start, method)) return method;
  }
  return latin1Of(head.bytes, start, head.methodEnd);
};

/** Methods compare by case (RFC 9110 section 9.1). */
const isMethodAt = (bytes: Buffer, start: number, method: string): boolean => {
  for (let at = 0; at < method.length; at++) if (bytes[start + at] !== method.charCodeAt(at)) return false;
  return true;
};

/** Host and target, RFC 9112 section 3.2: they decide together where the request goes. */
const acceptHost = (request: WireRequest, asked: Asked): GatewayProblemCode | "" => {
  const { head } = request;
  const index = head.known[kindHost] ?? -1;
  if (head.isRepeated(kindHost)) return "request.host_invalid";
  // Section 3.2: a 1.1 request without Host is refused; 1.0 had none.
  if (index < 0 && head.minor !== 0) return "request.host_invalid";
  if (index >= 0) {
    if (asked.hostField === "" || !head.isValue(index, asked.hostField)) {
      const field = head.value(index);
      const host = readAuthority(field);
      if (host === undefined) return "request.host_invalid";
      asked.hostField = field;
      asked.host = host;
    }
    request.host = asked.host;
  }
  // RFC 9110 sections 9.3.6 and 9.3.8: a tunnel and an echo of credentials are not for a gateway.
  if (request.method === "CONNECT" || request.method === "TRACE" || request.method === "TRACK") {
    return "request.method_refused";
  }
  const first = head.bytes[head.targetStart] ?? 0;
  if (first === 0x2f) {
    if (head.isPathSuspect && !checkPath(latin1Of(head.bytes, head.targetStart, head.pathEnd))) {
      return "request.path_invalid";
    }
    return "";
  }
  // Section 3.2.4: asterisk-form, for OPTIONS only.
  if (first === 0x2a && head.targetEnd === head.targetStart + 1 && request.method === "OPTIONS") return "";
  return acceptAbsolute(request);
};

/** Section 3.2.2: the host of an absolute-form target replaces the Host field. */
const acceptAbsolute = (request: WireRequest): GatewayProblemCode | "" => {
  const { head } = request;
  const target = latin1Of(head.bytes, head.targetStart, head.targetEnd);
  const absolute = readAbsoluteTarget(target);
  if (absolute === undefined) return /^https?:\/\//i.test(target) ? "request.host_invalid" : "request.path_invalid";
  request.host = absolute.host;
  request.pathStart = head.targetStart + absolute.pathOffset;
  // The scanner took the first `?` for the query's begin; an authority holds none, so that it stands right.
  const path = latin1Of(head.bytes, request.pathStart, head.pathEnd);
  return path === "" || checkPath(path) ? "" : "request.path_invalid";
};

const readConnectionOf = (head: Head): number => {
  if ((head.known[kindConnection] ?? -1) < 0) return 0;
  return readConnection(head, kindConnection, (start, length) => markHop(head, start, length));
};

/** RFC 9110 section 7.6.1: what `Connection` names ends here; but never what others rely on. */
export const markHop = (head: Head, start: number, length: number): void => {
  const name = latin1Of(head.bytes, start, start + length);
  for (let index = 0; index < head.count; index++) {
    if (isRemovableByConnection(head.kindAt(index)) && head.hasName(index, name)) head.kinds[index] = kindHop;
  }
};

/** RFC 9110 section 10.1.1. Where there is no body the expectation says nothing; in HTTP/1.0 it does not exist. */
const acceptExpect = (head: Head, asked: Asked): GatewayProblemCode | "" => {
  const index = head.known[kindExpect] ?? -1;
  if (index < 0 || head.minor === 0) return "";
  if (head.isRepeated(kindExpect) || !head.hasValue(index, "100-continue")) return "request.expectation_failed";
  asked.expectsContinue = head.framing !== "none";
  return "";
};
