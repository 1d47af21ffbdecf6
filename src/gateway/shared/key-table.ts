/**
 * Keys in shared memory, by the first 16 bytes of their SHA-256: open addressing with linear probing, 32 bytes a slot, one writer.
 *
 * Header, 16 words: 0 capacity in slots, 1 slots in use (revoked ones too), 2 generation, which every change counts up.
 * Slot, 8 words: 0-3 digest, 4 subscription record, 5 end in seconds since 1970 (0: none), 6 state, 7 unused.
 * The state is 0 for an empty slot. A slot's digest never changes once its state is set, so that a reader needs no lock to search;
 * what may change (words 4 and 5) is guarded by the state as a sequence lock: busy while it is written, another version after.
 */
export interface KeyTable {
  readonly buffer: SharedArrayBuffer;
  readonly capacity: number;
  readonly used: number;
}

const headerWords = 16;
const slotWords = 8;
const capacityAt = 0;
const usedAt = 1;
const generationAt = 2;
const recordAt = 4;
const expiresAt = 5;
const stateAt = 6;

const isUsed = 1;
const isRevoked = 2;
const isBusy = 4;
const versionStep = 8;

/** Above this share of slots in use the table grows; it is made so large that this much is in use then. */
const loadMax = 0.85;
const loadAfterGrowth = 0.75;
const capacityMin = 1024;

/** A digest as four words. */
export type Digest = Uint32Array;

/** Reads 32 hex digits into `digest`; false where they are none. */
export const parseDigest = (hex: string, digest: Digest): boolean => {
  if (hex.length !== 32) return false;
  for (let word = 0; word < 4; word++) {
    let value = 0;
    for (let i = word * 8; i < word * 8 + 8; i++) {
      const code = hex.charCodeAt(i);
      const digit = code >= 48 && code <= 57 ? code - 48 : code >= 97 && code <= 102 ? code - 87 : -1;
      if (digit < 0) return false;
      value = value * 16 + digit;
    }
    digest[word] = value;
  }
  return true;
};

/** What a reader finds of a key. Reused: valid until the next look-up. */
export interface FoundKey {
  record: number;
  expiresSeconds: number;
}

/** The readers' side of one table. */
export interface KeyReader {
  /** Counted up by every change of any key or subscription. */
  generation(): number;
  /** Fills `found` and answers true; false where the key is unknown or revoked. */
  find(digest: Digest, found: FoundKey): boolean;
}

/** A reader of a table made by a writer on another thread. */
export const readKeyTable = (buffer: SharedArrayBuffer): KeyReader => {
  const words = new Uint32Array(buffer);
  const signed = new Int32Array(buffer);
  const capacity = words[capacityAt] ?? 0;
  return {
    generation: () => Atomics.load(signed, generationAt),
    find: (digest, found) => {
      const slot = search(words, capacity, digest);
      if (slot < 0) return false;
      for (;;) {
        const state = Atomics.load(words, slot + stateAt);
        if ((state & isBusy) !== 0) {
          // The writer is between two stores. It may have lost its core: sleep rather than burn this one.
          Atomics.wait(signed, slot + stateAt, state, 1);
          continue;
        }
        if ((state & isRevoked) !== 0) return false;
        found.record = words[slot + recordAt] ?? 0;
        found.expiresSeconds = words[slot + expiresAt] ?? 0;
        if (Atomics.load(words, slot + stateAt) === state) return true;
      }
    },
  };
};

/** The writer's side. Exactly one thread has it. */
export interface KeyWriter {
  readonly table: KeyTable;
  /** Adds a key or changes it; a revoked one is valid again. Grows the table where it must: `table` is then another. */
  put(digest: Digest, record: number, expiresSeconds: number): void;
  /** True where the key was known. */
  revoke(digest: Digest): boolean;
  /** Makes room for `keys` more keys at once. */
  reserve(keys: number): void;
  /** Tells readers that something changed. */
  changed(): void;
  /** Readers may still use the tables before this one: revocations go to them too until this is called. */
  forgetPrevious(): void;
}

/** A writer on a new table, or on one that was saved. */
export const createKeyWriter = (saved?: SharedArrayBuffer): KeyWriter => {
  let words = saved ? new Uint32Array(saved) : emptyTable(capacityMin);
  let previous: Uint32Array[] = [];

  const insert = (into: Uint32Array, digest: Digest, record: number, expiresSeconds: number): void => {
    const slot = searchFree(into, into[capacityAt] ?? 0, digest);
    const state = into[slot + stateAt] ?? 0;
    if (state === 0) {
      into[slot] = digest[0] ?? 0;
      into[slot + 1] = digest[1] ?? 0;
      into[slot + 2] = digest[2] ?? 0;
      into[slot + 3] = digest[3] ?? 0;
      into[usedAt] = (into[usedAt] ?? 0) + 1;
    } else Atomics.store(into, slot + stateAt, state | isBusy);
    into[slot + recordAt] = record;
    into[slot + expiresAt] = expiresSeconds;
    const version = (state & ~(versionStep - 1)) + versionStep;
    Atomics.store(into, slot + stateAt, (version | isUsed) >>> 0);
  };

  const revokeIn = (table: Uint32Array, digest: Digest): boolean => {
    const slot = search(table, table[capacityAt] ?? 0, digest);
    if (slot < 0) return false;
    const state = table[slot + stateAt] ?? 0;
    Atomics.store(table, slot + stateAt, (((state & ~(versionStep - 1)) + versionStep) | isUsed | isRevoked) >>> 0);
    return true;
  };

  // Revoked keys stay behind: only what is valid moves to the bigger table.
  const rebuild = (extra: number): void => {
    let valid = 0;
    const end = words.length;
    for (let slot = headerWords; slot < end; slot += slotWords) if (isValid(words[slot + stateAt] ?? 0)) valid += 1;
    const bigger = emptyTable(Math.max(capacityMin, Math.ceil((valid + extra) / loadAfterGrowth)));
    bigger[generationAt] = words[generationAt] ?? 0;
    const digest = new Uint32Array(4);
    for (let slot = headerWords; slot < end; slot += slotWords) {
      if (!isValid(words[slot + stateAt] ?? 0)) continue;
      digest.set(words.subarray(slot, slot + 4));
      insert(bigger, digest, words[slot + recordAt] ?? 0, words[slot + expiresAt] ?? 0);
    }
    previous.push(words);
    words = bigger;
  };

  const hasRoom = (extra: number): boolean => (words[usedAt] ?? 0) + extra <= (words[capacityAt] ?? 0) * loadMax;

  return {
    get table() {
      return tableOf(words);
    },
    put: (digest, record, expiresSeconds) => {
      if (!hasRoom(1)) rebuild(1);
      insert(words, digest, record, expiresSeconds);
    },
    revoke: (digest) => {
      for (const table of previous) revokeIn(table, digest);
      return revokeIn(words, digest);
    },
    reserve: (keys) => {
      if (!hasRoom(keys)) rebuild(keys);
    },
    changed: () => {
      for (const table of [...previous, words]) Atomics.add(table, generationAt, 1);
    },
    forgetPrevious: () => {
      previous = [];
    },
  };
};

const isValid = (state: number): boolean => (state & isUsed) !== 0 && (state & isRevoked) === 0;

const emptyTable = (capacity: number): Uint32Array => {
  const words = new Uint32Array(new SharedArrayBuffer((headerWords + capacity * slotWords) * 4));
  words[capacityAt] = capacity;
  return words;
};

const tableOf = (words: Uint32Array): KeyTable => {
  const { buffer } = words;
  if (!(buffer instanceof SharedArrayBuffer)) throw new Error("a key table lies in shared memory");
  return { buffer, capacity: words[capacityAt] ?? 0, used: words[usedAt] ?? 0 };
};

// Digests are uniform: the first word, scaled, is as good a hash as any, and the capacity need not be a power of two.
const homeOf = (capacity: number, digest: Digest): number => Math.floor(((digest[0] ?? 0) * capacity) / 4_294_967_296);

/** Index of the digest's slot, or -1. */
const search = (words: Uint32Array, capacity: number, digest: Digest): number => {
  const slot = searchFree(words, capacity, digest);
  return slot >= 0 && Atomics.load(words, slot + stateAt) !== 0 ? slot : -1;
};

/** Index of the digest's slot, or of the empty one where it would be; -1 where the table is full of others. */
const searchFree = (words: Uint32Array, capacity: number, digest: Digest): number => {
  const [first, second, third, fourth] = digest;
  let at = homeOf(capacity, digest);
  for (let probes = 0; probes < capacity; probes++) {
    const slot = headerWords + at * slotWords;
    if (Atomics.load(words, slot + stateAt) === 0) return slot;
    if (words[slot] === first && words[slot + 1] === second && words[slot + 2] === third && words[slot + 3] === fourth)
      return slot;
    at = at + 1 === capacity ? 0 : at + 1;
  }
  return -1;
};
