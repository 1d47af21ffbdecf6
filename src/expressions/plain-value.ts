import { Duration, UnsignedInt } from "@marcbachmann/cel-js/evaluator";
import { durationText, timestampText } from "./environment.ts";

const depthMax = 32;

/**
 * An expression's result as JSON can hold it: integers as numbers while they are exact, else as text; timestamps and durations
 * as text, bytes as base64. Anything that is not data becomes null.
 */
export const plainValue = (value: unknown, depthLeft: number = depthMax): unknown => {
  if (depthLeft === 0) return null;
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "bigint":
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    case "object":
      return value === null ? null : plainObject(value, depthLeft - 1);
    default:
      return null;
  }
};

const plainObject = (value: object, depthLeft: number): unknown => {
  if (Array.isArray(value)) return value.map((entry) => plainValue(entry, depthLeft));
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (value instanceof Date) return timestampText(value);
  if (value instanceof Duration) return durationText(value);
  if (value instanceof UnsignedInt) return plainValue(value.valueOf(), depthLeft);
  const isMap = value instanceof Map;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!isMap && prototype !== Object.prototype && prototype !== null) return null;
  const plain: Record<string, unknown> = Object.create(null);
  for (const [key, entry] of isMap ? value : Object.entries(value)) plain[String(key)] = plainValue(entry, depthLeft);
  return plain;
};
