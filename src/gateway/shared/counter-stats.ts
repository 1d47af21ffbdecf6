/** What went wrong in the tables since the process began; shown by metrics. Words in shared memory, summed over threads. */
export interface CounterStats {
  countEviction(): void;
  countFull(): void;
  countLockTimeout(): void;
  read(): CounterStatsRead;
}

/** Evictions: a window given up before it had passed. Full: admissions refused for want of a slot. Lock timeouts: refused for want of a lock. */
export interface CounterStatsRead {
  readonly evictions: number;
  readonly full: number;
  readonly lockTimeouts: number;
}

/** Statistics over three words. */
export const counterStats = (words: Int32Array): CounterStats => ({
  countEviction: () => {
    Atomics.add(words, 0, 1);
  },
  countFull: () => {
    Atomics.add(words, 1, 1);
  },
  countLockTimeout: () => {
    Atomics.add(words, 2, 1);
  },
  read: () => ({
    evictions: Atomics.load(words, 0) >>> 0,
    full: Atomics.load(words, 1) >>> 0,
    lockTimeouts: Atomics.load(words, 2) >>> 0,
  }),
});
