import { randomInt } from "node:crypto";
import type { SharedStore } from "../../exchange/shared-store.ts";
import { type KeyHash, keyHash, nameHash } from "./key-hash.ts";

/*
 * Values in one SharedArrayBuffer, cut into pages of 4 KiB that are chained. One lock guards everything: what happens under it is
 * looking up, and copying a value. It holds the number of its thread: where that thread has died, whoever takes the lock empties the
 * store, since nobody knows how far the other came.
 *
 *   0      header: magic, seed, threadsMax, slots, pages, lock, first free page, clock hand, used pages, evictions, misses, hits
 *   64     one word per thread: 1 where it is dead
 *   ...    purge times: f64 each, by the tag's hash
 *   ...    slots: hash high, hash low, first page, bytes (key and value), bytes of the key, is recent · f64 expiry
 *   ...    next page of each page, or -1
 *   ...    pages
 */

/** How much a store holds. Memory that nothing has touched costs nothing. */
export interface StoreSizes {
  readonly threadsMax?: number;
  readonly bytesMax?: number;
  readonly valuesMax?: number;
}

const storeSizeDefaults = { threadsMax: 64, bytesMax: 64 * 1024 * 1024, valuesMax: 32_768 } as const;

/** What its keeper needs beside the contract. */
export interface KeptStore extends SharedStore {
  /** To be called by a living thread when another has ended. */
  repairThread(thread: number): void;
  stats(): { readonly bytesUsed: number; readonly evictions: number; readonly hits: number; readonly misses: number };
}

const magic = 0x706f7232;
const headerBytes = 64;
const pageBytes = 4096;
const purgeWords = 4096;
const slotInts = 8;
/** A value takes no more than this share of the pages. */
const valueShare = 8;
const probesMax = 32;
const lockWaitMsMax = 200;
const at = { seed: 1, lock: 5, free: 6, hand: 7, used: 8, evictions: 9, misses: 10, hits: 11 } as const;

interface Layout {
  readonly slots: number;
  readonly pages: number;
  readonly purgesAt: number;
  readonly slotsAt: number;
  readonly nextAt: number;
  readonly pagesAt: number;
  readonly byteLength: number;
}

const layoutOf = (threadsMax: number, slots: number, pages: number): Layout => {
  const purgesAt = headerBytes + Math.ceil((threadsMax * 4) / 64) * 64;
  const slotsAt = purgesAt + purgeWords * 8;
  const nextAt = slotsAt + slots * slotInts * 4;
  const pagesAt = Math.ceil((nextAt + pages * 4) / pageBytes) * pageBytes;
  return { slots, pages, purgesAt, slotsAt, nextAt, pagesAt, byteLength: pagesAt + pages * pageBytes };
};

/** Memory for a store, empty; made once per process and handed to each thread. */
export const createStoreMemory = (sizes: StoreSizes = {}): SharedArrayBuffer => {
  const { threadsMax, bytesMax, valuesMax } = { ...storeSizeDefaults, ...sizes };
  const layout = layoutOf(threadsMax, valuesMax, Math.max(1, Math.floor(bytesMax / pageBytes)));
  const memory = new SharedArrayBuffer(layout.byteLength);
  const header = new Int32Array(memory, 0, headerBytes / 4);
  header.set([magic, randomInt(1, 0x7fff_ffff), threadsMax, layout.slots, layout.pages]);
  emptyOf(header, new Int32Array(memory, layout.slotsAt, layout.slots * slotInts), pagesOf(memory, layout));
  return memory;
};

const pagesOf = (memory: SharedArrayBuffer, layout: Layout): Int32Array =>
  new Int32Array(memory, layout.nextAt, layout.pages);

/** Every slot without pages, every page free. */
const emptyOf = (header: Int32Array, slots: Int32Array, next: Int32Array): void => {
  for (let slot = 2; slot < slots.length; slot += slotInts) slots[slot] = -1;
  for (let page = 0; page < next.length; page++) next[page] = page + 1 < next.length ? page + 1 : -1;
  header[at.free] = 0;
  header[at.hand] = 0;
  header[at.used] = 0;
};

/** The store in `memory` for the thread of this number, from 0. No two living threads have the same. */
export const attachStore = (memory: SharedArrayBuffer, thread: number): KeptStore => {
  const header = new Int32Array(memory, 0, headerBytes / 4);
  const [found = 0, , threadsMax = 0, slotCount = 0, pageCount = 0] = header;
  if (found !== magic) throw new RangeError("this memory holds no store");
  if (!Number.isInteger(thread) || thread < 0 || thread >= threadsMax)
    throw new RangeError(`thread ${thread} is beyond the ${threadsMax} that the store was made for`);
  const layout = layoutOf(threadsMax, slotCount, pageCount);
  const dead = new Int32Array(memory, headerBytes, threadsMax);
  const purges = new Float64Array(memory, layout.purgesAt, purgeWords);
  const slots = new Int32Array(memory, layout.slotsAt, slotCount * slotInts);
  const expiries = new Float64Array(memory, layout.slotsAt, (slotCount * slotInts) / 2);
  const next = pagesOf(memory, layout);
  const pages = new Uint8Array(memory, layout.pagesAt, pageCount * pageBytes);
  Atomics.store(dead, thread, 0);
  const own = thread + 1;
  const named = nameHash("store", header[at.seed] ?? 0);
  const hash: KeyHash = { high: 0, low: 0 };
  const valueBytesMax = Math.floor(pageCount / valueShare) * pageBytes;

  const lock = (): boolean => {
    const endMs = performance.now() + lockWaitMsMax;
    for (let spin = 0; ; spin++) {
      const owner = Atomics.compareExchange(header, at.lock, 0, own);
      if (owner === 0) return true;
      if (spin < 400) continue;
      const isOrphan = owner === own || Atomics.load(dead, owner - 1) === 1;
      if (isOrphan && Atomics.compareExchange(header, at.lock, owner, own) === owner) {
        emptyOf(header, slots, next);
        return true;
      }
      if (performance.now() > endMs) return false;
      Atomics.wait(header, at.lock, owner, 1);
    }
  };
  const unlock = (): void => {
    Atomics.store(header, at.lock, 0);
    Atomics.notify(header, at.lock, 1);
  };
  /** Runs under the lock; where it is not to be had in time, as if there were nothing. */
  const locked = <T>(otherwise: T, act: () => T): T => {
    if (!lock()) return otherwise;
    try {
      return act();
    } finally {
      unlock();
    }
  };
  const count = (word: number, by = 1): void => {
    header[word] = (header[word] ?? 0) + by;
  };

  const isUsed = (slot: number): boolean => (slots[slot * slotInts + 2] ?? -1) >= 0;
  const release = (slot: number): void => {
    const head = slot * slotInts;
    let page = slots[head + 2] ?? -1;
    slots[head + 2] = -1;
    while (page >= 0) {
      const after = next[page] ?? -1;
      next[page] = header[at.free] ?? -1;
      header[at.free] = page;
      count(at.used, -1);
      page = after;
    }
  };

  const copyOut = (slot: number): Uint8Array => {
    const head = slot * slotInts;
    const bytes = new Uint8Array(slots[head + 3] ?? 0);
    let page = slots[head + 2] ?? -1;
    for (let to = 0; page >= 0 && to < bytes.length; to += pageBytes) {
      const from = page * pageBytes;
      bytes.set(pages.subarray(from, from + Math.min(pageBytes, bytes.length - to)), to);
      page = next[page] ?? -1;
    }
    return bytes;
  };

  const hasKey = (slot: number, key: Uint8Array): boolean => {
    const head = slot * slotInts;
    if (slots[head + 4] !== key.length) return false;
    let page = slots[head + 2] ?? -1;
    for (let at = 0; at < key.length && page >= 0; at += pageBytes) {
      const from = page * pageBytes;
      const part = key.subarray(at, at + pageBytes);
      for (let i = 0; i < part.length; i++) if (pages[from + i] !== part[i]) return false;
      page = next[page] ?? -1;
    }
    return true;
  };

  const probe = (n: number): number => ((hash.low >>> 0) + n) % slotCount;

  const find = (key: Uint8Array): number => {
    for (let n = 0; n < probesMax; n++) {
      const slot = probe(n);
      const head = slot * slotInts;
      if (isUsed(slot) && slots[head] === hash.high && slots[head + 1] === hash.low && hasKey(slot, key)) return slot;
    }
    return -1;
  };

  /** A slot for a new key: a free one, else the one of its row that is over, not recent, or the first. */
  const slotFor = (nowMs: number): number => {
    let victim = probe(0);
    let rank = 0;
    for (let n = 0; n < probesMax; n++) {
      const slot = probe(n);
      if (!isUsed(slot)) return slot;
      const isOver = (expiries[slot * 4 + 3] ?? 0) <= nowMs;
      const own = isOver ? 2 : slots[slot * slotInts + 5] === 0 ? 1 : 0;
      if (own > rank) [victim, rank] = [slot, own];
    }
    count(at.evictions);
    release(victim);
    return victim;
  };

  /** Gives up values until so many pages are free: the hand goes round, what was used since its last visit is spared once. */
  const makeRoom = (needed: number, nowMs: number): boolean => {
    for (let steps = 0; pageCount - (header[at.used] ?? 0) < needed; steps++) {
      if (steps > slotCount * 2) return false;
      const slot = header[at.hand] ?? 0;
      header[at.hand] = (slot + 1) % slotCount;
      if (!isUsed(slot)) continue;
      const isOver = (expiries[slot * 4 + 3] ?? 0) <= nowMs;
      if (!isOver && slots[slot * slotInts + 5] !== 0) {
        slots[slot * slotInts + 5] = 0;
        continue;
      }
      if (!isOver) count(at.evictions);
      release(slot);
    }
    return true;
  };

  const copyIn = (slot: number, key: Uint8Array, value: Uint8Array): void => {
    const head = slot * slotInts;
    const length = key.length + value.length;
    let last = -1;
    for (let done = 0; done < length; done += pageBytes) {
      const page = header[at.free] ?? -1;
      header[at.free] = next[page] ?? -1;
      next[page] = -1;
      count(at.used);
      if (last < 0) slots[head + 2] = page;
      else next[last] = page;
      last = page;
      const from = page * pageBytes;
      const inKey = key.subarray(done, done + pageBytes);
      pages.set(inKey, from);
      const valueFrom = Math.max(0, done - key.length);
      const room = pageBytes - inKey.length;
      if (room > 0) pages.set(value.subarray(valueFrom, valueFrom + room), from + inKey.length);
    }
    slots[head] = hash.high;
    slots[head + 1] = hash.low;
    slots[head + 3] = length;
    slots[head + 4] = key.length;
    slots[head + 5] = 1;
  };

  const purgeWord = (tag: string): number => {
    keyHash(named, tag, hash);
    return (hash.low >>> 0) % purgeWords;
  };

  return {
    valueBytesMax,
    get: (key, nowMs) => {
      const bytes = Buffer.from(key);
      keyHash(named, key, hash);
      return locked<Uint8Array | undefined>(undefined, () => {
        const slot = find(bytes);
        if (slot < 0 || (expiries[slot * 4 + 3] ?? 0) <= nowMs) {
          if (slot >= 0) release(slot);
          count(at.misses);
          return undefined;
        }
        count(at.hits);
        slots[slot * slotInts + 5] = 1;
        return copyOut(slot).subarray(bytes.length);
      });
    },
    set: (key, value, expiresAtMs, nowMs) => {
      const bytes = Buffer.from(key);
      if (bytes.length === 0 || bytes.length + value.length > valueBytesMax) return false;
      keyHash(named, key, hash);
      return locked(false, () => {
        const known = find(bytes);
        if (known >= 0) release(known);
        if (!makeRoom(Math.ceil((bytes.length + value.length) / pageBytes), nowMs)) return false;
        const slot = known >= 0 ? known : slotFor(nowMs);
        copyIn(slot, bytes, value);
        expiries[slot * 4 + 3] = expiresAtMs;
        return true;
      });
    },
    delete: (key) => {
      const bytes = Buffer.from(key);
      keyHash(named, key, hash);
      return locked(false, () => {
        const slot = find(bytes);
        if (slot >= 0) release(slot);
        return slot >= 0;
      });
    },
    purge: (tag, nowMs) => {
      purges[purgeWord(tag)] = nowMs;
    },
    purgedAtMs: (tag) => purges[purgeWord(tag)] ?? 0,
    repairThread: (ended) => {
      Atomics.store(dead, ended, 1);
      // Taking the lock repairs what it left.
      if (Atomics.load(header, at.lock) === ended + 1) locked(undefined, () => undefined);
    },
    stats: () => ({
      bytesUsed: (header[at.used] ?? 0) * pageBytes,
      evictions: header[at.evictions] ?? 0,
      hits: header[at.hits] ?? 0,
      misses: header[at.misses] ?? 0,
    }),
  };
};

/** A store for one thread alone: the same code over memory of its own. */
export const createLocalStore = (sizes: StoreSizes = {}): KeptStore =>
  attachStore(createStoreMemory({ ...sizes, threadsMax: 1 }), 0);
