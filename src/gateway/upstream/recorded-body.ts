import type { Fault } from "../../base/fault.ts";
import type { Framing } from "../wire/head.ts";
import type { BodySink, BodySource } from "../wire/sides.ts";

/**
 * A request body that passes by and is kept, up to a limit, so that another try can send it from its beginning. Nothing is held back:
 * the first try streams as ever. Beyond the limit nothing is kept and no other try is possible.
 */
export class RecordedBody implements BodySource, BodySink {
  readonly framing: Framing;
  readonly length: number;
  /** The bytes are kept: their memory must not be used again. */
  readonly isFlushed = false;
  readonly #source: BodySource;
  readonly #bytesMax: number;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #isOverflown = false;
  #sink: BodySink | null = null;
  /** Next kept piece for the sink of now. */
  #next = 0;
  #hasStarted = false;
  #isBlocked = false;
  #trailers: string | null = null;
  #why: Fault | null = null;
  #whenWhole: ((bytes: Buffer) => void) | null = null;

  constructor(source: BodySource, bytesMax: number) {
    this.#source = source;
    this.#bytesMax = bytesMax;
    // What is kept has no chunk framing: another try may speak another version of HTTP.
    this.framing = source.framing === "chunked" ? "close" : source.framing;
    this.length = source.length;
  }

  /** True where a try can send it from its beginning. */
  get isRepeatable(): boolean {
    return !this.#isOverflown && this.#why === null;
  }

  /** Told when the whole body has passed, if it was kept. */
  whenWhole(then: (bytes: Buffer) => void): void {
    this.#whenWhole = then;
  }

  /** The try that took it is over: the client waits until the next one begins. */
  detach(): void {
    this.#sink = null;
    this.#next = 0;
  }

  // ---- BodySource, for a try

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#next = 0;
    if (!this.#replay()) return;
    if (this.#hasStarted) {
      this.#goOn();
      return;
    }
    this.#hasStarted = true;
    this.#source.start(this, false);
  }

  resume(): void {
    if (this.#sink !== null && this.#replay()) this.#goOn();
  }

  cancel(): void {
    this.#sink = null;
    this.#source.cancel();
  }

  // ---- BodySink, of the client's bytes

  take(bytes: Buffer): boolean {
    this.#keep(bytes);
    const sink = this.#sink;
    if (sink === null || this.#next < this.#kept.length - 1) {
      this.#isBlocked = true;
      return false;
    }
    this.#next = this.#kept.length;
    this.#forgetPassed();
    const isTaken = sink.take(bytes);
    this.#isBlocked = !isTaken;
    return isTaken;
  }

  end(trailers: string): void {
    this.#trailers = trailers;
    if (!this.#isOverflown) this.#whenWhole?.(Buffer.concat(this.#kept));
    this.#whenWhole = null;
    if (this.#sink !== null && this.#next >= this.#kept.length) this.#sink.end(trailers);
  }

  fail(why: Fault): void {
    this.#why = why;
    this.#sink?.fail(why);
  }

  #keep(bytes: Buffer): void {
    this.#kept.push(bytes);
    this.#keptBytes += bytes.length;
    if (this.#isOverflown || this.#keptBytes <= this.#bytesMax) return;
    // From here on only what the try of now has not had yet is held.
    this.#isOverflown = true;
    this.#kept = this.#kept.slice(this.#next);
    this.#next = 0;
  }

  #forgetPassed(): void {
    if (!this.#isOverflown || this.#next < this.#kept.length) return;
    this.#kept = [];
    this.#next = 0;
  }

  /** Hands over what is kept; true where the sink has all of it and wants more. */
  #replay(): boolean {
    const sink = this.#sink;
    while (sink !== null && this.#next < this.#kept.length) {
      const piece = this.#kept[this.#next++];
      if (piece !== undefined && !sink.take(piece)) return false;
      // What it took may have ended the try.
      if (this.#sink !== sink) return false;
    }
    this.#forgetPassed();
    return sink !== null;
  }

  #goOn(): void {
    if (this.#why !== null) this.#sink?.fail(this.#why);
    else if (this.#trailers !== null) this.#sink?.end(this.#trailers);
    else if (this.#isBlocked) {
      this.#isBlocked = false;
      this.#source.resume();
    }
  }
}
