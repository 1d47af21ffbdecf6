import { Fault } from "../../base/fault.ts";
import type { Framing } from "./head.ts";
import type { BodySink, BodySource } from "./sides.ts";

/** A body made here, chunk by chunk: asks for the next chunk only when the sink wants one, and returns the iterator when it is cut off. */
export class IterableSource implements BodySource {
  readonly framing: Framing = "close";
  readonly length = 0;
  readonly #iterator: AsyncIterator<Uint8Array>;
  #isCancelled = false;
  #wake: (() => void) | null = null;

  constructor(iterable: AsyncIterable<Uint8Array>) {
    this.#iterator = iterable[Symbol.asyncIterator]();
  }

  start(sink: BodySink): void {
    void this.#pump(sink);
  }

  resume(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  cancel(): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.resume();
    // Its own failure while it is being closed concerns nobody: the exchange has ended.
    this.#iterator.return?.().then(undefined, () => {});
  }

  async #pump(sink: BodySink): Promise<void> {
    try {
      for (;;) {
        const next = await this.#iterator.next();
        if (this.#isCancelled) return;
        if (next.done === true) return sink.end("");
        const { value } = next;
        if (value.length === 0) continue;
        const isWanted = sink.take(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
        if (!isWanted && !this.#isCancelled) await this.#resumed();
        if (this.#isCancelled) return;
      }
    } catch (cause) {
      this.#isCancelled = true;
      sink.fail(new Fault("policy.fault", { public: "The body broke off.", internal: "a body made here", cause }));
    }
  }

  #resumed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
