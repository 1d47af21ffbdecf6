import { bytesHash } from "../../base/canonical-json.ts";

/*
 * What all threads know about backends and their targets, in one SharedArrayBuffer: health, ejections, breakers, calls that run,
 * budgets. One row per backend, target, or breaker of a policy; a row is found by its kind and name, so that a new version of a
 * backend goes on with what is known.
 *
 *   0       header: magic, threadsMax, rowsMax, lock (number of the thread that has it, from 1)
 *   64      one word per thread: 1 where it is dead
 *   ...     rows: `fixedInts` words, two words per thread (running, pending), `floatCount` doubles, the name
 *
 * Rows are taken when configuration changes, under the lock; afterwards every word is changed by Atomics alone. A row is free when no
 * living thread uses it; what it knew stays until somebody else needs the place.
 */

export type RowKind = "backend" | "target" | "breaker" | "budget";
const rowKinds: readonly RowKind[] = ["backend", "target", "breaker", "budget"];

/** Words of a row. */
const rowWord = {
  /** 0: free; else the kind's number from 1. */
  kind: 0,
  nameHash: 1,
  usersLow: 2,
  usersHigh: 3,
  /** Row of a target's backend, from 1. */
  parent: 4,
  /** A breaker's or a target's health: see their owners. */
  state: 5,
  running: 6,
  pending: 7,
  consecutive: 8,
  /** Trials of a half-open breaker; of a target the thread (from 1) that asks for its health. */
  permits: 9,
  /** Trials that succeeded; of a target the health answers in a row, negative for bad ones. */
  streak: 10,
  /** Openings or ejections without a good time between them: they double the wait. */
  repeats: 11,
  /** Changes when a place becomes free that another thread may wait for. */
  wake: 12,
  windowIndex: 13,
  windowGood: 14,
  windowBad: 15,
  windowGoodBefore: 16,
  windowBadBefore: 17,
  /** Counters for the metrics. */
  calls: 20,
  failures: 21,
  retries: 22,
  hedges: 23,
  hedgesWon: 24,
  budgetRefusals: 25,
  limitRefusals: 26,
  openings: 27,
  openRefusals: 28,
  mirrored: 29,
  mirrorsDropped: 30,
  failovers: 31,
} as const;
export type RowWord = keyof typeof rowWord;

/** Times of a row, in milliseconds of the process's own clock, which never goes back. */
const rowTime = { until: 0, since: 1 } as const;
export type RowTime = keyof typeof rowTime;

const fixedInts = 32;
const floatCount = 2;
const nameBytes = 256;
const headerBytes = 64;
const magic = 0x706f7562;
const lockWaitMsMax = 2_000;

/** Rows of one process: targets, backends with rules, and breakers of policies. */
const backendRowsMax = 4_096;
const threadsMaxDefault = 64;

/** A row as one thread sees it. */
export interface BackendRow {
  readonly kind: RowKind;
  readonly name: string;
  readonly index: number;
  load(word: RowWord): number;
  store(word: RowWord, value: number): void;
  /** Answers what stood there before. */
  add(word: RowWord, by: number): number;
  /** True where `from` stood there. */
  exchange(word: RowWord, from: number, to: number): boolean;
  time(which: RowTime): number;
  setTime(which: RowTime, ms: number): void;
  /** Adds to what runs or waits, also to this thread's own share, so that it can be struck out; answers the sum after it. */
  enter(word: "running" | "pending"): number;
  leave(word: "running" | "pending"): void;
  /** Wakes one thread that waits for a free place. */
  wake(): void;
  /** Settles when another thread has woken this row, or after `timeoutMs`. */
  woken(timeoutMs: number): Promise<void>;
  /** One use less; every `take` has one. */
  release(): void;
}

/** The rows as one thread sees them. */
export interface BackendTable {
  /** The clock that all threads share; never goes back. */
  nowMs(): number;
  /** The row of this kind and name, made where there is none. Throws a RangeError where all rows are in use. */
  take(kind: RowKind, name: string, parent?: BackendRow): BackendRow;
  readonly own: number;
}

/** One row for whoever watches. */
export interface BackendRowFacts {
  readonly kind: RowKind;
  readonly name: string;
  /** Name of a target's backend; empty otherwise. */
  readonly parent: string;
  readonly words: Readonly<Record<RowWord, number>>;
  readonly untilMs: number;
}

/** Memory for the rows of one process. */
export const createBackendMemory = (threadsMax: number = threadsMaxDefault): SharedArrayBuffer => {
  const memory = new SharedArrayBuffer(rowsAt(threadsMax) + backendRowsMax * rowBytes(threadsMax));
  new Int32Array(memory, 0, 4).set([magic, threadsMax, backendRowsMax, 0]);
  return memory;
};

/** The rows in `memory` for one thread; `nowMs` is the same clock in all threads. */
export const attachBackendTable = (memory: SharedArrayBuffer, own: number, nowMs: () => number): BackendTable => {
  const view = viewOf(memory);
  if (own < 0 || own >= view.threadsMax) throw new RangeError(`no room for thread ${own}`);
  Atomics.store(view.deaths, own, 0);
  const uses = new Map<number, number>();

  const take = (kind: RowKind, name: string, parent?: BackendRow): BackendRow => {
    const text = Buffer.from(name).subarray(0, nameBytes - 1);
    const hash = hashOf(kind, name);
    return underLock(view, own, () => {
      let free = -1;
      for (let index = 0; index < view.rowsMax; index++) {
        const at = view.intsAt(index);
        const isUsed = (view.ints[at + rowWord.kind] ?? 0) !== 0;
        if (isUsed && view.ints[at + rowWord.nameHash] === hash && isNamed(view, index, kind, text)) {
          return use(index, kind, name, parent);
        }
        if (free < 0 && (!isUsed || !hasUsers(view, index))) free = index;
        // Rows are given out from the first on: behind one that was never used there is none.
        if (!isUsed) break;
      }
      if (free < 0) throw new RangeError(`the gateway keeps the state of at most ${view.rowsMax} targets and backends`);
      clearRow(view, free);
      view.names.set(text, free * nameBytes);
      view.ints[view.intsAt(free) + rowWord.nameHash] = hash;
      Atomics.store(view.ints, view.intsAt(free) + rowWord.kind, rowKinds.indexOf(kind) + 1);
      return use(free, kind, name, parent);
    });
  };

  const use = (index: number, kind: RowKind, name: string, parent: BackendRow | undefined): BackendRow => {
    uses.set(index, (uses.get(index) ?? 0) + 1);
    Atomics.or(view.ints, view.intsAt(index) + usersWord(own), userBit(own));
    if (parent !== undefined) Atomics.store(view.ints, view.intsAt(index) + rowWord.parent, parent.index + 1);
    let isReleased = false;
    return rowOf(view, own, index, kind, name, () => {
      if (isReleased) return;
      isReleased = true;
      const left = (uses.get(index) ?? 1) - 1;
      if (left > 0) uses.set(index, left);
      else {
        uses.delete(index);
        Atomics.and(view.ints, view.intsAt(index) + usersWord(own), ~userBit(own));
      }
    });
  };

  return { nowMs, take, own };
};

/** A table for one thread alone: the same code over memory of its own. */
export const createLocalBackendTable = (nowMs: () => number): BackendTable =>
  attachBackendTable(createBackendMemory(1), 0, nowMs);

/** The clock of the process, which is the same in all of its threads and never goes back. */
export const processNowMs = (): number => {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
};

/** To be called when a thread has ended: what it ran is struck out, what it held is free. */
export const repairBackends = (memory: SharedArrayBuffer, dead: number): void => {
  const view = viewOf(memory);
  Atomics.store(view.deaths, dead, 1);
  Atomics.compareExchange(view.header, 3, dead + 1, 0);
  for (let index = 0; index < view.rowsMax; index++) {
    const at = view.intsAt(index);
    if ((view.ints[at + rowWord.kind] ?? 0) === 0) break;
    Atomics.and(view.ints, at + usersWord(dead), ~userBit(dead));
    for (const word of ["running", "pending"] as const) {
      const share = Atomics.exchange(view.ints, shareAt(view, index, dead, word), 0);
      Atomics.sub(view.ints, at + rowWord[word], share);
    }
    if (view.ints[at + rowWord.kind] === rowKinds.indexOf("target") + 1)
      Atomics.compareExchange(view.ints, at + rowWord.permits, dead + 1, 0);
  }
};

/** All rows that somebody uses. */
export const readBackends = (memory: SharedArrayBuffer): readonly BackendRowFacts[] => {
  const view = viewOf(memory);
  const facts: BackendRowFacts[] = [];
  for (let index = 0; index < view.rowsMax; index++) {
    const at = view.intsAt(index);
    const kind = rowKinds[(view.ints[at + rowWord.kind] ?? 0) - 1];
    if (kind === undefined) break;
    if (!hasUsers(view, index)) continue;
    const parent = (view.ints[at + rowWord.parent] ?? 0) - 1;
    const words = Object.fromEntries(
      Object.entries(rowWord).map(([word, offset]) => [word, Atomics.load(view.ints, at + offset)]),
    );
    facts.push({
      kind,
      name: nameOf(view, index),
      parent: parent < 0 ? "" : nameOf(view, parent),
      // The words are those of the table above.
      words: words as Record<RowWord, number>,
      untilMs: view.floats[view.floatsAt(index) + rowTime.until] ?? 0,
    });
  }
  return facts;
};

interface View {
  readonly threadsMax: number;
  readonly rowsMax: number;
  readonly header: Int32Array;
  readonly deaths: Int32Array;
  readonly ints: Int32Array;
  readonly floats: Float64Array;
  readonly names: Uint8Array;
  intsAt(index: number): number;
  floatsAt(index: number): number;
}

const rowInts = (threadsMax: number): number => fixedInts + 2 * threadsMax;
const rowBytes = (threadsMax: number): number => rowInts(threadsMax) * 4 + floatCount * 8 + nameBytes;
const rowsAt = (threadsMax: number): number => headerBytes + Math.ceil((threadsMax * 4) / 64) * 64;

const viewOf = (memory: SharedArrayBuffer): View => {
  const header = new Int32Array(memory, 0, 4);
  const [found = 0, threadsMax = 0, rowsMax = 0] = header;
  if (found !== magic) throw new RangeError("this memory holds no backends");
  // The parts of all rows lie together: first the doubles, then the words, then the names.
  const floatsOffset = rowsAt(threadsMax);
  const intsOffset = floatsOffset + rowsMax * floatCount * 8;
  const namesOffset = intsOffset + rowsMax * rowInts(threadsMax) * 4;
  return {
    threadsMax,
    rowsMax,
    header,
    deaths: new Int32Array(memory, headerBytes, threadsMax),
    floats: new Float64Array(memory, floatsOffset, rowsMax * floatCount),
    ints: new Int32Array(memory, intsOffset, rowsMax * rowInts(threadsMax)),
    names: new Uint8Array(memory, namesOffset, rowsMax * nameBytes),
    intsAt: (index) => index * rowInts(threadsMax),
    floatsAt: (index) => index * floatCount,
  };
};

const usersWord = (thread: number): number => (thread < 32 ? rowWord.usersLow : rowWord.usersHigh);
const userBit = (thread: number): number => 1 << (thread % 32);

const hasUsers = (view: View, index: number): boolean => {
  const at = view.intsAt(index);
  return view.ints[at + rowWord.usersLow] !== 0 || view.ints[at + rowWord.usersHigh] !== 0;
};

const shareAt = (view: View, index: number, thread: number, word: "running" | "pending"): number =>
  view.intsAt(index) + fixedInts + (word === "running" ? 0 : view.threadsMax) + thread;

const hashOf = (kind: RowKind, name: string): number =>
  Number.parseInt(bytesHash(`${kind} ${name}`).slice(0, 8), 16) | 0;

const isNamed = (view: View, index: number, kind: RowKind, text: Buffer): boolean =>
  view.ints[view.intsAt(index) + rowWord.kind] === rowKinds.indexOf(kind) + 1 &&
  nameOf(view, index) === text.toString();

const nameOf = (view: View, index: number): string => {
  const bytes = Buffer.from(view.names.slice(index * nameBytes, (index + 1) * nameBytes));
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? nameBytes : end);
};

const clearRow = (view: View, index: number): void => {
  view.ints.fill(0, view.intsAt(index), view.intsAt(index + 1));
  view.floats.fill(0, view.floatsAt(index), view.floatsAt(index + 1));
  view.names.fill(0, index * nameBytes, (index + 1) * nameBytes);
};

/** Runs `act` alone among all threads; the lock of a dead thread is taken over. */
const underLock = <T>(view: View, own: number, act: () => T): T => {
  const endMs = performance.now() + lockWaitMsMax;
  for (;;) {
    const holder = Atomics.compareExchange(view.header, 3, 0, own + 1);
    // Nothing within the lock calls out: one that has our own number is our dead predecessor's.
    if (holder === 0 || holder === own + 1) break;
    if (
      Atomics.load(view.deaths, holder - 1) === 1 &&
      Atomics.compareExchange(view.header, 3, holder, own + 1) === holder
    )
      break;
    if (performance.now() > endMs) throw new RangeError("the states of backends are locked");
    Atomics.wait(view.header, 3, holder, 5);
  }
  try {
    return act();
  } finally {
    Atomics.store(view.header, 3, 0);
    Atomics.notify(view.header, 3, 1);
  }
};

const rowOf = (
  view: View,
  own: number,
  index: number,
  kind: RowKind,
  name: string,
  release: () => void,
): BackendRow => {
  const { ints, floats } = view;
  const at = view.intsAt(index);
  const floatAt = view.floatsAt(index);
  return {
    kind,
    name,
    index,
    load: (word) => Atomics.load(ints, at + rowWord[word]),
    store: (word, value) => {
      Atomics.store(ints, at + rowWord[word], value);
    },
    add: (word, by) => Atomics.add(ints, at + rowWord[word], by),
    exchange: (word, from, to) => Atomics.compareExchange(ints, at + rowWord[word], from, to) === from,
    time: (which) => floats[floatAt + rowTime[which]] ?? 0,
    setTime: (which, ms) => {
      floats[floatAt + rowTime[which]] = ms;
    },
    enter: (word) => {
      Atomics.add(ints, shareAt(view, index, own, word), 1);
      return Atomics.add(ints, at + rowWord[word], 1) + 1;
    },
    leave: (word) => {
      Atomics.sub(ints, shareAt(view, index, own, word), 1);
      Atomics.sub(ints, at + rowWord[word], 1);
    },
    wake: () => {
      Atomics.add(ints, at + rowWord.wake, 1);
      Atomics.notify(ints, at + rowWord.wake, 1);
    },
    woken: async (timeoutMs) => {
      const waiting = Atomics.waitAsync(ints, at + rowWord.wake, Atomics.load(ints, at + rowWord.wake), timeoutMs);
      if (waiting.async) await waiting.value;
    },
    release,
  };
};
