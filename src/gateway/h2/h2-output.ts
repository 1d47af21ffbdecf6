import type { Socket } from "node:net";
import {
  flagEndHeaders,
  flagEndStream,
  frameBytesMax,
  frameContinuation,
  frameData,
  frameGoaway,
  frameHeadBytes,
  frameHeaders,
  framePing,
  frameReset,
  frameSettings,
  frameWindow,
  writeFrameHead,
} from "./frames.ts";

const chunkBytes = 16 * 1024;
/** Smaller payloads are copied behind their frame's head; larger ones go out as they are. */
const copiedBytesMax = 2 * 1024;
/** So much is written without waiting for the end of the turn. */
const queuedBytesMax = 64 * 1024;

/**
 * The frames that go out on one connection. They are gathered during a turn of the loop and written at its end, so that the replies of
 * many streams leave in one write.
 */
export class H2Output {
  /** The socket's buffer is over its mark. */
  isStalled = false;
  readonly #socket: Socket;
  #chunk: Buffer = Buffer.allocUnsafeSlow(chunkBytes);
  /** What of the chunk is not among the parts yet. */
  #from = 0;
  #at = 0;
  #parts: Buffer[] = [];
  #partsBytes = 0;
  #isScheduled = false;
  #isClosed = false;
  /** Where the flags of the last frame stand, if it was of this stream and can still end it; else 0 and -1. */
  #lastStream = 0;
  #lastFlagsAt = -1;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Nothing waits here or in the socket. */
  get isFlushed(): boolean {
    return !this.#hasBytes && this.#socket.writableLength === 0 && !this.#socket.destroyed;
  }

  get #hasBytes(): boolean {
    return this.#at > this.#from || this.#parts.length > 0;
  }

  drained(): void {
    this.isStalled = false;
  }

  close(): void {
    this.#isClosed = true;
    this.#parts = [];
    this.#from = 0;
    this.#at = 0;
  }

  raw(bytes: Buffer): void {
    this.#copy(bytes);
    this.#schedule();
  }

  settings(pairs: readonly (readonly [id: number, value: number])[]): void {
    const at = this.#frame(pairs.length * 6, frameSettings, 0, 0);
    pairs.forEach(([id, value], index) => {
      this.#chunk.writeUInt16BE(id, at + index * 6);
      this.#chunk.writeUInt32BE(value, at + index * 6 + 2);
    });
  }

  settingsAck(): void {
    this.#frame(0, frameSettings, 1, 0);
  }

  ping(flags: number, bytes: Buffer, from: number): void {
    const at = this.#frame(8, framePing, flags, 0);
    bytes.copy(this.#chunk, at, from, from + 8);
  }

  goaway(lastId: number, code: number): void {
    const at = this.#frame(8, frameGoaway, 0, 0);
    this.#chunk.writeUInt32BE(lastId, at);
    this.#chunk.writeUInt32BE(code, at + 4);
  }

  reset(id: number, code: number): void {
    const at = this.#frame(4, frameReset, 0, id);
    this.#chunk.writeUInt32BE(code, at);
  }

  window(id: number, bytes: number): void {
    const at = this.#frame(4, frameWindow, 0, id);
    this.#chunk.writeUInt32BE(bytes, at);
  }

  /** A header block, with CONTINUATION where it is longer than a frame. Answers its bytes with their frames. */
  headers(id: number, block: Buffer, isEnd: boolean): number {
    const endFlag = isEnd ? flagEndStream : 0;
    if (block.length <= frameBytesMax - frameHeadBytes) {
      const at = this.#frame(block.length, frameHeaders, flagEndHeaders | endFlag, id);
      block.copy(this.#chunk, at);
      this.#lastStream = isEnd ? 0 : id;
      this.#lastFlagsAt = at - frameHeadBytes + 4;
      return block.length + frameHeadBytes;
    }
    const pieceMax = chunkBytes - frameHeadBytes;
    let total = 0;
    for (let from = 0; from < block.length; from += pieceMax) {
      const to = Math.min(block.length, from + pieceMax);
      const flags = (to === block.length ? flagEndHeaders : 0) | (from === 0 ? endFlag : 0);
      const at = this.#frame(to - from, from === 0 ? frameHeaders : frameContinuation, flags, id);
      block.copy(this.#chunk, at, from, to);
      total += to - from + frameHeadBytes;
    }
    return total;
  }

  /** One DATA frame of `bytes[from, to)`. */
  data(id: number, bytes: Uint8Array, from: number, to: number, isEnd: boolean): void {
    const length = to - from;
    const isCopied = length <= copiedBytesMax;
    const at = this.#reserve(frameHeadBytes + (isCopied ? length : 0));
    writeFrameHead(this.#chunk, at, length, frameData, isEnd ? flagEndStream : 0, id);
    this.#at = at + frameHeadBytes;
    this.#lastStream = isEnd ? 0 : id;
    this.#lastFlagsAt = at + 4;
    if (isCopied) {
      if (length > 0) this.#chunk.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to), this.#at);
      this.#at += length;
    } else {
      this.#cut();
      const part = Buffer.from(bytes.buffer, bytes.byteOffset + from, length);
      this.#parts.push(part);
      this.#partsBytes += length;
    }
    this.#schedule();
  }

  /** Sets END_STREAM on the last frame where that is this stream's and still here: spares a frame without bytes. */
  endLast(id: number): boolean {
    if (this.#lastStream !== id || this.#lastFlagsAt < 0) return false;
    this.#chunk[this.#lastFlagsAt] = (this.#chunk[this.#lastFlagsAt] ?? 0) | flagEndStream;
    this.#lastStream = 0;
    return true;
  }

  flush(): void {
    this.#isScheduled = false;
    if (this.#isClosed || !this.#hasBytes) return;
    const socket = this.#socket;
    this.#lastStream = 0;
    this.#lastFlagsAt = -1;
    this.#cut();
    const parts = this.#parts;
    this.#parts = [];
    this.#partsBytes = 0;
    if (socket.destroyed || socket.writableEnded) return;
    let isTaken = true;
    if (parts.length === 1) isTaken = socket.write(parts[0] ?? Buffer.alloc(0));
    else {
      socket.cork();
      for (const part of parts) isTaken = socket.write(part);
      socket.uncork();
    }
    if (!isTaken && socket.writableLength > 0) this.isStalled = true;
    // What the kernel has taken is free; else the next frames stand behind it.
    if (socket.writableLength === 0) {
      this.#from = 0;
      this.#at = 0;
    }
  }

  /** Room for a frame in the chunk, its head written; answers where the payload begins. */
  #frame(length: number, type: number, flags: number, id: number): number {
    const at = this.#reserve(frameHeadBytes + length);
    writeFrameHead(this.#chunk, at, length, type, flags, id);
    this.#at = at + frameHeadBytes + length;
    this.#lastStream = 0;
    this.#schedule();
    return at + frameHeadBytes;
  }

  #reserve(length: number): number {
    if (this.#at + length > this.#chunk.length) {
      this.#cut();
      this.#chunk = Buffer.allocUnsafeSlow(chunkBytes);
      this.#from = 0;
      this.#at = 0;
      this.#lastStream = 0;
      this.#lastFlagsAt = -1;
    }
    return this.#at;
  }

  #copy(bytes: Buffer): void {
    const at = this.#reserve(bytes.length);
    bytes.copy(this.#chunk, at);
    this.#at = at + bytes.length;
  }

  /** What is written in the chunk becomes a part. */
  #cut(): void {
    if (this.#at === this.#from) return;
    this.#parts.push(this.#chunk.subarray(this.#from, this.#at));
    this.#partsBytes += this.#at - this.#from;
    this.#from = this.#at;
  }

  #schedule(): void {
    if (this.#partsBytes > queuedBytesMax) {
      this.flush();
      return;
    }
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#flush);
  }

  readonly #flush = (): void => this.flush();
}
