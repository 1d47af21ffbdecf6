import type { BuiltBackend } from "../../exchange/backend.ts";
import type { CircuitBreaker } from "../../exchange/delivery-rules.ts";
import type { Reply } from "../../exchange/reply.ts";
import type { Pool } from "./pool.ts";
import type { PreparedTarget } from "./target.ts";
import type { Try, TrySource } from "./try.ts";
import { admit, failureOf, retryAfterMsOf, verdictOf } from "./try-failure.ts";
import { UpstreamCall } from "./upstream-call.ts";

const noBreakers: readonly CircuitBreaker[] = [];

/** One target without rules of its own. */
export class TargetSource implements TrySource {
  readonly isOwn = true;
  readonly name: string;
  readonly #target: PreparedTarget;
  readonly #pool: Pool;
  readonly #nowMs: () => number;

  constructor(target: PreparedTarget, pool: Pool, nowMs: () => number) {
    this.name = target.origin;
    this.#target = target;
    this.#pool = pool;
    this.#nowMs = nowMs;
  }

  begin(attempt: Try): void {
    if (!isAdmitted(attempt, this)) return;
    const call = new UpstreamCall(attempt.subject, this.#target, attempt.options, (refusal) =>
      settle(attempt, refusal, this.#nowMs),
    );
    attempt.call = call;
    sendPrepared(attempt, call, this.#target, this.#pool);
  }
}

/** A backend of another kind, which sends by itself. */
export class BackendSource implements TrySource {
  readonly isOwn = false;
  readonly name: string;
  readonly #backend: BuiltBackend;
  readonly #nowMs: () => number;

  constructor(name: string, backend: BuiltBackend, nowMs: () => number) {
    this.name = name;
    this.#backend = backend;
    this.#nowMs = nowMs;
  }

  begin(attempt: Try): void {
    if (isAdmitted(attempt, this))
      this.#backend.send(attempt.x, attempt.options, (refusal) => settle(attempt, refusal, this.#nowMs));
  }
}

/** Sends a call, with what its try has prepared for the target if there is such a thing. */
export const sendPrepared = (attempt: Try, call: UpstreamCall, target: PreparedTarget, pool: Pool): void => {
  if (attempt.prepare !== null) {
    const prepared = attempt.prepare(target);
    if (!("head" in prepared)) {
      call.settle(prepared);
      return;
    }
    call.prepared = prepared;
  }
  pool.send(call);
};

const isAdmitted = (attempt: Try, source: TrySource): boolean => {
  attempt.source = source;
  const refusal = admit(attempt, attempt.options.breakers ?? noBreakers);
  if (refusal !== null) attempt.settle("open", refusal);
  return refusal === null;
};

const settle = (attempt: Try, refusal: Reply | undefined, nowMs: () => number): void => {
  attempt.isAbandoned ||= attempt.call?.isAbandoned === true;
  attempt.failure = failureOf(attempt.call, refusal);
  attempt.refusal = refusal;
  const retryAfterMs = attempt.permits === null ? -1 : retryAfterMsOf(attempt, nowMs());
  attempt.judge((breaker) => verdictOf(attempt, breaker.rule.statuses), retryAfterMs);
  attempt.settle(attempt.failure, refusal);
};
