import { randomBytes } from "node:crypto";

/** Makes `traceparent` values for calls that bring none. */
export interface TraceIds {
  next(): string;
}

/** A random half and a counter: unique over threads and restarts, without asking the system for each call (W3C Trace Context 3.2). */
export const traceIdSource = (): TraceIds => {
  const prefix = `00-${randomBytes(8).toString("hex")}`;
  const spans = randomBytes(3).toString("hex");
  let count = randomBytes(4).readUInt32BE();
  return {
    next: () => {
      count = (count + 1) % 0x1_0000_0000_00;
      const digits = count.toString(16).padStart(10, "0");
      return `${prefix}${spans}${digits}-${spans}${digits}-00`;
    },
  };
};
