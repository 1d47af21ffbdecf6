import type { KeyHash } from "./key-hash.ts";

/*
 * A hash table in shared memory, cut into buckets of 16 slots. A key belongs to one bucket; a bucket has one lock, which holds the
 * number of the thread that has it, so that the lock of a thread that was killed can be taken over.
 *
 *   bucket: 0 lock · 1..15 unused · 16..47 tags: high and low half of each slot's key, both 0 where the slot is empty
 *   slots:  slotBytes each, behind all buckets
 */

export const slotsPerBucket = 16;
const bucketInts = 48;
const tagsAt = 16;

/** Spins before a thread sleeps, and for how long it sleeps in all before it gives up. */
const spinsMax = 400;
const lockWaitMsMax = 50;

/** Flags of the threads, one word each: 0 unknown or alive, 1 dead. */
export interface ThreadFlags {
  readonly words: Int32Array;
  /** Number of this thread, from 0. */
  readonly own: number;
}

/** How a table lies in memory. */
export interface TableLayout {
  readonly buckets: number;
  readonly slotBytes: number;
  readonly byteLength: number;
}

/** A table of at least `slotsMax` slots; a power of two of buckets. */
export const tableLayout = (slotsMax: number, slotBytes: number): TableLayout => {
  let buckets = 1;
  while (buckets * slotsPerBucket < slotsMax) buckets *= 2;
  return { buckets, slotBytes, byteLength: buckets * (bucketInts * 4 + slotsPerBucket * slotBytes) };
};

/** A table as one thread sees it. */
export interface SlotTable {
  readonly buckets: number;
  readonly ints: Int32Array;
  readonly floats: Float64Array;
  bucketOf(hash: Readonly<KeyHash>): number;
  /** Takes the bucket's lock. False where its owner neither gives it back in time nor is known to be dead: the caller then refuses. */
  lock(bucket: number): boolean;
  unlock(bucket: number): void;
  /** The slot of a key in its locked bucket, or -1. */
  find(bucket: number, hash: Readonly<KeyHash>): number;
  /** An empty slot in a locked bucket, or -1. */
  empty(bucket: number): number;
  /** Gives a slot to a key, or with null to nobody. The slot's content is the caller's business. */
  assign(slot: number, hash: Readonly<KeyHash> | null): void;
  isUsed(slot: number): boolean;
  tag(slot: number): KeyHash;
  /** Where a slot's content begins in `ints`; half of it in `floats`. */
  at(slot: number): number;
  /** Takes over every lock of a dead thread, repairs what it left half done, and gives the lock free. */
  takeOver(thread: number): void;
}

/** Opens a table; `repair` makes a slot consistent whose writer died. */
export const openTable = (
  memory: SharedArrayBuffer,
  byteOffset: number,
  layout: TableLayout,
  threads: ThreadFlags,
  repair: (table: SlotTable, slot: number) => void,
): SlotTable => {
  const { buckets, slotBytes } = layout;
  const heads = new Int32Array(memory, byteOffset, buckets * bucketInts);
  const slotsOffset = byteOffset + buckets * bucketInts * 4;
  const ints = new Int32Array(memory, slotsOffset, (buckets * slotsPerBucket * slotBytes) / 4);
  const floats = new Float64Array(memory, slotsOffset, (buckets * slotsPerBucket * slotBytes) / 8);
  const slotInts = slotBytes / 4;
  const own = threads.own + 1;

  const repairBucket = (bucket: number): void => {
    for (let slot = bucket * slotsPerBucket; slot < (bucket + 1) * slotsPerBucket; slot++)
      if (table.isUsed(slot)) repair(table, slot);
  };

  const lockSlowly = (at: number, bucket: number): boolean => {
    const endMs = performance.now() + lockWaitMsMax;
    for (;;) {
      const owner = Atomics.compareExchange(heads, at, 0, own);
      if (owner === 0) return true;
      // This thread cannot hold the lock twice: nothing within a lock calls out. It is its predecessor of the same number that died.
      const isOrphan = owner === own || Atomics.load(threads.words, owner - 1) === 1;
      if (isOrphan && Atomics.compareExchange(heads, at, owner, own) === owner) {
        repairBucket(bucket);
        return true;
      }
      if (performance.now() > endMs) return false;
      Atomics.wait(heads, at, owner, 1);
    }
  };

  const table: SlotTable = {
    buckets,
    ints,
    floats,
    bucketOf: (hash) => hash.low & (buckets - 1),
    lock: (bucket) => {
      const at = bucket * bucketInts;
      for (let spin = 0; spin < spinsMax; spin++) if (Atomics.compareExchange(heads, at, 0, own) === 0) return true;
      return lockSlowly(at, bucket);
    },
    unlock: (bucket) => {
      Atomics.store(heads, bucket * bucketInts, 0);
    },
    find: (bucket, hash) => {
      const tags = bucket * bucketInts + tagsAt;
      for (let i = 0; i < slotsPerBucket; i++)
        if (heads[tags + 2 * i] === hash.high && heads[tags + 2 * i + 1] === hash.low)
          return bucket * slotsPerBucket + i;
      return -1;
    },
    empty: (bucket) => {
      const tags = bucket * bucketInts + tagsAt;
      for (let i = 0; i < slotsPerBucket; i++)
        if (heads[tags + 2 * i] === 0 && heads[tags + 2 * i + 1] === 0) return bucket * slotsPerBucket + i;
      return -1;
    },
    assign: (slot, hash) => {
      const tag = tagOf(slot);
      heads[tag] = hash === null ? 0 : hash.high;
      heads[tag + 1] = hash === null ? 0 : hash.low;
    },
    isUsed: (slot) => heads[tagOf(slot)] !== 0 || heads[tagOf(slot) + 1] !== 0,
    tag: (slot) => ({ high: heads[tagOf(slot)] ?? 0, low: heads[tagOf(slot) + 1] ?? 0 }),
    at: (slot) => slot * slotInts,
    takeOver: (thread) => {
      for (let bucket = 0; bucket < buckets; bucket++) {
        const at = bucket * bucketInts;
        if (Atomics.load(heads, at) !== thread + 1) continue;
        if (Atomics.compareExchange(heads, at, thread + 1, own) !== thread + 1) continue;
        repairBucket(bucket);
        Atomics.store(heads, at, 0);
      }
    },
  };
  return table;
};

const tagOf = (slot: number): number => {
  const bucket = Math.floor(slot / slotsPerBucket);
  return bucket * bucketInts + tagsAt + 2 * (slot - bucket * slotsPerBucket);
};
