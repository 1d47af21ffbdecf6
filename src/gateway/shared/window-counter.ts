import type { Admission, Admit } from "../../exchange/counters.ts";
import type { CounterStats } from "./counter-stats.ts";
import { type KeyHash, keyHash, nameHash } from "./key-hash.ts";
import { type SlotTable, slotsPerBucket } from "./slot-table.ts";

/*
 * Sliding windows. A slot has 128 cells, used in one of two ways:
 *
 * - log: limits up to 128. A cell is the time of one unit admitted; a ring. Exact to the millisecond.
 * - steps: larger limits. Time is cut into steps of a sixtieth of the window. 64 cells count what was admitted in one step each, 64 more
 *   hold when in its step the last of it was admitted. A step counts until its last admission lies outside the window, so that no
 *   window ever holds more than the limit; the first admissions of a step count for up to 1/60 of the window longer than they must.
 *
 *   slot: f64 0 last time · 1 time shift · 2 window · 3 log: base of the cells' times, steps: number of the newest step
 *         · 4 total in the cells (steps) · i32 10 log: first cell · 11 log: cells used · bytes 64.. cells, u32 each
 */

const logCells = 128;
/** Cells of the steps' counts; as many for their last admissions lie behind them. */
const stepCells = 64;
export const windowSlotBytes: number = 64 + logCells * 4;
const stepsPerWindow = 60;
/** Limits up to this are counted by a log. */
export const logCallsMax: number = logCells;
/** The longest window that a log's 32-bit times hold. */
const logWindowMsMax = 0x7fff_ffff;
/** A clock that steps back further than threads' cached times differ was set: the slot's time goes on from where it was. */
const skewMsMax = 5_000;
/** A slot whose window has not passed may be taken from its key only after it was idle this long. */
const idleMsMin = 1_000;

const lastAt = 0;
const shiftAt = 1;
const windowAt = 2;
const baseAt = 3;
const totalAt = 4;
const firstAt = 10;
const usedAt = 11;
const cellsAt = 16;

/** The admission of one named limit. The name, the window and the way of counting make the counter: changing `calls` continues it. */
export const windowCounter = (
  table: SlotTable,
  stats: CounterStats,
  seed: number,
  name: string,
  calls: number,
  windowMs: number,
): Admit => {
  const isLog = calls <= logCallsMax && windowMs <= logWindowMsMax;
  const named = nameHash(`${name}\0${windowMs}\0${isLog ? "log" : "steps"}`, seed);
  const hash: KeyHash = { high: 0, low: 0 };
  const count = isLog ? logCounting(table, calls, windowMs) : stepCounting(table, calls, windowMs);
  return (key, cost, nowMs) => {
    keyHash(named, key, hash);
    const bucket = table.bucketOf(hash);
    if (!table.lock(bucket)) {
      stats.countLockTimeout();
      return refused(calls);
    }
    try {
      const slot = slotFor(table, stats, bucket, hash, windowMs, isLog, nowMs);
      if (slot < 0) return refused(calls);
      return count(slot, cost, timeOf(table, slot, nowMs));
    } finally {
      table.unlock(bucket);
    }
  };
};

/** Makes a slot consistent whose writer died: only the total is kept twice. A log's entry is written before it is counted. */
export const repairWindow = (table: SlotTable, slot: number): void => {
  const at = table.at(slot);
  let total = 0;
  for (let i = 0; i < stepCells; i++) total += (table.ints[at + cellsAt + i] ?? 0) >>> 0;
  table.floats[at / 2 + totalAt] = total;
};

const retryMs = 1_000;

/** No slot and no lock mean no: never silently unlimited. */
const refused = (calls: number): Admission => ({
  isAdmitted: false,
  limit: calls,
  remaining: 0,
  resetAfterMs: retryMs,
  retryAfterMs: retryMs,
});

const slotFor = (
  table: SlotTable,
  stats: CounterStats,
  bucket: number,
  hash: Readonly<KeyHash>,
  windowMs: number,
  isLog: boolean,
  nowMs: number,
): number => {
  const known = table.find(bucket, hash);
  if (known >= 0) return known;
  let slot = table.empty(bucket);
  if (slot < 0) slot = victim(table, stats, bucket, nowMs);
  if (slot < 0) return -1;
  const at = table.at(slot);
  table.assign(slot, null);
  table.ints.fill(0, at, at + windowSlotBytes / 4);
  const floats = at / 2;
  table.floats[floats + lastAt] = nowMs;
  table.floats[floats + windowAt] = windowMs;
  table.floats[floats + baseAt] = isLog ? nowMs : 0;
  table.assign(slot, hash);
  return slot;
};

/** A slot whose window has passed, which is as good as empty; else the one idle longest, if it is idle at all; else none. */
const victim = (table: SlotTable, stats: CounterStats, bucket: number, nowMs: number): number => {
  let oldest = -1;
  let oldestMs = Number.POSITIVE_INFINITY;
  for (let slot = bucket * slotsPerBucket; slot < (bucket + 1) * slotsPerBucket; slot++) {
    const floats = table.at(slot) / 2;
    const lastMs = (table.floats[floats + lastAt] ?? 0) - (table.floats[floats + shiftAt] ?? 0);
    const windowMs = table.floats[floats + windowAt] ?? 0;
    if (nowMs - lastMs > windowMs + windowMs / stepsPerWindow + 2) return slot;
    if (lastMs >= oldestMs) continue;
    oldest = slot;
    oldestMs = lastMs;
  }
  if (nowMs - oldestMs < idleMsMin) {
    stats.countFull();
    return -1;
  }
  stats.countEviction();
  return oldest;
};

/** The slot's own time: never runs backwards, whatever the callers' clocks do. */
const timeOf = (table: SlotTable, slot: number, nowMs: number): number => {
  const floats = table.at(slot) / 2;
  const last = table.floats[floats + lastAt] ?? 0;
  let time = Math.floor(nowMs) + (table.floats[floats + shiftAt] ?? 0);
  if (time < last) {
    if (last - time > skewMsMax) table.floats[floats + shiftAt] = (table.floats[floats + shiftAt] ?? 0) + last - time;
    time = last;
  }
  table.floats[floats + lastAt] = time;
  return time;
};

type Counting = (slot: number, cost: number, time: number) => Admission;

const logCounting = (table: SlotTable, calls: number, windowMs: number): Counting => {
  const { ints, floats } = table;
  const logCell = (at: number, index: number): number => at + cellsAt + (index & (logCells - 1));
  return (slot, cost, time) => {
    const at = table.at(slot);
    const base = floats[at / 2 + baseAt] ?? 0;
    const timeAt = (index: number): number => base + ((ints[logCell(at, index)] ?? 0) >>> 0);
    let first = ints[at + firstAt] ?? 0;
    let used = ints[at + usedAt] ?? 0;
    while (used > 0 && timeAt(first) + windowMs <= time) {
      first = (first + 1) & (logCells - 1);
      used -= 1;
    }
    ints[at + usedAt] = used;
    ints[at + firstAt] = first;
    const isAdmitted = used + cost <= calls;
    if (isAdmitted && cost > 0) {
      const fresh = rebased(table, at, first, used, time);
      for (let i = 0; i < cost; i++) ints[logCell(at, first + used + i)] = time - fresh;
      used += cost;
      ints[at + usedAt] = used;
    }
    // The newest entry leaves last; the entry that frees the last unit asked for decides how long to wait.
    const newest = isAdmitted && cost > 0 ? time : timeAt(first + used - 1);
    const excess = used + cost - calls;
    return {
      isAdmitted,
      limit: calls,
      remaining: Math.max(0, calls - used),
      resetAfterMs: used === 0 ? 0 : newest + windowMs - time,
      retryAfterMs: isAdmitted ? 0 : excess > used ? windowMs : timeAt(first + excess - 1) + windowMs - time,
    };
  };
};

/** Keeps the cells' distances from the base within 32 bits: an empty log begins anew, a used one moves its base up. */
const rebased = (table: SlotTable, at: number, first: number, used: number, time: number): number => {
  const { ints, floats } = table;
  const base = floats[at / 2 + baseAt] ?? 0;
  if (time - base < logWindowMsMax) return base;
  const oldest = used === 0 ? time : base + ((ints[at + cellsAt + first] ?? 0) >>> 0);
  for (let i = 0; i < used; i++) {
    const cell = at + cellsAt + ((first + i) & (logCells - 1));
    ints[cell] = ((ints[cell] ?? 0) >>> 0) - (oldest - base);
  }
  floats[at / 2 + baseAt] = oldest;
  return oldest;
};

const stepCounting = (table: SlotTable, calls: number, windowMs: number): Counting => {
  const { ints, floats } = table;
  // Whole milliseconds, so that times of steps are exact and a caller who waits as told is admitted.
  const stepMs = Math.max(1, Math.ceil(windowMs / stepsPerWindow));
  /** The last admission of a step, as the slot's time. */
  const lastOf = (at: number, step: number): number =>
    step * stepMs + ((ints[cellOf(at, step) + stepCells] ?? 0) >>> 0);
  return (slot, cost, time) => {
    const at = table.at(slot);
    const newestAt = at / 2 + baseAt;
    const step = Math.floor(time / stepMs);
    const oldest = Math.floor((time - windowMs) / stepMs);
    let total = floats[at / 2 + totalAt] ?? 0;
    const spend = (s: number): void => {
      total -= (ints[cellOf(at, s)] ?? 0) >>> 0;
      ints[cellOf(at, s)] = 0;
    };
    const newest = floats[newestAt] ?? 0;
    if (step > newest) {
      // Cells from behind the newest step on held steps that are older than the window.
      for (let s = Math.max(newest + 1, step - stepCells + 1); s <= step; s++) spend(s);
      floats[newestAt] = step;
    }
    // The ring is longer than the window: what lies before it is spent, and so is the step it begins in when its last admission is.
    for (let s = Math.max(0, step - stepCells + 1); s < oldest; s++) if (ints[cellOf(at, s)] !== 0) spend(s);
    if (oldest >= 0 && ints[cellOf(at, oldest)] !== 0 && lastOf(at, oldest) + windowMs <= time) spend(oldest);
    const isAdmitted = total + cost <= calls;
    if (isAdmitted && cost > 0) {
      ints[cellOf(at, step) + stepCells] = time - step * stepMs;
      ints[cellOf(at, step)] = (((ints[cellOf(at, step)] ?? 0) >>> 0) + cost) | 0;
      total += cost;
    }
    floats[at / 2 + totalAt] = total;
    const until = (s: number): number => lastOf(at, s) + windowMs - time;
    return {
      isAdmitted,
      limit: calls,
      remaining: Math.max(0, calls - total),
      resetAfterMs: total === 0 ? 0 : until(lastUsed(ints, at, step, oldest)),
      retryAfterMs: isAdmitted
        ? 0
        : cost > calls
          ? windowMs
          : until(freeing(ints, at, oldest, step, total + cost - calls)),
    };
  };
};

const cellOf = (at: number, step: number): number => at + cellsAt + (step % stepCells);

/** The newest step in which anything was admitted. */
const lastUsed = (ints: Int32Array, at: number, step: number, oldest: number): number => {
  for (let s = step; s > oldest; s--) if (ints[cellOf(at, s)] !== 0) return s;
  return oldest;
};

/** The step whose end frees at least `excess` units. */
const freeing = (ints: Int32Array, at: number, oldest: number, step: number, excess: number): number => {
  let freed = 0;
  for (let s = oldest; s <= step; s++) {
    freed += (ints[cellOf(at, s)] ?? 0) >>> 0;
    if (freed >= excess) return s;
  }
  return step;
};
