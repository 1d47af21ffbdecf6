import type { Fault } from "../../base/fault.ts";
import type { BodySource } from "./sides.ts";

/**
 * A source as an iterable: bytes flow once somebody iterates, and no faster than they are asked for. Holds what one read of the socket
 * brought. Leaving the iteration early cancels the source.
 */
export const sourceStream = (source: BodySource): AsyncIterable<Uint8Array> => ({
  [Symbol.asyncIterator]: () => new SourceIterator(source),
});

class SourceIterator implements AsyncIterator<Uint8Array> {
  readonly #source: BodySource;
  readonly #come: Uint8Array[] = [];
  #hasStarted = false;
  #isOver = false;
  #why: Fault | null = null;
  #waiting: PromiseWithResolvers<IteratorResult<Uint8Array>> | null = null;

  constructor(source: BodySource) {
    this.#source = source;
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    const value = this.#come.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#why !== null) return Promise.reject(this.#why);
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined });
    const waiting = Promise.withResolvers<IteratorResult<Uint8Array>>();
    this.#waiting = waiting;
    if (this.#hasStarted) this.#source.resume();
    else this.#start();
    return waiting.promise;
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    if (!this.#isOver && this.#why === null) {
      this.#isOver = true;
      this.#source.cancel();
    }
    this.#come.length = 0;
    this.#answer({ done: true, value: undefined });
    return Promise.resolve({ done: true, value: undefined });
  }

  #start(): void {
    this.#hasStarted = true;
    this.#source.start(
      {
        // The bytes are still held by whoever iterates: their memory must not be used again.
        isFlushed: false,
        take: (bytes) => {
          if (this.#isOver) return true;
          if (this.#waiting === null) this.#come.push(bytes);
          else this.#answer({ done: false, value: bytes });
          return false;
        },
        end: () => {
          this.#isOver = true;
          this.#answer({ done: true, value: undefined });
        },
        fail: (why) => {
          this.#why = why;
          const waiting = this.#waiting;
          this.#waiting = null;
          waiting?.reject(why);
        },
      },
      false,
    );
  }

  #answer(result: IteratorResult<Uint8Array>): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve(result);
  }
}
