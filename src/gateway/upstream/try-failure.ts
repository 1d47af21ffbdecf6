import type { CircuitBreaker, Verdict } from "../../exchange/delivery-rules.ts";
import { refuse } from "../../exchange/refuse.ts";
import type { Reply } from "../../exchange/reply.ts";
import type { Try, TryFailure } from "./try.ts";
import type { UpstreamCall } from "./upstream-call.ts";

/** Why a call to a target failed, of what it was settled with. */
export const failureOf = (call: UpstreamCall | null, refusal: Reply | undefined): TryFailure => {
  if (refusal?.problem === undefined) return "";
  switch (refusal.problem.code) {
    case "backend.unreachable":
    case "backend.connect_timeout":
      return "connect";
    case "backend.overloaded":
      return "overloaded";
    case "backend.timeout":
      return "timeout";
    case "backend.reply_invalid":
      return call?.isReset === true ? "reset" : "invalid";
    default:
      return "request";
  }
};

/** True where nothing of the request has reached a backend. */
export const isUnsent = (failure: TryFailure): boolean =>
  failure === "connect" || failure === "overloaded" || failure === "open" || failure === "unusable";

/** What the try says about the target; `overloaded` is our own queue's, not its. */
export const verdictOf = (attempt: Try, statuses: ReadonlySet<number>): Verdict => {
  const { failure } = attempt;
  if (attempt.isAbandoned) return 2;
  if (failure === "connect" || failure === "reset" || failure === "timeout" || failure === "invalid") return 0;
  if (failure !== "") return 2;
  // A backend of this process makes its replies itself: no refusal is a success.
  return statuses.has(attempt.status) ? 0 : 1;
};

/** Asks the breakers of a try; the refusal of the first that is open, which gives the others' admissions back. */
export const admit = (attempt: Try, breakers: readonly CircuitBreaker[]): Reply | null => {
  for (const breaker of breakers) {
    const permit = breaker.admit();
    if (permit === 0) {
      attempt.judge(() => 2, 0);
      return openRefusal(breaker);
    }
    attempt.permits ??= [];
    attempt.permits.push({ breaker, permit });
  }
  return null;
};

const openRefusal = (breaker: CircuitBreaker): Reply =>
  refuse("backend.circuit_open", {
    headers: [["Retry-After", String(Math.max(1, Math.ceil(breaker.opensForMs / 1000)))]],
  });

/** `Retry-After` of a reply in milliseconds (RFC 9110 section 10.2.3), or -1 where it has none. */
export const retryAfterMsOf = (attempt: Try, nowMs: number): number => {
  if (attempt.status === 0 || attempt.refusal !== undefined) return -1;
  const field = attempt.subject.replyInTheMaking.headers.get("retry-after")?.trim();
  if (field === undefined) return -1;
  if (/^\d{1,9}$/.test(field)) return Number(field) * 1000;
  const atMs = Date.parse(field);
  return Number.isNaN(atMs) ? -1 : Math.max(0, atMs - nowMs);
};
