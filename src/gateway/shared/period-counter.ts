import type { Admission, PeriodCounter } from "../../exchange/counters.ts";
import type { CounterStats } from "./counter-stats.ts";
import { type KeyHash, keyHash, nameHash } from "./key-hash.ts";
import { type SlotTable, slotsPerBucket } from "./slot-table.ts";

/*
 * Volumes over fixed periods.  slot: f64 0 start of the period · 1 used · 2 length of the period, 0 without end · 3 unused
 *
 * A slot is given up only when its period has ended: a volume of a month must not be lost to other keys. Where a bucket is full of
 * running periods, new keys are refused.
 */

export const periodSlotBytes = 32;

/** A saved volume: what export and import exchange. */
export interface SavedPeriod {
  readonly hash: KeyHash;
  readonly startMs: number;
  readonly used: number;
  readonly periodMs: number;
}

/** The counter of one named quota; the name and the period's length make the counter. */
export const periodCounter = (
  table: SlotTable,
  stats: CounterStats,
  seed: number,
  name: string,
  calls: number,
  periodMs: number,
  firstPeriodStartMs: number,
): PeriodCounter => {
  const named = nameHash(`${name}\0${periodMs}`, seed);
  const hash: KeyHash = { high: 0, low: 0 };
  const { floats } = table;

  const inSlot = <T>(key: string, nowMs: number, use: (at: number) => T, refuse: () => T): T => {
    keyHash(named, key, hash);
    const bucket = table.bucketOf(hash);
    if (!table.lock(bucket)) {
      stats.countLockTimeout();
      return refuse();
    }
    try {
      const start = periodMs === 0 ? 0 : startOf(nowMs);
      const slot = slotFor(table, bucket, hash, start, periodMs, nowMs);
      if (slot < 0) {
        stats.countFull();
        return refuse();
      }
      const at = table.at(slot) / 2;
      // A thread whose cached time is a moment behind counts into the period that has begun already.
      if (start > (floats[at] ?? 0)) {
        floats[at + 1] = 0;
        floats[at] = start;
      }
      return use(at);
    } finally {
      table.unlock(bucket);
    }
  };
  const startOf = (nowMs: number): number =>
    firstPeriodStartMs + Math.floor((nowMs - firstPeriodStartMs) / periodMs) * periodMs;
  const untilEnd = (at: number, nowMs: number): number =>
    periodMs === 0 ? Number.POSITIVE_INFINITY : Math.max(0, (floats[at] ?? 0) + periodMs - nowMs);

  return {
    admit: (key, cost, nowMs): Admission =>
      inSlot(
        key,
        nowMs,
        (at) => {
          const used = floats[at + 1] ?? 0;
          const isAdmitted = used + cost <= calls;
          if (isAdmitted) floats[at + 1] = used + cost;
          const resetAfterMs = untilEnd(at, nowMs);
          return {
            isAdmitted,
            limit: calls,
            remaining: Math.max(0, calls - (floats[at + 1] ?? 0)),
            resetAfterMs,
            retryAfterMs: isAdmitted ? 0 : resetAfterMs,
          };
        },
        () => ({ isAdmitted: false, limit: calls, remaining: 0, resetAfterMs: 1_000, retryAfterMs: 1_000 }),
      ),
    add: (key, cost, nowMs) =>
      inSlot(
        key,
        nowMs,
        (at) => {
          floats[at + 1] = (floats[at + 1] ?? 0) + cost;
        },
        () => {},
      ),
  };
};

/** Every volume that is not over, for the process to save. Locks one bucket at a time. */
export const exportPeriods = (table: SlotTable, nowMs: number): readonly SavedPeriod[] => {
  const saved: SavedPeriod[] = [];
  for (let bucket = 0; bucket < table.buckets; bucket++) {
    if (!hasUsed(table, bucket) || !table.lock(bucket)) continue;
    try {
      for (let slot = bucket * slotsPerBucket; slot < (bucket + 1) * slotsPerBucket; slot++) {
        if (!table.isUsed(slot) || isOver(table, slot, nowMs)) continue;
        const at = table.at(slot) / 2;
        saved.push({
          hash: table.tag(slot),
          startMs: table.floats[at] ?? 0,
          used: table.floats[at + 1] ?? 0,
          periodMs: table.floats[at + 2] ?? 0,
        });
      }
    } finally {
      table.unlock(bucket);
    }
  }
  return saved;
};

/** Puts saved volumes back; of a key that has counted already, the larger volume of the later period stays. */
export const importPeriod = (table: SlotTable, saved: SavedPeriod, nowMs: number): boolean => {
  const bucket = table.bucketOf(saved.hash);
  if (!table.lock(bucket)) return false;
  try {
    const slot = slotFor(table, bucket, saved.hash, saved.startMs, saved.periodMs, nowMs);
    if (slot < 0) return false;
    const at = table.at(slot) / 2;
    const start = table.floats[at] ?? 0;
    if (saved.startMs < start) return true;
    table.floats[at + 1] = saved.startMs > start ? saved.used : Math.max(saved.used, table.floats[at + 1] ?? 0);
    table.floats[at] = saved.startMs;
    return true;
  } finally {
    table.unlock(bucket);
  }
};

const slotFor = (
  table: SlotTable,
  bucket: number,
  hash: Readonly<KeyHash>,
  startMs: number,
  periodMs: number,
  nowMs: number,
): number => {
  const known = table.find(bucket, hash);
  if (known >= 0) return known;
  let slot = table.empty(bucket);
  for (let i = bucket * slotsPerBucket; slot < 0 && i < (bucket + 1) * slotsPerBucket; i++)
    if (isOver(table, i, nowMs)) slot = i;
  if (slot < 0) return -1;
  const at = table.at(slot) / 2;
  table.assign(slot, null);
  table.floats[at] = startMs;
  table.floats[at + 1] = 0;
  table.floats[at + 2] = periodMs;
  table.assign(slot, hash);
  return slot;
};

const isOver = (table: SlotTable, slot: number, nowMs: number): boolean => {
  const at = table.at(slot) / 2;
  const periodMs = table.floats[at + 2] ?? 0;
  return periodMs > 0 && (table.floats[at] ?? 0) + periodMs <= nowMs;
};

const hasUsed = (table: SlotTable, bucket: number): boolean => {
  for (let slot = bucket * slotsPerBucket; slot < (bucket + 1) * slotsPerBucket; slot++)
    if (table.isUsed(slot)) return true;
  return false;
};
