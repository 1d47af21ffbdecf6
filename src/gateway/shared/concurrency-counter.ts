import type { ConcurrencyCounter } from "../../exchange/counters.ts";
import type { CounterStats } from "./counter-stats.ts";
import { type KeyHash, keyHash, nameHash } from "./key-hash.ts";
import { type SlotTable, slotsPerBucket } from "./slot-table.ts";

/*
 * Executions at once.  slot: one i32 per thread: how many of its own it runs
 *
 * What runs is the sum, so that a dead thread's share can be struck out. A slot in which nothing runs is as good as empty; where a
 * bucket is full of running ones, new keys are refused.
 */

/** Bytes of a slot for so many threads. */
export const concurrencySlotBytes = (threadsMax: number): number => Math.ceil((threadsMax * 4) / 8) * 8;

/** The counter of one named bound; the name makes the counter, so that another `max` continues it. */
export const concurrencyCounter = (
  table: SlotTable,
  stats: CounterStats,
  seed: number,
  threadsMax: number,
  own: number,
  name: string,
  max: number,
): ConcurrencyCounter => {
  const named = nameHash(name, seed);
  const hash: KeyHash = { high: 0, low: 0 };
  const { ints } = table;
  return {
    enter: (key) => {
      keyHash(named, key, hash);
      const bucket = table.bucketOf(hash);
      if (!table.lock(bucket)) {
        stats.countLockTimeout();
        return false;
      }
      try {
        const slot = slotFor(table, bucket, hash, threadsMax);
        if (slot < 0) {
          stats.countFull();
          return false;
        }
        const at = table.at(slot);
        if (runningIn(table, slot, threadsMax) >= max) return false;
        ints[at + own] = (ints[at + own] ?? 0) + 1;
        return true;
      } finally {
        table.unlock(bucket);
      }
    },
    leave: (key) => {
      keyHash(named, key, hash);
      const bucket = table.bucketOf(hash);
      // Each thread writes only its own share, so that leaving needs the lock no longer than to find the slot; it never gives up.
      while (!table.lock(bucket)) stats.countLockTimeout();
      try {
        const slot = table.find(bucket, hash);
        if (slot < 0) return;
        const at = table.at(slot);
        ints[at + own] = Math.max(0, (ints[at + own] ?? 0) - 1);
      } finally {
        table.unlock(bucket);
      }
    },
  };
};

/** Strikes a dead thread's executions out of every slot. */
export const strikeThread = (table: SlotTable, thread: number): void => {
  for (let bucket = 0; bucket < table.buckets; bucket++) {
    while (!table.lock(bucket));
    for (let slot = bucket * slotsPerBucket; slot < (bucket + 1) * slotsPerBucket; slot++)
      table.ints[table.at(slot) + thread] = 0;
    table.unlock(bucket);
  }
};

const slotFor = (table: SlotTable, bucket: number, hash: Readonly<KeyHash>, threadsMax: number): number => {
  const known = table.find(bucket, hash);
  if (known >= 0) return known;
  let slot = table.empty(bucket);
  for (let i = bucket * slotsPerBucket; slot < 0 && i < (bucket + 1) * slotsPerBucket; i++)
    if (runningIn(table, i, threadsMax) === 0) slot = i;
  if (slot < 0) return -1;
  const at = table.at(slot);
  table.assign(slot, null);
  table.ints.fill(0, at, at + threadsMax);
  table.assign(slot, hash);
  return slot;
};

const runningIn = (table: SlotTable, slot: number, threadsMax: number): number => {
  const at = table.at(slot);
  let running = 0;
  for (let i = 0; i < threadsMax; i++) running += table.ints[at + i] ?? 0;
  return running;
};
