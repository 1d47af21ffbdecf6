import type { Headers } from "./headers.ts";

/** Directives of `Cache-Control` by lower-case name; the value is an empty text where there is none (RFC 9111 section 5.2). */
export type Directives = ReadonlyMap<string, string>;

/** Reads all fields of that name together. Of a directive that occurs twice the first counts (section 4.2.1). */
export const directivesOf = (headers: Headers, name = "cache-control"): Directives => {
  const found = new Map<string, string>();
  for (const field of headers.getAll(name)) {
    for (const match of field.matchAll(directivePattern)) {
      const directive = match[1]?.toLowerCase() ?? "";
      if (!found.has(directive)) found.set(directive, (match[2] ?? match[3] ?? "").replaceAll(/\\(.)/g, "$1"));
    }
  }
  return found;
};

const directivePattern = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s,;"]*)))?(?:\s*[^\s,][^,]*)?/g;

/** The longest time that is counted; more than this means "for ever" (section 1.2.2). */
const secondsMax = 2_147_483_648;

/** Delta-seconds of a directive; undefined where it is absent, and 0 where it is no number: then nothing is fresh. */
export const secondsOf = (directives: Directives, name: string): number | undefined => {
  const value = directives.get(name);
  if (value === undefined) return undefined;
  return /^\d+$/.test(value) ? Math.min(Number(value), secondsMax) : 0;
};

/** An HTTP date in milliseconds since 1970, or undefined for what is none (RFC 9110 section 5.6.7). */
export const httpDateMs = (text: string | undefined): number | undefined => {
  if (text === undefined || !datePattern.test(text)) return undefined;
  const ms = Date.parse(text.endsWith("GMT") ? text : `${text} GMT`);
  return Number.isNaN(ms) ? undefined : ms;
};

/** The three forms: IMF-fixdate, RFC 850, asctime. */
const datePattern =
  /^(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4})$/;

/** What decides how long a reply may be used. Times in seconds. */
export interface FreshnessRules {
  /** Lifetime of replies that say nothing themselves, or undefined. */
  readonly ttl: number | undefined;
  /** `ttl` counts whatever the reply says. */
  readonly isForced: boolean;
}

/** Statuses whose replies may be kept although they say nothing of caching (RFC 9110 section 15.1). */
const heuristicStatuses: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);
const heuristicShare = 0.1;
const heuristicSecondsMax = 24 * 60 * 60;

/**
 * Seconds for which a reply is fresh, from when it was made (RFC 9111 section 4.2.1): `s-maxage`, `max-age`, `Expires`, then the rule's,
 * then a tenth of the time since it was last changed. Undefined where nothing at all says that it may be kept.
 */
export const freshnessSeconds = (
  reply: { readonly status: number; readonly headers: Headers },
  rules: FreshnessRules,
  nowMs: number,
): number | undefined => {
  if (rules.isForced && rules.ttl !== undefined) return rules.ttl;
  const directives = directivesOf(reply.headers);
  const stated = secondsOf(directives, "s-maxage") ?? secondsOf(directives, "max-age");
  if (stated !== undefined) return stated;
  const dateMs = httpDateMs(reply.headers.get("date")) ?? nowMs;
  const expires = reply.headers.getAll("expires");
  // Section 5.3: an invalid date, `0` above all, is one in the past; several fields agree on nothing.
  if (expires.length > 0)
    return expires.length > 1 ? 0 : Math.max(0, ((httpDateMs(expires[0]) ?? dateMs) - dateMs) / 1000);
  if (!heuristicStatuses.has(reply.status) && !directives.has("public")) return undefined;
  if (rules.ttl !== undefined) return rules.ttl;
  const changedMs = httpDateMs(reply.headers.get("last-modified"));
  // Nothing says how long; with a validator it may be kept to be confirmed each time.
  if (changedMs === undefined) return directives.has("public") || reply.headers.has("etag") ? 0 : undefined;
  return Math.min(heuristicSecondsMax, Math.max(0, ((dateMs - changedMs) / 1000) * heuristicShare));
};

/** Seconds since a reply was made, when it comes (RFC 9111 section 4.2.3). */
export const initialAgeSeconds = (headers: Headers, requestedAtMs: number, receivedAtMs: number): number => {
  const dateMs = httpDateMs(headers.get("date")) ?? receivedAtMs;
  const apparent = Math.max(0, (receivedAtMs - dateMs) / 1000);
  const stated = /^\s*(\d+)\s*(?:,|$)/.exec(headers.get("age") ?? "")?.[1];
  const corrected = Math.min(Number(stated ?? 0), secondsMax) + Math.max(0, (receivedAtMs - requestedAtMs) / 1000);
  return Math.max(apparent, corrected);
};
