import { hash as digestOf } from "node:crypto";
import type { KeyFacts } from "../../exchange/policy.ts";
import type { SubscriptionState } from "../../model/consumer.ts";
import type { DeliveryMessage, SubscriptionEntry } from "../../model/snapshot.ts";
import { createKeyWriter, type Digest, type FoundKey, parseDigest, readKeyTable } from "./key-table.ts";
import { createStringArena, growableBuffer, growTo, readText } from "./string-arena.ts";

/** The shared memory that says who may call. Threads get it once, and again when `keys` had to move to a bigger buffer. */
export interface AccessBuffers {
  readonly keys: SharedArrayBuffer;
  readonly records: SharedArrayBuffer;
  readonly strings: SharedArrayBuffer;
}

export type AccessDelta = Extract<DeliveryMessage, { type: "access" }>;

/*
 * A subscription record is 4 words in `records`, behind a header of 4 (word 0: how many records): the offsets of its id, of its
 * application, and of "product \0 plan \0 organization"; and a state word: 8 bits of state, a busy bit, a version.
 */
const recordWords = 4;
const headerWords = 4;
const stateAt = 3;
const busyBit = 1 << 8;
const versionStep = 1 << 9;
/** By their number in a record, which is also on disk: only ever add at the end. */
const states = ["pending", "active", "suspended", "rejected", "ended"] as const satisfies readonly SubscriptionState[];

/** The one who writes; lives in the main thread. */
export interface AccessWriter {
  /** Readers must be given these again after an `apply` that answered true. */
  readonly buffers: AccessBuffers;
  readonly keys: number;
  readonly subscriptions: number;
  /** Bytes in use of all three buffers. */
  readonly bytes: number;
  /** Applies a delta. What it revokes is refused from this moment on, on all threads. True where the buffers are others now. */
  apply(delta: AccessDelta): boolean;
  /** All threads have the newest buffers. */
  forgetPrevious(): void;
}

/** A writer on empty tables, or on saved ones. */
export const createAccessWriter = (saved?: AccessBuffers): AccessWriter => {
  let part = openTables(saved);
  /** After a reset, readers may use the tables before it for a moment: revocations reach those too. */
  let before: Tables[] = [];

  return {
    get buffers() {
      return buffersOf(part);
    },
    get keys() {
      return part.keys.table.used;
    },
    get subscriptions() {
      return part.records()[0] ?? 0;
    },
    get bytes() {
      const { keys, records, strings } = buffersOf(part);
      return keys.byteLength + records.byteLength + strings.byteLength;
    },
    apply: (delta) => {
      const was = part.keys.table.buffer;
      if (delta.reset) {
        before.push(part);
        part = openTables(undefined);
      }
      for (const entry of delta.subscriptions) part.putSubscription(entry);
      part.keys.reserve(delta.keys.length);
      const digest = new Uint32Array(4);
      for (const key of delta.keys) {
        if (!parseDigest(key.digest, digest)) continue;
        part.keys.put(digest, part.recordOf(key.subscription), Math.ceil(key.expiresAtMs / 1000));
      }
      for (const hex of delta.revoked) {
        if (!parseDigest(hex, digest)) continue;
        part.keys.revoke(digest);
        for (const old of before) old.keys.revoke(digest);
      }
      part.keys.changed();
      for (const old of before) old.keys.changed();
      return part.keys.table.buffer !== was;
    },
    forgetPrevious: () => {
      before = [];
      part.keys.forgetPrevious();
    },
  };
};

type Tables = ReturnType<typeof openTables>;

const buffersOf = (tables: Tables): AccessBuffers => ({
  keys: tables.keys.table.buffer,
  records: tables.recordsBuffer,
  strings: tables.strings.buffer,
});

const openTables = (saved: AccessBuffers | undefined) => {
  const keys = createKeyWriter(saved?.keys);
  const strings = createStringArena(saved?.strings);
  const recordsBuffer = saved?.records ?? growableBuffer(64 * 1024);
  let records = new Uint32Array(recordsBuffer, 0, recordsBuffer.byteLength >> 2);
  /** Record by the offset of its subscription's id; private to the writer and made on first use. */
  let byId: Map<number, number> | null = null;

  const indexed = (): Map<number, number> => {
    if (byId !== null) return byId;
    byId = new Map();
    const count = records[0] ?? 0;
    for (let record = 0; record < count; record++) byId.set(records[headerWords + record * recordWords] ?? 0, record);
    return byId;
  };

  const add = (id: number): number => {
    const record = records[0] ?? 0;
    const at = headerWords + record * recordWords;
    if ((at + recordWords) * 4 > recordsBuffer.byteLength) {
      growTo(recordsBuffer, (at + recordWords) * 4);
      records = new Uint32Array(recordsBuffer, 0, recordsBuffer.byteLength >> 2);
    }
    records[at] = id;
    records[0] = record + 1;
    indexed().set(id, record);
    return record;
  };

  const write = (record: number, application: number, facts: number, state: number): void => {
    const at = headerWords + record * recordWords;
    const version = ((records[at + stateAt] ?? 0) & ~(versionStep - 1)) + versionStep;
    Atomics.store(records, at + stateAt, (version | busyBit | state) >>> 0);
    records[at + 1] = application;
    records[at + 2] = facts;
    Atomics.store(records, at + stateAt, (version | state) >>> 0);
  };

  const recordOf = (subscription: string): number => {
    const id = strings.intern(subscription);
    const known = indexed().get(id);
    if (known !== undefined) return known;
    // A key may come before its subscription: until then nobody may call with it.
    const record = add(id);
    write(record, strings.intern(""), strings.intern("\0\0"), states.indexOf("pending"));
    return record;
  };

  return {
    keys,
    strings,
    recordsBuffer,
    records: () => records,
    recordOf,
    putSubscription: (entry: SubscriptionEntry): void => {
      const facts = strings.intern(`${entry.product}\0${entry.plan}\0${entry.organization}`);
      write(recordOf(entry.id), strings.intern(entry.application), facts, states.indexOf(entry.state));
    },
  };
};

/** Finds out whose a key is; one per thread. */
export interface AccessReader {
  /** Undefined where the key is unknown, revoked or expired. A key that was seen before costs no hash. */
  find(key: string, nowMs: number): KeyFacts | undefined;
  /** The tables have moved. */
  use(buffers: AccessBuffers): void;
}

interface CachedKey {
  readonly digest: Digest;
  generation: number;
  record: number;
  expiresSeconds: number;
  facts: KeyFacts | null;
}

/** Keys and subscriptions that a thread remembers in decoded form. */
const cachedMax = 20_000;
/** Longer texts are no keys; hashing them would be work for an attacker to give. */
const keyLengthMax = 512;

/** A reader of tables that another thread writes. */
export const createAccessReader = (first: AccessBuffers): AccessReader => {
  let keys = readKeyTable(first.keys);
  let records = new Uint32Array(first.records);
  let strings = new Uint8Array(first.strings);
  const cache = twoAgeMap<string, CachedKey>(cachedMax);
  const decoded = twoAgeMap<number, { readonly state: number; readonly facts: KeyFacts }>(cachedMax);
  const found: FoundKey = { record: 0, expiresSeconds: 0 };

  const factsOf = (record: number): KeyFacts => {
    const at = headerWords + record * recordWords;
    for (;;) {
      const state = Atomics.load(records, at + stateAt);
      const known = decoded.get(record);
      if (known !== undefined && known.state === state) return known.facts;
      if ((state & busyBit) !== 0) continue;
      const id = records[at] ?? 0;
      const application = records[at + 1] ?? 0;
      const about = records[at + 2] ?? 0;
      if (Atomics.load(records, at + stateAt) !== state) continue;
      const [product = "", plan = "", organization = ""] = readText(strings, about).split("\0");
      const facts: KeyFacts = Object.freeze({
        subscription: readText(strings, id),
        state: states[state & 0xff] ?? "ended",
        product,
        plan,
        application: readText(strings, application),
        organization,
      });
      decoded.set(record, { state, facts });
      return facts;
    }
  };

  const refresh = (entry: CachedKey, generation: number): boolean => {
    if (!keys.find(entry.digest, found)) return false;
    entry.record = found.record;
    entry.expiresSeconds = found.expiresSeconds;
    entry.facts = factsOf(found.record);
    // Taken before the look-up: a change meanwhile makes the next call look again.
    entry.generation = generation;
    return true;
  };

  return {
    find: (key, nowMs) => {
      const generation = keys.generation();
      let entry = cache.get(key);
      if (entry === undefined) {
        if (key.length === 0 || key.length > keyLengthMax) return undefined;
        entry = { digest: sha256Words(key), generation: 0, record: 0, expiresSeconds: 0, facts: null };
        if (!refresh(entry, generation)) return undefined;
        cache.set(key, entry);
      } else if (entry.generation !== generation && !refresh(entry, generation)) {
        cache.delete(key);
        return undefined;
      }
      if (entry.expiresSeconds !== 0 && nowMs >= entry.expiresSeconds * 1000) return undefined;
      return entry.facts ?? undefined;
    },
    use: (buffers) => {
      keys = readKeyTable(buffers.keys);
      records = new Uint32Array(buffers.records);
      strings = new Uint8Array(buffers.strings);
      // Records may be numbered anew.
      cache.clear();
      decoded.clear();
    },
  };
};

const sha256Words = (key: string): Digest => {
  const bytes = digestOf("sha256", key, "buffer");
  return Uint32Array.of(bytes.readUInt32BE(0), bytes.readUInt32BE(4), bytes.readUInt32BE(8), bytes.readUInt32BE(12));
};

interface TwoAgeMap<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): void;
  delete(key: K): void;
  clear(): void;
}

/** At most `entriesMax` entries in two ages: what is used survives, and a hit costs one look-up without moving anything. */
const twoAgeMap = <K, V>(entriesMax: number): TwoAgeMap<K, V> => {
  let young = new Map<K, V>();
  let old = new Map<K, V>();
  const set = (key: K, value: V): void => {
    young.set(key, value);
    if (young.size * 2 < entriesMax) return;
    old = young;
    young = new Map();
  };
  return {
    get: (key) => {
      const value = young.get(key);
      if (value !== undefined) return value;
      const aged = old.get(key);
      if (aged !== undefined) set(key, aged);
      return aged;
    },
    set,
    delete: (key) => {
      young.delete(key);
      old.delete(key);
    },
    clear: () => {
      young = new Map();
      old = new Map();
    },
  };
};
