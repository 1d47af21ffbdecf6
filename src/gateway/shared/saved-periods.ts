import { bytesHash } from "../../base/canonical-json.ts";
import type { SavedPeriod } from "./period-counter.ts";

/*
 * Saved volumes as bytes, little endian:
 *   "PQUOTA1\0" · seed u32 · count u32 · per volume: high i32, low i32, start f64, used f64, period f64 · first 8 bytes of the SHA-256 of all before
 */

const mark = "PQUOTA1\0";
const headBytes = 16;
const entryBytes = 32;
const sumBytes = 8;

/** Volumes as bytes for a file. */
export const writeSavedPeriods = (seed: number, periods: readonly SavedPeriod[]): Uint8Array => {
  const bytes = Buffer.alloc(headBytes + periods.length * entryBytes + sumBytes);
  bytes.write(mark, 0, "latin1");
  bytes.writeUInt32LE(seed, 8);
  bytes.writeUInt32LE(periods.length, 12);
  for (const [index, period] of periods.entries()) {
    const at = headBytes + index * entryBytes;
    bytes.writeInt32LE(period.hash.high, at);
    bytes.writeInt32LE(period.hash.low, at + 4);
    bytes.writeDoubleLE(period.startMs, at + 8);
    bytes.writeDoubleLE(period.used, at + 16);
    bytes.writeDoubleLE(period.periodMs, at + 24);
  }
  const end = bytes.length - sumBytes;
  bytes.write(bytesHash(bytes.subarray(0, end)).slice(0, sumBytes * 2), end, "hex");
  return bytes;
};

/** Reads saved volumes; undefined where the bytes are cut off, damaged or something else. */
export const readSavedPeriods = (
  saved: Uint8Array,
): { readonly seed: number; readonly periods: readonly SavedPeriod[] } | undefined => {
  const bytes = Buffer.from(saved.buffer, saved.byteOffset, saved.byteLength);
  if (bytes.length < headBytes + sumBytes || bytes.toString("latin1", 0, 8) !== mark) return undefined;
  const count = bytes.readUInt32LE(12);
  const end = headBytes + count * entryBytes;
  if (bytes.length !== end + sumBytes) return undefined;
  if (bytes.toString("hex", end) !== bytesHash(bytes.subarray(0, end)).slice(0, sumBytes * 2)) return undefined;
  const periods: SavedPeriod[] = [];
  for (let at = headBytes; at < end; at += entryBytes) {
    periods.push({
      hash: { high: bytes.readInt32LE(at), low: bytes.readInt32LE(at + 4) },
      startMs: bytes.readDoubleLE(at + 8),
      used: bytes.readDoubleLE(at + 16),
      periodMs: bytes.readDoubleLE(at + 24),
    });
  }
  return { seed: bytes.readUInt32LE(8), periods };
};
