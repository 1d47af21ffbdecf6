import { refuse } from "./refuse.ts";

/** Runs work one after the other. The revision lock would do so too, but each that waits for it would hold a connection. */
export interface WriteQueue {
  run<T>(work: () => Promise<T>): Promise<T>;
}

/** Writes that may wait in this process for those before them. */
const waitingMax = 1_000;

/** An empty queue. */
export const openWriteQueue = (): WriteQueue => {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return {
    run: async (work) => {
      if (waiting >= waitingMax) {
        throw refuse("management.unavailable", "Too many writes are waiting. Try again in a moment.");
      }
      waiting += 1;
      const mine = last.then(work);
      last = mine
        // Whoever waits behind goes on whatever becomes of this one; its caller is told below.
        .catch(() => undefined)
        .finally(() => {
          waiting -= 1;
        });
      return await mine;
    },
  };
};
