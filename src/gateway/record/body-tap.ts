import type { Fault } from "../../base/fault.ts";
import type { BodySink, BodySource } from "../wire/sides.ts";

/** What chunk sizes and extensions may come to beside the bytes themselves. */
const framingBytesMax = 1024;

/**
 * A body that passes unchanged while its first bytes are kept. Framing, backpressure and who owns the memory stay as they are: only
 * copies are held.
 */
export class BodyTap implements BodySource, BodySink {
  readonly #source: BodySource;
  readonly #bytesMax: number;
  #sink: BodySink | null = null;
  #isRaw = false;
  #kept: Buffer[] = [];
  #left: number;

  constructor(source: BodySource, bytesMax: number) {
    this.#source = source;
    this.#bytesMax = bytesMax;
    this.#left = bytesMax;
  }

  /** The first bytes of the body, without chunk framing. */
  get bytes(): Buffer {
    const kept = Buffer.concat(this.#kept);
    return (this.#isRaw ? withoutChunks(kept) : kept).subarray(0, this.#bytesMax);
  }

  // ---- BodySource

  get framing(): BodySource["framing"] {
    return this.#source.framing;
  }

  get length(): number {
    return this.#source.length;
  }

  start(sink: BodySink, isRaw: boolean): void {
    this.#sink = sink;
    this.#isRaw = isRaw && this.framing === "chunked";
    if (this.#isRaw) this.#left += framingBytesMax;
    this.#source.start(this, isRaw);
  }

  resume(): void {
    this.#source.resume();
  }

  cancel(): void {
    this.#source.cancel();
  }

  // ---- BodySink

  get isFlushed(): boolean {
    return this.#sink?.isFlushed ?? true;
  }

  take(bytes: Buffer): boolean {
    if (this.#left > 0) {
      const part = Buffer.from(bytes.subarray(0, this.#left));
      this.#kept.push(part);
      this.#left -= part.length;
    }
    return this.#sink?.take(bytes) ?? true;
  }

  end(trailers: string): void {
    this.#sink?.end(trailers);
  }

  fail(why: Fault): void {
    this.#sink?.fail(why);
  }
}

/** The data of chunks that are legal: the wire has refused others. The last one may be cut off. */
const withoutChunks = (bytes: Buffer): Buffer => {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) break;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    if (!(size > 0)) break;
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
  return Buffer.concat(parts);
};
