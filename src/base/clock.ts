/** Time as an argument, so that tests own it. */
export interface Clock {
  /** Milliseconds since 1970, for what is stored or shown; may jump. */
  nowMs(): number;
  /** Milliseconds that never go backwards, for durations and deadlines. */
  monotonicMs(): number;
}

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/** A clock that moves only when a test says so. */
export interface ManualClock extends Clock {
  advance(ms: number): void;
}

/** A clock for tests that starts at `startMs`. */
export const manualClock = (startMs = 1_750_000_000_000): ManualClock => {
  let nowMs = startMs;
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs - startMs,
    advance: (ms) => {
      nowMs += ms;
    },
  };
};
