import { randomInt } from "node:crypto";
import type { Counters } from "../../exchange/counters.ts";
import { concurrencyCounter, concurrencySlotBytes, strikeThread } from "./concurrency-counter.ts";
import { type CounterStatsRead, counterStats } from "./counter-stats.ts";
import { exportPeriods, importPeriod, periodCounter, periodSlotBytes } from "./period-counter.ts";
import { readSavedPeriods, writeSavedPeriods } from "./saved-periods.ts";
import { openTable, type TableLayout, tableLayout } from "./slot-table.ts";
import { repairWindow, windowCounter, windowSlotBytes } from "./window-counter.ts";

/*
 * The counters of all limits, in one SharedArrayBuffer that every thread of the process attaches to.
 *
 *   0       header: magic, seed, threadsMax, slots of the three tables (i32 each), three words of statistics
 *   64      one word per thread: 1 where it is dead
 *   ...     windows, periods, concurrency: a table each (slot-table.ts)
 *
 * Pages of memory that no key has touched cost nothing.
 */

/** How many keys there is room for, and how many threads. */
export interface CounterSizes {
  readonly threadsMax?: number;
  /** Keys of sliding windows; one takes 588 bytes. Full: expired ones give way, then the one idle longest, then admissions are refused. */
  readonly windowsMax?: number;
  /** Keys of quotas; one takes 44 bytes. Full: those whose period is over give way, then new keys are refused. */
  readonly periodsMax?: number;
  /** Keys of concurrency limits. Full: those where nothing runs give way, then new keys are refused. */
  readonly concurrenciesMax?: number;
}

/** Sizes where nothing is said. */
const counterSizeDefaults = {
  threadsMax: 64,
  windowsMax: 65_536,
  periodsMax: 65_536,
  concurrenciesMax: 8_192,
} as const;

/** Counters as one thread sees them, with what their keeper needs. */
export interface SharedCounters extends Counters {
  /** The volumes of all quotas whose period is not over, for a file; `import` reads it. */
  exportPeriods(nowMs: number): Uint8Array;
  /** Puts exported volumes back, before calls are admitted. False where the bytes are not an export: then nothing was changed. */
  importPeriods(saved: Uint8Array, nowMs: number): boolean;
  /** To be called by a living thread when another has ended, before a new one takes its number: frees its locks and strikes out what it ran. */
  repairThread(thread: number): void;
  stats(): CounterStatsRead;
}

const magic = 0x706f7231;
const headerBytes = 64;

/** Memory for counters, empty; made once per process and handed to each thread. */
export const createCounterMemory = (sizes: CounterSizes = {}): SharedArrayBuffer => {
  const { threadsMax, windowsMax, periodsMax, concurrenciesMax } = { ...counterSizeDefaults, ...sizes };
  const layout = layoutOf(threadsMax, windowsMax, periodsMax, concurrenciesMax);
  const memory = new SharedArrayBuffer(layout.byteLength);
  const header = new Int32Array(memory, 0, headerBytes / 4);
  header.set([magic, randomInt(1, 0x7fff_ffff), threadsMax, windowsMax, periodsMax, concurrenciesMax]);
  return memory;
};

/** The counters in `memory` for the thread of this number, from 0. No two living threads have the same. */
export const attachCounters = (memory: SharedArrayBuffer, thread: number): SharedCounters => {
  const header = new Int32Array(memory, 0, headerBytes / 4);
  const [found = 0, , threadsMax = 0, windowsMax = 0, periodsMax = 0, concurrenciesMax = 0] = header;
  if (found !== magic) throw new RangeError("this memory holds no counters");
  if (!Number.isInteger(thread) || thread < 0 || thread >= threadsMax)
    throw new RangeError(`thread ${thread} is beyond the ${threadsMax} that the counters were made for`);
  const layout = layoutOf(threadsMax, windowsMax, periodsMax, concurrenciesMax);
  const words = new Int32Array(memory, headerBytes, threadsMax);
  Atomics.store(words, thread, 0);
  const flags = { words, own: thread };
  const stats = counterStats(new Int32Array(memory, 24, 3));
  const windows = openTable(memory, layout.windowsAt, layout.windows, flags, repairWindow);
  const periods = openTable(memory, layout.periodsAt, layout.periods, flags, nothingToRepair);
  const concurrencies = openTable(memory, layout.concurrenciesAt, layout.concurrencies, flags, nothingToRepair);
  const seed = (): number => Atomics.load(header, 1);
  return {
    slidingWindow: (name, calls, windowMs) => windowCounter(windows, stats, seed(), name, calls, windowMs),
    period: (name, calls, periodMs, firstPeriodStartMs) =>
      periodCounter(periods, stats, seed(), name, calls, periodMs, firstPeriodStartMs),
    concurrency: (name, max) => concurrencyCounter(concurrencies, stats, seed(), threadsMax, thread, name, max),
    exportPeriods: (nowMs) => writeSavedPeriods(seed(), exportPeriods(periods, nowMs)),
    importPeriods: (saved, nowMs) => {
      const read = readSavedPeriods(saved);
      if (read === undefined) return false;
      // Hashes mean something only under the seed they were made with.
      Atomics.store(header, 1, read.seed);
      for (const period of read.periods) importPeriod(periods, period, nowMs);
      return true;
    },
    repairThread: (dead) => {
      Atomics.store(words, dead, 1);
      for (const table of [windows, periods, concurrencies]) table.takeOver(dead);
      strikeThread(concurrencies, dead);
    },
    stats: stats.read,
  };
};

/** Counters for one thread alone: the same code over memory of its own. */
export const createLocalCounters = (sizes: CounterSizes = {}): SharedCounters =>
  attachCounters(createCounterMemory({ ...sizes, threadsMax: 1 }), 0);

interface Layout {
  readonly windows: TableLayout;
  readonly windowsAt: number;
  readonly periods: TableLayout;
  readonly periodsAt: number;
  readonly concurrencies: TableLayout;
  readonly concurrenciesAt: number;
  readonly byteLength: number;
}

const layoutOf = (threadsMax: number, windowsMax: number, periodsMax: number, concurrenciesMax: number): Layout => {
  const windows = tableLayout(windowsMax, windowSlotBytes);
  const periods = tableLayout(periodsMax, periodSlotBytes);
  const concurrencies = tableLayout(concurrenciesMax, concurrencySlotBytes(threadsMax));
  const windowsAt = headerBytes + Math.ceil((threadsMax * 4) / 64) * 64;
  const periodsAt = windowsAt + windows.byteLength;
  const concurrenciesAt = periodsAt + periods.byteLength;
  return {
    windows,
    windowsAt,
    periods,
    periodsAt,
    concurrencies,
    concurrenciesAt,
    byteLength: concurrenciesAt + concurrencies.byteLength,
  };
};

/** Slots of these tables hold nothing twice, so that no writer can leave them contradicting themselves. */
const nothingToRepair = (): void => {};
