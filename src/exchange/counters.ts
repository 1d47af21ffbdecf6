/** What one admission decided. Remaining and reset describe the state after it. */
export interface Admission {
  readonly isAdmitted: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** Until the whole quota is free again, or for a fixed period until its end; Infinity where it never renews. */
  readonly resetAfterMs: number;
  /** Until a call of this cost can be admitted; 0 where it was. A caller that waits this long is admitted, if nobody else calls. */
  readonly retryAfterMs: number;
}

/** Takes `cost` from the budget of `key`, or nothing at all where it does not suffice. */
export type Admit = (key: string, cost: number, nowMs: number) => Admission;

/** Budget per key over a period that begins at a fixed point; survives configuration changes, and restarts where the engine saves it. */
export interface PeriodCounter {
  readonly admit: Admit;
  /** Adds without asking: for volumes that are known only afterwards. */
  add(key: string, cost: number, nowMs: number): void;
}

/** Executions at once per key. Every `enter` that answers true is followed by exactly one `leave`. */
export interface ConcurrencyCounter {
  enter(key: string): boolean;
  leave(key: string): void;
}

/**
 * Counters in memory that all threads of the process share. A counter is found by its name: two configurations that name the
 * same counter continue it. Exact over threads: no more than the limit is ever admitted in any window.
 */
export interface Counters {
  /** At most `calls` (in cost units) in any window of `windowMs` that ends now. */
  slidingWindow(name: string, calls: number, windowMs: number): Admit;
  /** At most `calls` per period; periods begin at `firstPeriodStartMs` + n * `periodMs`; `periodMs` 0 never renews. */
  period(name: string, calls: number, periodMs: number, firstPeriodStartMs: number): PeriodCounter;
  concurrency(name: string, max: number): ConcurrencyCounter;
}
