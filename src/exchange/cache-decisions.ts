import {
  type Directives,
  directivesOf,
  type FreshnessRules,
  freshnessSeconds,
  httpDateMs,
  initialAgeSeconds,
  secondsOf,
} from "./cache-control.ts";
import type { ExchangeReply } from "./exchange.ts";
import { type Headers, plainHeaders } from "./headers.ts";
import { ageSeconds, keptFields, type StoredReply } from "./stored-reply.ts";

/** What a request says about caches, and what it must be told. */
export interface CacheRequest {
  readonly directives: Directives;
  readonly hasAuthorization: boolean;
}

/** The request's directives; `Pragma: no-cache` counts where there is no `Cache-Control` (RFC 9111 section 5.4). */
export const cacheRequestOf = (headers: Headers, isHonoured: boolean): CacheRequest => {
  const directives = isHonoured ? directivesOf(headers) : new Map<string, string>();
  const isPragma =
    isHonoured && directives.size === 0 && /(?:^|,)\s*no-cache\s*(?:,|$)/i.test(headers.get("pragma") ?? "");
  return {
    directives: isPragma ? new Map([["no-cache", ""]]) : directives,
    hasAuthorization: headers.has("authorization"),
  };
};

/** How a stored reply may be used now. */
export type Use = "fresh" | "stale" | "revalidate";

/** Seconds that a stale reply may be used for, by who allows it. */
export interface StaleRules {
  readonly whileRevalidate: number | undefined;
  readonly ifError: number | undefined;
}

/** RFC 9111 section 4.2 and the request's directives (section 5.2.1): fresh, stale but acceptable while it is made anew, or neither. */
export const usageOf = (stored: StoredReply, request: CacheRequest, rules: StaleRules, nowMs: number): Use => {
  const age = ageSeconds(stored, nowMs);
  const left = stored.freshSeconds - age;
  const { directives } = request;
  const reply = directivesOf(plainHeaders(stored.headers));
  if (directives.has("no-cache") || reply.has("no-cache")) return "revalidate";
  const ageMax = secondsOf(directives, "max-age");
  if (ageMax !== undefined && age > ageMax) return "revalidate";
  if (left > 0) return left >= (secondsOf(directives, "min-fresh") ?? 0) ? "fresh" : "revalidate";
  if (mustRevalidate(reply)) return "revalidate";
  if (directives.has("max-stale")) {
    const staleMax = directives.get("max-stale") === "" ? Number.POSITIVE_INFINITY : secondsOf(directives, "max-stale");
    if (-left <= (staleMax ?? 0)) return "fresh";
  }
  const allowed = secondsOf(reply, "stale-while-revalidate") ?? rules.whileRevalidate ?? 0;
  return -left < allowed ? "stale" : "revalidate";
};

/** True where a stale reply may stand in for a backend that fails (RFC 5861 section 4). */
export const mayServeOnError = (stored: StoredReply, rules: StaleRules, nowMs: number): boolean => {
  const reply = directivesOf(plainHeaders(stored.headers));
  if (mustRevalidate(reply) || reply.has("no-cache")) return false;
  const allowed = secondsOf(reply, "stale-if-error") ?? rules.ifError ?? 0;
  return ageSeconds(stored, nowMs) - stored.freshSeconds < allowed;
};

const mustRevalidate = (reply: Directives): boolean =>
  reply.has("must-revalidate") || reply.has("proxy-revalidate") || reply.has("s-maxage");

/** How a reply is to be kept; undefined where it must not be. */
export interface Keeping {
  readonly vary: readonly string[];
  readonly head: Omit<StoredReply, "body" | "tags">;
  readonly untilMs: number;
}

/** Replies with a validator are kept this long after they are no longer fresh, to be confirmed by a 304. */
const confirmableSeconds = 24 * 60 * 60;

/** What a shared cache may keep (RFC 9111 section 3), from the reply's head and the request that asked for it. */
export const keepingOf = (
  reply: Pick<ExchangeReply, "status" | "reason" | "headers">,
  request: CacheRequest,
  rules: FreshnessRules & StaleRules,
  times: { readonly requestedAtMs: number; readonly nowMs: number },
): Keeping | undefined => {
  const { headers, status } = reply;
  const directives = directivesOf(headers);
  if (status < 200 || status === 206 || status === 304 || request.directives.has("no-store")) return undefined;
  if (!rules.isForced && (directives.has("no-store") || directives.has("private"))) return undefined;
  const isShared = directives.has("public") || directives.has("s-maxage");
  // Section 3.5: what was asked for with credentials is its asker's, unless the reply says otherwise.
  if (request.hasAuthorization && !isShared && !directives.has("must-revalidate") && !rules.isForced) return undefined;
  if (headers.has("set-cookie") && !isShared && !rules.isForced) return undefined;
  const vary = headers
    .getAll("vary")
    .flatMap((field) => field.split(","))
    .map((name) => name.trim())
    .filter((name) => name !== "");
  if (vary.includes("*")) return undefined;
  const { requestedAtMs, nowMs } = times;
  const freshSeconds = freshnessSeconds(reply, rules, nowMs);
  if (freshSeconds === undefined) return undefined;
  const age = rules.isForced ? 0 : initialAgeSeconds(headers, requestedAtMs, nowMs);
  const staleSeconds = mustRevalidate(directives)
    ? 0
    : Math.max(
        secondsOf(directives, "stale-while-revalidate") ?? rules.whileRevalidate ?? 0,
        secondsOf(directives, "stale-if-error") ?? rules.ifError ?? 0,
      );
  const usableSeconds = freshSeconds - age + Math.max(staleSeconds, hasValidator(headers) ? confirmableSeconds : 0);
  if (usableSeconds <= 0) return undefined;
  const fields = keptFields(headers);
  const dated =
    httpDateMs(headers.get("date")) === undefined
      ? [...fields.filter(([name]) => !/^date$/i.test(name)), ["date", new Date(nowMs).toUTCString()] as const]
      : fields;
  return {
    vary,
    untilMs: nowMs + usableSeconds * 1000,
    head: {
      status,
      reason: reply.reason,
      headers: dated,
      receivedAtMs: nowMs,
      initialAgeSeconds: age,
      freshSeconds,
    },
  };
};

const hasValidator = (headers: Headers): boolean => headers.has("etag") || headers.has("last-modified");
