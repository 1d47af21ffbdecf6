import { ChunkDecoder, type ChunkLimits } from "./chunk-decoder.ts";
import type { Framing } from "./head.ts";
import type { BodySink } from "./sides.ts";

/** Why a body was refused: its syntax, its size, or the bytes around its chunks. */
export type BodyProblem = "" | "bad" | "too-large";

/** Takes the bytes of an unwanted body. */
export const noSink: BodySink = { isFlushed: true, take: () => true, end: () => {}, fail: () => {} };

/**
 * Finds the end of a body in the bytes of a connection and hands them on as they came. Serves many bodies, one after the other.
 * In raw mode chunk framing goes on with the data, but for extensions and trailers that must not.
 */
export class BodyReader {
  framing: Framing = "none";
  isDone = true;
  /** The sink wants no more for now; the owner stops reading its socket. */
  isBlocked = false;
  sink: BodySink | null = null;
  isRaw = false;
  problem: BodyProblem = "";
  /** Memory of bytes that the sink may not have written yet. */
  readonly lent: Buffer[] = [];
  /** The last bytes that were body from the first to the last: nobody but the sink can hold them. */
  wholeFed: Buffer | null = null;
  /** Trailer lines once the body is done and decoded. */
  trailers = "";
  /** Bytes of data so far, without chunk framing. */
  counted = 0;
  #left = 0;
  #bytesMax = 0;
  #decoder: ChunkDecoder | null = null;
  readonly #limits: ChunkLimits;

  constructor(limits: ChunkLimits) {
    this.#limits = limits;
  }

  begin(framing: Framing, length: number, bytesMax: number): void {
    this.framing = framing;
    this.isDone = framing === "none";
    this.isBlocked = false;
    this.sink = null;
    this.isRaw = false;
    this.problem = "";
    this.trailers = "";
    this.counted = 0;
    this.letGo();
    this.#left = length;
    this.#bytesMax = bytesMax;
    if (framing === "chunked") {
      this.#decoder ??= new ChunkDecoder(this.#limits);
      this.#decoder.begin();
    }
  }

  /** Bytes of a body with a length that have not come yet. */
  get left(): number {
    return this.#left;
  }

  /** Forgets memory that the sink may still hold. */
  letGo(): void {
    if (this.lent.length > 0) this.lent.length = 0;
    this.wholeFed = null;
  }

  /** Hands on what belongs to the body; answers where it ends in `bytes`. Needs a sink. */
  feed(bytes: Buffer, from: number): number {
    this.wholeFed = null;
    const to = this.#feed(bytes, from);
    if (from === 0 && to === bytes.length) this.wholeFed = bytes;
    return to;
  }

  #feed(bytes: Buffer, from: number): number {
    if (this.framing === "length") {
      const to = Math.min(bytes.length, from + this.#left);
      this.#left -= to - from;
      this.counted += to - from;
      this.isDone = this.#left === 0;
      this.#emit(bytes, from, to);
      return to;
    }
    if (this.framing === "chunked") return this.#feedChunked(bytes, from);
    if (this.framing === "none") return from;
    this.counted += bytes.length - from;
    if (this.counted > this.#bytesMax) this.problem = "too-large";
    else this.#emit(bytes, from, bytes.length);
    return bytes.length;
  }

  #feedChunked(bytes: Buffer, from: number): number {
    const decoder = this.#decoder;
    if (decoder === null) return from;
    decoder.position = from;
    let rawFrom = from;
    for (;;) {
      const event = decoder.next(bytes);
      if (event === "data") {
        this.counted += decoder.end - decoder.start;
        if (this.counted > this.#bytesMax) {
          this.problem = "too-large";
          return bytes.length;
        }
        if (!this.isRaw) this.#emit(bytes, decoder.start, decoder.end);
      } else if (event === "cut") {
        if (this.isRaw) this.#emit(bytes, rawFrom, decoder.start);
        rawFrom = decoder.end;
      } else if (event === "more") {
        if (this.isRaw) this.#emit(bytes, rawFrom, bytes.length);
        return bytes.length;
      } else if (event === "end") {
        this.isDone = true;
        this.#endChunked(decoder, bytes, rawFrom);
        return decoder.position;
      } else {
        this.problem = event;
        return bytes.length;
      }
    }
  }

  #endChunked(decoder: ChunkDecoder, bytes: Buffer, rawFrom: number): void {
    this.trailers = decoder.trailers;
    if (!this.isRaw) return;
    if (!decoder.hadTrailers) {
      this.#emit(bytes, rawFrom, decoder.position);
      return;
    }
    // The last step was the trailers' end: what precedes them in these bytes has not gone out yet.
    this.#emit(bytes, rawFrom, Math.max(rawFrom, decoder.start));
    const text = Buffer.from(`${decoder.trailers}\r\n`, "latin1");
    this.#emit(text, 0, text.length);
  }

  #emit(bytes: Buffer, from: number, to: number): void {
    if (to <= from || this.sink === null) return;
    const part = from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to);
    if (!this.sink.take(part)) this.isBlocked = true;
  }
}
