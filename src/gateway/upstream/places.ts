import type { LimitRule } from "../../exchange/delivery-rules.ts";
import type { BackendRow } from "../shared/backend-table.ts";
import type { Timed, Wheel } from "../wire/wheel.ts";

/** Waits for a place at a backend. */
export interface Waiter extends Timed {
  /** It has one; whoever got it gives it back. */
  granted(): void;
}

/** How long a thread sleeps at most until it looks whether another one has made room: a wake-up may come before it sleeps. */
const lookMs = 50;

/** Calls at once to a backend, counted over all threads; a queue per thread, bounded over all threads, with a deadline each. */
export class Places {
  readonly #row: BackendRow;
  readonly #rule: LimitRule;
  readonly #wheel: Wheel;
  readonly #waiting: Waiter[] = [];
  #isLooking = false;

  constructor(row: BackendRow, rule: LimitRule, wheel: Wheel) {
    this.#row = row;
    this.#rule = rule;
    this.#wheel = wheel;
  }

  /** `in`: there was a place. `waiting`: `granted` or the waiter's deadline follow. `full`: neither place nor room to wait. */
  enter(waiter: Waiter): "in" | "waiting" | "full" {
    // Those who wait go first.
    if (this.#waiting.length === 0 && this.#take()) return "in";
    if (this.#row.enter("pending") > this.#rule.pending) {
      this.#row.leave("pending");
      this.#row.add("limitRefusals", 1);
      return "full";
    }
    this.#waiting.push(waiter);
    this.#wheel.set(waiter, this.#rule.queueMs);
    if (!this.#isLooking) void this.#look();
    return "waiting";
  }

  /** A place is free again. */
  leave(): void {
    this.#row.leave("running");
    this.#serve();
    if (this.#waiting.length === 0 && this.#row.load("pending") > 0) this.#row.wake();
  }

  /** Its deadline has passed, or nobody wants it any more. False where it did not wait. */
  giveUp(waiter: Waiter): boolean {
    const at = this.#waiting.indexOf(waiter);
    if (at < 0) return false;
    this.#waiting.splice(at, 1);
    this.#wheel.remove(waiter);
    this.#row.leave("pending");
    return true;
  }

  #take(): boolean {
    if (this.#row.enter("running") <= this.#rule.concurrent) return true;
    this.#row.leave("running");
    return false;
  }

  #serve(): void {
    while (this.#waiting.length > 0 && this.#take()) {
      const waiter = this.#waiting.shift();
      if (waiter === undefined) return;
      this.#wheel.remove(waiter);
      this.#row.leave("pending");
      waiter.granted();
    }
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    while (this.#waiting.length > 0) {
      await this.#row.woken(lookMs);
      this.#serve();
    }
    this.#isLooking = false;
  }
}
