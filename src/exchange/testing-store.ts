import type { SharedStore } from "./shared-store.ts";

/** A store in memory for tests of policies. */
export const testStore = (): SharedStore & { readonly keys: () => readonly string[] } => {
  const values = new Map<string, { readonly value: Uint8Array; readonly expiresAtMs: number }>();
  const purges = new Map<string, number>();
  return {
    valueBytesMax: 1024 * 1024,
    get: (key, nowMs) => {
      const found = values.get(key);
      return found === undefined || found.expiresAtMs <= nowMs ? undefined : new Uint8Array(found.value);
    },
    set: (key, value, expiresAtMs) => {
      if (value.length > 1024 * 1024) return false;
      values.set(key, { value: new Uint8Array(value), expiresAtMs });
      return true;
    },
    delete: (key) => values.delete(key),
    purge: (tag, nowMs) => void purges.set(tag, nowMs),
    purgedAtMs: (tag) => purges.get(tag) ?? 0,
    keys: () => [...values.keys()],
  };
};
