import type { Head, HeadLimits, ScanResult } from "./head.ts";

type Scan = (head: Head, end: number, limits: HeadLimits) => ScanResult;

/**
 * Scans a head out of the bytes of a connection, also where it comes in pieces: these are kept in a buffer that grows by doubling, so
 * that a head sent byte by byte costs no more than in proportion to its length.
 */
export class HeadCollector {
  #kept: Buffer | null = null;
  #length = 0;

  /** Bytes of an unfinished head. */
  get length(): number {
    return this.#kept === null ? 0 : this.#length;
  }

  clear(): void {
    this.#kept = null;
    this.#length = 0;
  }

  /** Goes on with `bytes` from `from`. After anything but `incomplete` the head's own bytes are those that `head.bytes` holds. */
  scan(head: Head, bytes: Buffer, from: number, limits: HeadLimits, scan: Scan): ScanResult {
    if (this.#kept === null) {
      head.begin(bytes, from);
      const result = scan(head, bytes.length, limits);
      if (result !== "incomplete") return result;
      this.#append(head, bytes, from);
      head.begin(this.#kept ?? bytes, 0);
      return "incomplete";
    }
    this.#append(head, bytes, from);
    const result = scan(head, this.#length, limits);
    if (result === "incomplete") return result;
    // What is behind the head in the buffer is not the connection's.
    head.bytes = head.bytes.subarray(0, this.#length);
    this.clear();
    return result;
  }

  #append(head: Head, bytes: Buffer, from: number): void {
    const needed = this.#length + bytes.length - from;
    if (this.#kept === null || needed > this.#kept.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(1024, needed * 2));
      this.#kept?.copy(grown, 0, 0, this.#length);
      this.#kept = grown;
      head.bytes = grown;
    }
    bytes.copy(this.#kept, this.#length, from);
    this.#length = needed;
  }
}
