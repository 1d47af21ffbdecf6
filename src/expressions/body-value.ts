import { plainValue } from "./plain-value.ts";

/** A value as a message's body: text and bytes as they are, everything else as JSON. */
export const bodyFrom = (value: unknown): string | Uint8Array => {
  if (typeof value === "string" || value instanceof Uint8Array) return value;
  return JSON.stringify(plainValue(value)) ?? "null";
};

/** The media type that a body made of a value has where nothing else is said. */
export const mediaTypeOf = (value: unknown): string => {
  if (typeof value === "string") return "text/plain; charset=utf-8";
  return value instanceof Uint8Array ? "application/octet-stream" : "application/json";
};

/** `set-body` within another policy is written as the policy itself is: bare, or with `value`. */
export const bodySource = (source: unknown): unknown => {
  if (source === null || typeof source !== "object" || Array.isArray(source)) return source;
  const keys = Object.keys(source);
  return keys.length === 1 && keys[0] === "value" ? Reflect.get(source, "value") : source;
};
