import type { Clock } from "../../base/clock.ts";

/** Something with one deadline. The wheel writes the fields that begin with `wheel`. */
export interface Timed {
  /** On the wheel's clock; 0: none. */
  deadlineMs: number;
  /** The tick at which the wheel will look at it; -1: never. */
  wheelTick: number;
  wheelNext: Timed | null;
  wheelPrevious: Timed | null;
  /** The deadline has passed; it is 0 again. */
  expire(): void;
}

const slotCount = 512;

/**
 * All deadlines of a thread: a ring of slots, one tick per `tickMs`. Moving a deadline further away costs one assignment: the slot
 * looks at the deadline when its turn comes and passes the thing on. No timer per request.
 */
export class Wheel {
  /** Monotonic, as of the last tick. */
  nowMs: number;
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #slots: (Timed | null)[] = new Array<Timed | null>(slotCount).fill(null);
  readonly #due: Timed[] = [];
  readonly #timer: NodeJS.Timeout;
  #tick: number;

  constructor(clock: Clock, tickMs = 50) {
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.nowMs = clock.monotonicMs();
    this.#tick = Math.floor(this.nowMs / tickMs);
    this.#timer = setInterval(() => this.turn(), tickMs);
    this.#timer.unref();
  }

  /** Sets the deadline `afterMs` from now, rounded up to a tick. */
  set(timed: Timed, afterMs: number): void {
    timed.deadlineMs = this.nowMs + afterMs + this.#tickMs;
    // Where it is looked at earlier than that, it is found in time and passed on.
    if (timed.wheelTick < 0 || timed.wheelTick * this.#tickMs > timed.deadlineMs) this.#place(timed);
  }

  /** Takes the deadline away; the thing leaves its slot when its turn comes. */
  clear(timed: Timed): void {
    timed.deadlineMs = 0;
  }

  /** Takes the thing out of its slot: nothing of the wheel points to it any more. */
  remove(timed: Timed): void {
    timed.deadlineMs = 0;
    this.#unlink(timed);
  }

  /** Looks at all slots whose time has come. */
  turn(): void {
    this.nowMs = this.#clock.monotonicMs();
    const target = Math.floor(this.nowMs / this.#tickMs);
    // After a long sleep every slot is looked at once, not once per missed turn.
    for (let tick = Math.max(this.#tick + 1, target - slotCount + 1); tick <= target; tick++) {
      this.#tick = tick;
      this.#empty(tick % slotCount);
    }
    this.#expireDue();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #empty(slot: number): void {
    let timed = this.#slots[slot] ?? null;
    this.#slots[slot] = null;
    while (timed !== null) {
      const next: Timed | null = timed.wheelNext;
      timed.wheelTick = -1;
      timed.wheelNext = null;
      timed.wheelPrevious = null;
      if (timed.deadlineMs !== 0) {
        if (timed.deadlineMs <= this.nowMs) this.#due.push(timed);
        else this.#place(timed);
      }
      timed = next;
    }
  }

  #expireDue(): void {
    for (const timed of this.#due) {
      // One that expired before it may have ended this one or given it more time.
      if (timed.deadlineMs === 0 || timed.deadlineMs > this.nowMs) continue;
      timed.deadlineMs = 0;
      timed.expire();
    }
    this.#due.length = 0;
  }

  #place(timed: Timed): void {
    this.#unlink(timed);
    const tick = Math.max(this.#tick + 1, Math.ceil(timed.deadlineMs / this.#tickMs));
    // Further away than one turn: the last slot of this turn looks again.
    timed.wheelTick = Math.min(tick, this.#tick + slotCount - 1);
    const slot = timed.wheelTick % slotCount;
    const first = this.#slots[slot] ?? null;
    timed.wheelNext = first;
    timed.wheelPrevious = null;
    if (first !== null) first.wheelPrevious = timed;
    this.#slots[slot] = timed;
  }

  #unlink(timed: Timed): void {
    if (timed.wheelTick < 0) return;
    if (timed.wheelPrevious !== null) timed.wheelPrevious.wheelNext = timed.wheelNext;
    else this.#slots[timed.wheelTick % slotCount] = timed.wheelNext;
    if (timed.wheelNext !== null) timed.wheelNext.wheelPrevious = timed.wheelPrevious;
    timed.wheelTick = -1;
    timed.wheelNext = null;
    timed.wheelPrevious = null;
  }
}
