import { randomBytes } from "node:crypto";

/** Makes `traceparent` values for calls that bring none. */
export interface TraceIds {
  next(): string;
}

const lowCount = 4096;
/** The last three digits of the counter, made once. */
const lowDigits: readonly string[] = Array.from({ length: lowCount }, (_, low) => low.toString(16).padStart(3, "0"));

/**
 * A random half and a counter: unique over threads and restarts, without asking the system for each call (W3C Trace Context 3.2).
 * The parent id stays for a while: it has to be unique within its trace only.
 */
export const traceIdSource = (): TraceIds => {
  const prefix = randomBytes(10).toString("hex");
  let high = randomBytes(3).readUIntBE(0, 3);
  let low = lowCount;
  let begin = "";
  let end = "";
  return {
    next: () => {
      if (low === lowCount) {
        low = 0;
        high = (high + 1) % 0x10_0000_0000;
        begin = `00-${prefix}${high.toString(16).padStart(9, "0")}`;
        end = `-${randomBytes(7).toString("hex")}01-00`;
      }
      return begin + (lowDigits[low++] ?? "") + end;
    },
  };
};
