import type { Priority } from "../../model/api.ts";

/** From when on a thread refuses calls. Every limit is a number that a test can move. */
export interface OverloadLimits {
  /** Calls of one thread that have begun and not ended; long streams do not count. */
  readonly inFlightMax: number;
  /** Which share of them calls of a priority may fill: what is left belongs to those above. */
  readonly inFlightShares: Readonly<Record<Priority, number>>;
  /** How late the thread's timer may be, twice running, until calls of a priority are refused. */
  readonly lagMsMax: Readonly<Record<Priority, number>>;
  /** What `Retry-After` says. */
  readonly retryAfterSeconds: number;
}

/** What a thread uses unless told otherwise. A thread that is silent for 800 ms is replaced: all limits stand before that. */
export const defaultOverloadLimits: OverloadLimits = {
  inFlightMax: 10_000,
  inFlightShares: { low: 0.8, normal: 0.9, high: 1 },
  lagMsMax: { low: 300, normal: 600, high: 750 },
  retryAfterSeconds: 1,
};

/** Decides whether a thread takes one more call. */
export interface Overload {
  readonly retryAfter: string;
  /** Whether a call of an API of this priority is refused now. Two comparisons. */
  sheds(priority: Priority): boolean;
  /** Told how late the thread's timer was, at each of its beats. */
  lagged(ms: number): void;
}

/** `inFlight` counts the calls of the thread, with the one that is asked about. */
export const createOverload = (inFlight: () => number, given: Partial<OverloadLimits> = {}): Overload => {
  const limits = { ...defaultOverloadLimits, ...given };
  const most = {
    low: limits.inFlightMax * limits.inFlightShares.low,
    normal: limits.inFlightMax * limits.inFlightShares.normal,
    high: limits.inFlightMax * limits.inFlightShares.high,
  };
  let beforeMs = 0;
  let lagMs = 0;
  return {
    retryAfter: String(limits.retryAfterSeconds),
    sheds: (priority) => lagMs > limits.lagMsMax[priority] || inFlight() > most[priority],
    lagged: (ms) => {
      // One pause, of the collector or a big change, is no overload: the smaller of two counts.
      lagMs = Math.min(beforeMs, ms);
      beforeMs = ms;
    },
  };
};
