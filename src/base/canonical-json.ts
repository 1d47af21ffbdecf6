import { createHash } from "node:crypto";

/** JSON with the keys of every object sorted: equal values give equal text. Undefined members are left out. */
export const canonicalJson = (value: unknown): string => JSON.stringify(value, sortKeys);

/** The SHA-256 of a value's canonical JSON, in hex: its name for as long as it does not change. */
export const contentHash = (value: unknown): string => createHash("sha256").update(canonicalJson(value)).digest("hex");

/** The SHA-256 of bytes, in hex. */
export const bytesHash = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");

const sortKeys = (_key: string, value: unknown): unknown => {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  const sorted: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(value).sort()) sorted[key] = Reflect.get(value, key);
  return sorted;
};
