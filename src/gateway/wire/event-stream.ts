import type { Fault } from "../../base/fault.ts";
import type { StreamEnding } from "../../exchange/exchange.ts";
import type { LongStream, StreamSettings } from "../stream-settings.ts";
import type { Framing, Head } from "./head.ts";
import { kindContentType } from "./known-names.ts";
import type { BodySink, BodySource } from "./sides.ts";
import type { Timed, Wheel } from "./wheel.ts";

const mediaType = "text/event-stream";

/** True where a reply's head announces server-sent events (HTML Living Standard, section 9.2). */
export const isEventStream = (head: Head): boolean => {
  const index = head.known[kindContentType] ?? -1;
  if (index < 0) return false;
  const start = head.fields[index * 4 + 2] ?? 0;
  // Most types do not begin with a `t`: no string is made for them.
  return ((head.bytes[start] ?? 0) | 0x20) === 0x74 && isEventStreamType(head.value(index));
};

/** The same of a field's value. */
const isEventStreamType = (value: string): boolean => (value.split(";")[0] ?? "").trim().toLowerCase() === mediaType;

/**
 * Server-sent events on their way: passed on as they come, never held, with limits of their own, and ended where an event ends when the
 * gateway must end them. The source hands its data without chunk framing, so that borders between events can be seen.
 */
export class EventStream implements BodySink, BodySource, Timed, LongStream {
  deadlineMs = 0;
  wheelTick = -1;
  wheelNext: Timed | null = null;
  wheelPrevious: Timed | null = null;
  readonly framing: Framing;
  readonly length = 0;
  ending: StreamEnding = "backend";
  readonly #source: BodySource;
  readonly #settings: StreamSettings;
  readonly #wheel: Wheel;
  readonly #graceMs: number;
  #sink: BodySink | null = null;
  /** The last four bytes that passed. */
  #tail = 0;
  #hasBytes = false;
  #endsAtMs: number;
  #endsWhy: StreamEnding = "lifetime";
  /** Ends at the next border between two events. */
  #isEnding = false;
  #isDone = false;

  /** `graceMs`: how long a stream that must end may take to come to the end of an event. */
  constructor(source: BodySource, settings: StreamSettings, wheel: Wheel, graceMs: number) {
    this.framing = source.framing;
    this.#source = source;
    this.#settings = settings;
    this.#wheel = wheel;
    this.#graceMs = graceMs;
    this.#endsAtMs = wheel.nowMs + settings.lifetimeMs;
  }

  /** Ends the stream as soon as an event is complete: now, where nothing of one has passed. */
  finish(why: StreamEnding): void {
    if (this.#isEnding || this.#isDone) return;
    this.ending = why;
    this.#isEnding = true;
    if (!this.#hasBytes || isBorder(this.#tail)) this.#endNow();
    else this.#wheel.set(this, this.#graceMs);
  }

  // ---- BodySource, for whoever writes the reply

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#settings.open.add(this);
    this.#moved();
    this.#source.start(this, false);
  }

  resume(): void {
    if (!this.#isDone) this.#source.resume();
  }

  /** The client has gone. */
  cancel(): void {
    if (this.#isDone) return;
    if (!this.#isEnding) this.ending = "client-aborted";
    this.#leave();
    this.#source.cancel();
  }

  // ---- BodySink, for the source

  get isFlushed(): boolean {
    return this.#sink?.isFlushed ?? false;
  }

  take(bytes: Buffer): boolean {
    const sink = this.#sink;
    if (sink === null || this.#isDone) return true;
    const end = this.#isEnding ? this.#borderIn(bytes) : bytes.length;
    this.#remember(bytes, end);
    this.#moved();
    const isTaken = sink.take(end === bytes.length ? bytes : bytes.subarray(0, end));
    if (this.#isEnding && isBorder(this.#tail)) this.#endNow();
    return isTaken;
  }

  end(trailers: string): void {
    if (this.#isDone) return;
    this.#leave();
    this.#sink?.end(trailers);
  }

  fail(why: Fault): void {
    if (this.#isDone) return;
    if (!this.#isEnding) this.ending = "backend-aborted";
    this.#leave();
    this.#sink?.fail(why);
  }

  // ---- Timed and LongStream

  expire(): void {
    if (this.#isEnding) {
      // The event does not come to its end: clients drop an incomplete one (HTML Living Standard, section 9.2.6).
      this.#endNow();
      return;
    }
    this.finish(this.#wheel.nowMs >= this.#endsAtMs ? this.#endsWhy : "idle");
  }

  retire(isRemoved: boolean): void {
    const { drainMs } = this.#settings;
    if (drainMs === null && !isRemoved) return;
    const endsAtMs = this.#wheel.nowMs + (drainMs ?? 0);
    if (endsAtMs >= this.#endsAtMs) return;
    this.#endsAtMs = endsAtMs;
    this.#endsWhy = "drained";
    if (drainMs === null || drainMs === 0) this.finish("drained");
    else this.#moved();
  }

  #moved(): void {
    if (this.#isEnding || this.#isDone) return;
    this.#wheel.set(this, Math.max(0, Math.min(this.#settings.eventIdleMs, this.#endsAtMs - this.#wheel.nowMs)));
  }

  #remember(bytes: Buffer, end: number): void {
    for (let at = Math.max(0, end - 4); at < end; at++) this.#tail = ((this.#tail << 8) | (bytes[at] ?? 0)) >>> 0;
    if (end > 0) this.#hasBytes = true;
  }

  /** Behind the first empty line in the bytes, or their length. */
  #borderIn(bytes: Buffer): number {
    let tail = this.#tail;
    for (let at = 0; at < bytes.length; at++) {
      tail = ((tail << 8) | (bytes[at] ?? 0)) >>> 0;
      if (isBorder(tail)) return at + 1;
    }
    return bytes.length;
  }

  #endNow(): void {
    if (this.#isDone) return;
    this.#leave();
    this.#source.cancel();
    this.#sink?.end("");
  }

  #leave(): void {
    this.#isDone = true;
    this.#wheel.remove(this);
    this.#settings.open.delete(this);
  }
}

/** Two line ends in a row, each CR, LF or CRLF: the empty line that dispatches an event. */
const isBorder = (tail: number): boolean => {
  const two = tail & 0xffff;
  if (two === 0x0a0a || two === 0x0d0d) return true;
  if ((tail & 0xffffff) === 0x0a0d0a) return true;
  return tail === 0x0d0a0d0a;
};
