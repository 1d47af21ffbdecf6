import { type ManualClock, manualClock } from "../../base/clock.ts";
import { Wheel } from "../../gateway/wire/wheel.ts";

/** The time of one scenario: it passes only where a scenario says so, or where everything waits for it. */
export interface VirtualTime {
  readonly clock: ManualClock;
  readonly wheel: Wheel;
  advance(ms: number): void;
  /** Runs `then` once `ms` have passed; Infinity: never, but the call waits for something. */
  after(ms: number, then: () => void): void;
  /** Somebody did something: nothing is waiting for the time to pass just now. */
  stir(): void;
  /** Lets the engine run, and the time pass where nothing else moves, until `isDone`. Throws after `realMsMax` of real time. */
  until(isDone: () => boolean): Promise<void>;
  close(): void;
}

/** As coarse as the engine's own deadlines. */
const tickMs = 50;
/** Turns of the loop in which nothing happened before the time is moved. */
const quietTurns = 20;
/**
 * Pauses of a real millisecond in which nothing happened before the time is moved although no stub waits: a policy may work on another
 * thread. Counted rather than measured: a machine that hangs must not move the time.
 */
const quietPauses = 25;
const realMsMax = 20_000;
/** More than the longest timeout that makes sense in a call. */
const virtualMsMax = 15 * 60_000;

/** Time that begins at `startMs`. */
export const virtualTime = (startMs: number): VirtualTime => {
  const clock = manualClock(startMs);
  const wheel = new Wheel(clock, tickMs);
  let waiting: { readonly dueMs: number; readonly then: () => void }[] = [];
  let quiet = 0;
  let pauses = 0;

  const fire = (): void => {
    const due = waiting.filter((one) => one.dueMs <= clock.monotonicMs());
    waiting = waiting.filter((one) => one.dueMs > clock.monotonicMs());
    for (const one of due) one.then();
  };
  const pass = (ms: number): void => {
    clock.advance(ms);
    wheel.turn();
    fire();
  };

  const time: VirtualTime = {
    clock,
    wheel,
    // In one step: nothing runs meanwhile.
    advance: pass,
    after: (ms, then) => {
      waiting.push({ dueMs: clock.monotonicMs() + ms, then });
    },
    stir: () => {
      quiet = 0;
      pauses = 0;
    },
    until: async (isDone) => {
      const endsMs = performance.now() + realMsMax;
      const endsVirtualMs = clock.monotonicMs() + virtualMsMax;
      time.stir();
      while (!isDone()) {
        if (performance.now() > endsMs || clock.monotonicMs() > endsVirtualMs)
          throw new Error("the call did not end: no reply came, and nothing is left to wait for");
        await new Promise((resolve) => setImmediate(resolve));
        quiet += 1;
        if (quiet < quietTurns) continue;
        const nextMs = Math.min(...waiting.map((one) => one.dueMs)) - clock.monotonicMs();
        if (waiting.length > 0) pass(Math.min(Math.max(nextMs, 0), tickMs));
        else if (pauses >= quietPauses) pass(tickMs);
        else {
          pauses += 1;
          await new Promise((resolve) => setTimeout(resolve, 1));
          continue;
        }
        quiet = quietTurns - 5;
      }
      waiting = waiting.filter((one) => one.dueMs !== Number.POSITIVE_INFINITY);
    },
    close: () => wheel.close(),
  };
  return time;
};
