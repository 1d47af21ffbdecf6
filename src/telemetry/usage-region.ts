import type { UsageRow } from "../model/snapshot.ts";

/*
 * The usage of one thread in shared memory: two halves, of which the thread fills one while the main thread may read the other.
 * So the thread never waits, nothing is counted twice, and a thread that dies leaves what it counted.
 *
 * Header words: 0 which half is filled; for each half its state, its number of slots, its bytes of names.
 * A half: its minute, then slots of five doubles (calls, bytes in, bytes out, duration sum, duration maximum), then per slot the
 * offset and length of its name, then the names: the four keys as JSON.
 */
const slotsMax = 16_384;
const namesBytesMax = 3 * 1024 * 1024;
const slotCells = 5;
const headerWords = 16;

const stateFree = 0;
const stateFilling = 1;
const stateReady = 2;

const halfCellBytes = (1 + slotsMax * slotCells) * 8;
const halfBytes = halfCellBytes + slotsMax * 8 + namesBytesMax;

/** Memory for the usage of one thread. Most of it is never touched unless many subscriptions call within a minute. */
export const newUsageRegion = (): SharedArrayBuffer => new SharedArrayBuffer(headerWords * 4 + 2 * halfBytes);

interface Half {
  readonly index: number;
  readonly cells: Float64Array;
  readonly places: Uint32Array;
  readonly names: Uint8Array;
}

const stateWord = (half: number): number => 1 + half * 3;
const countWord = (half: number): number => 2 + half * 3;
const namesWord = (half: number): number => 3 + half * 3;

const viewHalf = (region: SharedArrayBuffer, index: number): Half => {
  const start = headerWords * 4 + index * halfBytes;
  return {
    index,
    cells: new Float64Array(region, start, 1 + slotsMax * slotCells),
    places: new Uint32Array(region, start + halfCellBytes, slotsMax * 2),
    names: new Uint8Array(region, start + halfCellBytes + slotsMax * 8, namesBytesMax),
  };
};

/** The writer of one thread's usage. */
export interface UsageWriter {
  /** A slot for calls that share these four, or -1 where this minute's table is full. Valid until `turn` answers true. */
  slot(api: string, operation: string, subscription: string, status: number): number;
  count(slot: number, requestBytes: number, responseBytes: number, durationMs: number): void;
  /** Closes the minute that is over, if the main thread has read the one before. True where slots begin anew. */
  turn(nowMs: number): boolean;
}

/** A writer on the region that the main thread made. Different slots may have equal keys; the reader adds them up. */
export const createUsageWriter = (region: SharedArrayBuffer, nowMs: number): UsageWriter => {
  const header = new Int32Array(region, 0, headerWords);
  const halves = [viewHalf(region, 0), viewHalf(region, 1)] as const;
  let half: Half = halves[0];
  const minuteOf = (ms: number): number => Math.floor(ms / 60_000) * 60_000;

  const begin = (next: Half, atMs: number): void => {
    half = next;
    half.cells[0] = minuteOf(atMs);
    Atomics.store(header, countWord(half.index), 0);
    Atomics.store(header, namesWord(half.index), 0);
    Atomics.store(header, stateWord(half.index), stateFilling);
    Atomics.store(header, 0, half.index);
  };
  begin(half, nowMs);

  return {
    slot: (api, operation, subscription, status) => {
      const slot = Atomics.load(header, countWord(half.index));
      const used = Atomics.load(header, namesWord(half.index));
      const name = Buffer.from(JSON.stringify([api, operation, subscription, status]));
      if (slot >= slotsMax || used + name.length > namesBytesMax) return -1;
      half.names.set(name, used);
      half.places[slot * 2] = used;
      half.places[slot * 2 + 1] = name.length;
      const at = 1 + slot * slotCells;
      half.cells.fill(0, at, at + slotCells);
      Atomics.store(header, namesWord(half.index), used + name.length);
      // Last, so that a reader of a dead thread's half sees whole slots only.
      Atomics.store(header, countWord(half.index), slot + 1);
      return slot;
    },
    count: (slot, requestBytes, responseBytes, durationMs) => {
      const { cells } = half;
      const at = 1 + slot * slotCells;
      cells[at] = (cells[at] ?? 0) + 1;
      cells[at + 1] = (cells[at + 1] ?? 0) + requestBytes;
      cells[at + 2] = (cells[at + 2] ?? 0) + responseBytes;
      cells[at + 3] = (cells[at + 3] ?? 0) + durationMs;
      if (durationMs > (cells[at + 4] ?? 0)) cells[at + 4] = durationMs;
    },
    turn: (atMs) => {
      if (minuteOf(atMs) <= (half.cells[0] ?? 0)) return false;
      const other = halves[1 - half.index] ?? halves[0];
      // The main thread is late: this half goes on, and its minute takes in the next.
      if (Atomics.load(header, stateWord(other.index)) !== stateFree) return false;
      const isEmpty = Atomics.load(header, countWord(half.index)) === 0;
      if (isEmpty) {
        begin(half, atMs);
        return true;
      }
      Atomics.store(header, stateWord(half.index), stateReady);
      begin(other, atMs);
      return true;
    },
  };
};

/** The rows of the halves that are closed; frees them. `isDead`: the thread is gone, so what it was filling is read too. */
export const takeUsage = (region: SharedArrayBuffer, isDead: boolean): readonly UsageRow[] => {
  const header = new Int32Array(region, 0, headerWords);
  const rows: UsageRow[] = [];
  for (const index of [0, 1]) {
    const state = Atomics.load(header, stateWord(index));
    if (state !== stateReady && !(isDead && state === stateFilling)) continue;
    const half = viewHalf(region, index);
    const count = Atomics.load(header, countWord(index));
    for (let slot = 0; slot < count; slot++) rows.push(readSlot(half, slot));
    Atomics.store(header, stateWord(index), stateFree);
  }
  return rows.filter((row) => row.calls > 0);
};

const readSlot = (half: Half, slot: number): UsageRow => {
  const offset = half.places[slot * 2] ?? 0;
  const length = half.places[slot * 2 + 1] ?? 0;
  const [api, operation, subscription, status] = JSON.parse(
    Buffer.from(half.names.slice(offset, offset + length)).toString("utf8"),
  ) as [string, string, string, number];
  const at = 1 + slot * slotCells;
  const cell = (index: number): number => half.cells[at + index] ?? 0;
  return {
    minuteMs: half.cells[0] ?? 0,
    api,
    operation,
    subscription,
    status,
    calls: cell(0),
    requestBytes: cell(1),
    responseBytes: cell(2),
    durationMsSum: cell(3),
    durationMsMax: cell(4),
  };
};

/** Adds up rows of several threads that share minute, API, operation, subscription and status. */
export const mergeUsage = (rows: readonly UsageRow[]): readonly UsageRow[] => {
  const merged = new Map<string, UsageRow>();
  for (const row of rows) {
    const key = JSON.stringify([row.minuteMs, row.api, row.operation, row.subscription, row.status]);
    const known = merged.get(key);
    merged.set(
      key,
      known === undefined
        ? row
        : {
            ...row,
            calls: known.calls + row.calls,
            requestBytes: known.requestBytes + row.requestBytes,
            responseBytes: known.responseBytes + row.responseBytes,
            durationMsSum: known.durationMsSum + row.durationMsSum,
            durationMsMax: Math.max(known.durationMsMax, row.durationMsMax),
          },
    );
  }
  return [...merged.values()];
};
