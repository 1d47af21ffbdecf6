import { z } from "zod";
import type { PortalApi } from "./portal-api.ts";

/** Bytes of instructions that the relay takes, the body to send included. */
export const instructionsBytesMax = 1024 * 1024;

const valuesMax = 200;
const record = <T extends z.ZodType>(value: T) =>
  z
    .record(z.string().max(200), value)
    .refine((entries) => Object.keys(entries).length <= valuesMax, "too many entries");

/** What the page asks the relay to send. No host, no path: those come from the registry. */
export const relayInstructionsSchema = z.strictObject({
  pathParams: record(z.string().max(4000)).optional(),
  query: record(z.union([z.string().max(8000), z.array(z.string().max(8000)).max(100)])).optional(),
  headers: record(z.string().max(8000)).optional(),
  body: z.string().optional(),
  key: z.string().max(500).optional(),
});
export type RelayInstructions = z.infer<typeof relayInstructionsSchema>;

/** A path that must not be called, with the reason for the visitor. */
export class PathRefusal extends Error {}

/**
 * The path and query to call. Every parameter is percent-encoded as one piece of its segment (RFC 3986 section 2.1), so it
 * can add no segment; a segment that comes out as `.` or `..` is refused, because whoever normalises paths would climb with it.
 */
export const relayTarget = (api: PortalApi, template: string, instructions: RelayInstructions): string => {
  const path = template.replace(/\{([^{}]*)\}/g, (_, name: string) => {
    const value = ownValue(instructions.pathParams, name);
    if (value === undefined || value === "") throw new PathRefusal(`The path parameter ${name} needs a value.`);
    return encode(value);
  });
  if (!path.startsWith("/") || /[?#\\{}\s]/.test(path)) {
    throw new PathRefusal("The operation's path cannot be called.");
  }
  if (path.split("/").some((segment) => /^(\.|%2e){1,2}$/i.test(segment))) {
    throw new PathRefusal("A path parameter must not be a dot segment.");
  }
  const pairs = Object.entries(instructions.query ?? {}).flatMap(([name, value]) =>
    (typeof value === "string" ? [value] : value).map((one) => `${encode(name)}=${encode(one)}`),
  );
  const version = api.versionQuery;
  if (version !== undefined && ownValue(instructions.query, version.name) === undefined) {
    pairs.push(`${encodeURIComponent(version.name)}=${encodeURIComponent(version.value)}`);
  }
  return `${api.basePath}${path}${pairs.length > 0 ? `?${pairs.join("&")}` : ""}`;
};

// Half a character cannot be encoded: it becomes the replacement character.
const encode = (text: string): string => encodeURIComponent(text.toWellFormed());

/** The headers to send: the visitor's, without those that belong to the connection, to the browser or to the relay itself. */
export const relayHeaders = (
  api: PortalApi,
  instructions: RelayInstructions,
  key: string | undefined,
): Readonly<Record<string, string>> => {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(instructions.headers ?? {})) {
    const lower = name.toLowerCase();
    if (!fieldName.test(name) || isRefusedField(lower) || fieldValueBreak.test(value)) continue;
    headers[lower] = value;
  }
  if (api.versionHeader !== undefined) headers[api.versionHeader.name.toLowerCase()] ??= api.versionHeader.value;
  if (key !== undefined && key !== "" && !fieldValueBreak.test(key)) headers["x-api-key"] = key;
  // The page shows bytes as they come; a compressed stream could not be shown while it grows.
  headers["accept-encoding"] = "identity";
  headers["user-agent"] ??= "portico-portal-relay";
  return headers;
};

/** Fields of an answer that are not told to the page: the connection's own, and cookies of the gateway's host. */
export const isRefusedField = (lowerName: string): boolean =>
  refusedFields.has(lowerName) || /^(sec-|proxy-|x-forwarded-|x-relay-)/.test(lowerName);

// RFC 9110 section 7.6.1 and its relatives, then what says who and where the caller is.
const refusedFields: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "expect",
  "content-length",
  "host",
  "cookie",
  "cookie2",
  "set-cookie",
  "set-cookie2",
  "origin",
  "referer",
  "via",
  "forwarded",
  "accept-encoding",
]);

// RFC 9110 section 5.6.2 (token), and what a field value must not hold (section 5.5; beyond Latin-1 nothing can be sent).
const fieldName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const fieldValueBreak = /[^\t\x20-\x7e\x80-\xff]/;

const ownValue = <T>(entries: Readonly<Record<string, T>> | undefined, name: string): T | undefined =>
  entries !== undefined && Object.hasOwn(entries, name) ? entries[name] : undefined;
