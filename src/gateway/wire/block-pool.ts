/** What one read of a socket brings at most. */
export const readBytesMax = 64 * 1024;
/** Smaller reads are copied into memory of their size. */
const blockFrom = readBytesMax / 2;
const idleMax = 16;
const lentMax = 32;

/**
 * Memory for the large reads of a thread. All sockets read into one buffer; what came is copied out of it, small reads into Node's
 * pool, large ones into blocks that are used again as soon as the other side has written them. Without that a long body leaves all its
 * bytes to the garbage collector, which lets them pile up.
 */
export class BlockPool {
  /** Where the sockets read into. */
  readonly readBuffer: Buffer = Buffer.allocUnsafeSlow(readBytesMax);
  readonly #idle: Buffer[] = [];

  /** A copy of what has been read. Nobody writes to it while anybody may hold it. */
  keep(length: number): Buffer {
    if (length < blockFrom) {
      const kept = Buffer.allocUnsafe(length);
      this.readBuffer.copy(kept, 0, 0, length);
      return kept;
    }
    const block = this.#idle.pop() ?? Buffer.allocUnsafeSlow(readBytesMax);
    this.readBuffer.copy(block, 0, 0, length);
    return length === readBytesMax ? block : block.subarray(0, length);
  }

  /**
   * `bytes` were all body and went whole to `sink`, which alone can hold them. What it has written is free; the rest waits in `lent`,
   * which the caller empties when the sink changes.
   */
  passed(bytes: Buffer, sink: { readonly isFlushed: boolean }, lent: Buffer[]): void {
    // Who holds so much is no socket: it is left to the garbage collector.
    if (lent.length >= lentMax) lent.length = 0;
    if (bytes.length >= blockFrom) lent.push(bytes);
    if (lent.length === 0 || !sink.isFlushed) return;
    for (const { buffer, byteLength } of lent) {
      const isBlock = byteLength >= blockFrom && buffer.byteLength === readBytesMax;
      if (isBlock && this.#idle.length < idleMax) this.#idle.push(Buffer.from(buffer));
    }
    lent.length = 0;
  }
}
