/*
 * Rules about calls to backends that fail or may fail: data only, the engine does the rest.
 */

/** How a try can fail beside a status that a rule counts as a failure. */
export const failureNames = ["connect", "reset", "timeout", "overloaded"] as const;
export type FailureName = (typeof failureNames)[number];

/** Sends a call again. */
export interface RetryRule {
  /** Tries beside the first. */
  readonly attempts: number;
  readonly on: ReadonlySet<FailureName>;
  readonly statuses: ReadonlySet<number>;
  /**
   * Which calls may be sent twice where the first may have had an effect: those of idempotent methods (RFC 9110 section 9.2.2), also those
   * that carry an `Idempotency-Key`, or all.
   */
  readonly idempotent: "methods" | "key" | "always";
  /** The n-th wait is a random share of `backoffMs * 2^n`, at most `backoffMsMax`. */
  readonly backoffMs: number;
  readonly backoffMsMax: number;
  /** A `Retry-After` up to this long is waited for; with a longer one the caller gets the reply. */
  readonly retryAfterMsMax: number;
  /** Bytes of a request body that are kept to be sent again. */
  readonly bodyBytesMax: number;
}

/** How many calls may be repeated, of all threads together: a share of the successful ones, and some per second at least. */
export interface BudgetRule {
  readonly ratio: number;
  readonly perSecondMin: number;
}

/** Sends a call a second time while the first has not been answered, and takes the answer that comes first. */
export interface HedgeRule {
  readonly afterMs: number;
  /** Tries beside the first. */
  readonly attempts: number;
  readonly idempotent: RetryRule["idempotent"];
  readonly bodyBytesMax: number;
}

/** Stops calls to what fails. */
export interface BreakerRule {
  /** Failures in a row, or 0: not asked. */
  readonly failures: number;
  /** Share of failures among at least `callsMin` calls in about `intervalMs`, or 0: not asked. */
  readonly ratio: number;
  readonly callsMin: number;
  readonly intervalMs: number;
  /** How long it is open at first; doubles with each trial that fails, up to `openMsMax`. */
  readonly openMs: number;
  readonly openMsMax: number;
  /** Calls let through as a trial; all of them must succeed. */
  readonly halfOpenCalls: number;
  readonly statuses: ReadonlySet<number>;
  /** A `Retry-After` of a failure says how long it is open, up to `openMsMax`. */
  readonly acceptsRetryAfter: boolean;
}

/** Takes targets that fail out of the choice for a while. */
export interface OutlierRule {
  readonly consecutive: number;
  readonly ratio: number;
  readonly callsMin: number;
  readonly intervalMs: number;
  readonly ejectionMs: number;
  readonly ejectionMsMax: number;
  /** Share of the targets that may be out at once, 0 to 1; one may always be where there are several. */
  readonly ejectedShareMax: number;
  readonly statuses: ReadonlySet<number>;
}

/** Asks each target now and then whether it works. */
export interface HealthRule {
  readonly path: string;
  readonly method: "GET" | "HEAD";
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly statuses: ReadonlySet<number>;
  /** Answers in a row that change the state. */
  readonly healthyAfter: number;
  readonly unhealthyAfter: number;
  /** Share of the interval by which each wait varies, 0 to 1. */
  readonly jitter: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Calls at once to a backend, of all threads together. */
export interface LimitRule {
  readonly concurrent: number;
  /** Calls that wait for a place; more are refused. */
  readonly pending: number;
  readonly queueMs: number;
}

/** How something that a breaker admitted went: 0 bad, 1 good, 2 nobody knows. */
export type Verdict = 0 | 1 | 2;

/** A circuit breaker over state that all threads share. */
export interface CircuitBreaker {
  readonly rule: BreakerRule;
  /** 0: refused, 1: admitted, 2: admitted as a trial. Whatever is not 0 is given to `ended` once. */
  admit(): 0 | 1 | 2;
  ended(permit: 1 | 2, verdict: Verdict, retryAfterMs: number): void;
  /** Until the next trial, where it is open. */
  readonly opensForMs: number;
  dispose(): void;
}

/** What may be repeated, over state that all threads share. */
export interface RetryBudget {
  /** A call succeeded. */
  deposit(): void;
  /** True where one more may be sent again; it counts. */
  withdraw(): boolean;
  dispose(): void;
}

/** A copy of the request for another backend; its reply is dropped. */
export interface MirrorRule {
  /** Name of the backend. */
  readonly backend: string;
  readonly bodyBytesMax: number;
  /** Copies under way at once, of this thread; more are not sent. */
  readonly runningMax: number;
  readonly timeoutMs: number;
}

/** Other backends, by name, that are tried in turn. */
export interface FailoverRule {
  readonly backends: readonly string[];
  readonly on: ReadonlySet<FailureName>;
  readonly statuses: ReadonlySet<number>;
  readonly idempotent: RetryRule["idempotent"];
  readonly bodyBytesMax: number;
}
