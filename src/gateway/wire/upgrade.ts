import { createHash } from "node:crypto";
import type { GatewayProblemCode } from "../../exchange/problems.ts";
import type { StreamSettings } from "../stream-settings.ts";
import { connectionUpgrade } from "./framing.ts";
import type { Head } from "./head.ts";
import type { HeadFields } from "./head-fields.ts";
import { kindUpgrade } from "./known-names.ts";
import type { WireRequest } from "./wire-request.ts";

/** Whose request asks for another protocol. */
interface Asking {
  readonly request: WireRequest;
  readonly streams: StreamSettings;
}

/** Protocols that one request may name; more are no honest question. */
const namedMax = 8;
/** RFC 9110 section 7.8: a name, with a version where it has one. */
const protocolPattern = /^[!#$%&'*+.^_`|~0-9a-z-]+(?:\/[!#$%&'*+.^_`|~0-9a-z-]+)?$/;
/** RFC 6455 section 4.1: 16 bytes in base64. */
const keyPattern = /^[A-Za-z0-9+/]{21}[AQgw]==$/;
const acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const websocketVersion = "13";

/** The protocol whose handshake and frames the engine knows. */
export const websocket = "websocket";

/**
 * Reads what a request with an Upgrade field asks for into `request.upgrade`; empty where the field is to be overlooked, as RFC 9110
 * section 7.8 allows: in HTTP/1.0, where `Connection` does not name it, and with a body, whose end would have to be awaited.
 * Answers the code of the refusal of a WebSocket handshake that is none.
 */
export const acceptUpgrade = (request: WireRequest, connectionBits: number): GatewayProblemCode | "" => {
  const { head, fields } = request;
  if (head.minor === 0 || (connectionBits & connectionUpgrade) === 0 || head.framing !== "none") return "";
  const named = protocolsOf(fields.getAll("upgrade"));
  if (named.length === 0 || named.length > namedMax || !named.every((name) => protocolPattern.test(name))) return "";
  if (named.includes(websocket)) {
    const refused = acceptHandshake(request.method, fields);
    if (refused !== "") return refused;
  }
  request.upgrade = named.join(",");
  return "";
};

/** RFC 6455 section 4.2.1: what a client's opening handshake must be. */
const acceptHandshake = (method: string, fields: HeadFields): GatewayProblemCode | "" => {
  const versions = fields.getAll("sec-websocket-version");
  if (versions.length !== 1 || versions[0] !== websocketVersion) return "request.upgrade_version";
  const keys = fields.getAll("sec-websocket-key");
  if (method !== "GET" || keys.length !== 1 || !keyPattern.test(keys[0] ?? "")) return "request.upgrade_invalid";
  return "";
};

/** What a request to a backend does about the upgrade that its client asked for: a protocol, nothing (empty), or it is refused (null). */
export const chooseUpgrade = (x: Asking): string | null => {
  const { request, streams } = x;
  const named = request.upgrade.split(",");
  const chosen = named.find((name) => streams.upgrade.includes(name));
  // A policy that gave the request a body or another method has made something else of it.
  const isWhole = request.body.isUntouched && (chosen !== websocket || request.method === "GET");
  if (chosen !== undefined && isWhole) return chosen;
  return named.includes(websocket) || chosen !== undefined ? null : "";
};

/** The lines that ask a backend, and those that tell the client: the same. */
export const upgradeLines = (protocol: string): string => `Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`;

/**
 * True where a backend's 101 is what was asked for: exactly that protocol (RFC 9110 section 15.2.2) and, for WebSocket, the answer to this
 * very handshake with nothing in it that the client did not offer (RFC 6455 section 4.1). Anything else would open a way past the policies.
 */
export const isUpgradeLegal = (x: Asking, head: Head, protocol: string, connectionBits: number): boolean => {
  if (head.minor === 0 || (connectionBits & connectionUpgrade) === 0) return false;
  const index = head.known[kindUpgrade] ?? -1;
  if (index < 0 || head.isRepeated(kindUpgrade) || head.value(index).toLowerCase() !== protocol) return false;
  return protocol !== websocket || isHandshakeAnswered(x, head);
};

const isHandshakeAnswered = (x: Asking, head: Head): boolean => {
  const { fields } = x.request;
  const answers = valuesOf(head, "sec-websocket-accept");
  const key = fields.get("sec-websocket-key") ?? "";
  const wanted = createHash("sha1")
    .update(key + acceptSuffix)
    .digest("base64");
  if (answers.length !== 1 || answers[0] !== wanted) return false;
  const protocols = valuesOf(head, "sec-websocket-protocol");
  if (protocols.length > 1) return false;
  const offered = protocolsOf(fields.getAll("sec-websocket-protocol"));
  if (protocols.length === 1 && !offered.includes((protocols[0] ?? "").toLowerCase())) return false;
  const extensions = namesOf(fields.getAll("sec-websocket-extensions"));
  return namesOf(valuesOf(head, "sec-websocket-extensions")).every((name) => extensions.includes(name));
};

const valuesOf = (head: Head, name: string): readonly string[] => {
  const values: string[] = [];
  for (let index = 0; index < head.count; index++) if (head.hasName(index, name)) values.push(head.value(index));
  return values;
};

/** The members of a list, in lower case. */
const protocolsOf = (values: readonly string[]): readonly string[] =>
  values
    .flatMap((value) => value.split(","))
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");

/** The names of a list whose members have parameters. */
const namesOf = (values: readonly string[]): readonly string[] =>
  protocolsOf(values).map((member) => (member.split(";")[0] ?? "").trim());
