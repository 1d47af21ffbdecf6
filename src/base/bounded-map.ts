/** A map that holds at most `entriesMax` entries and forgets the least recently used one first. */
export interface BoundedMap<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): void;
  delete(key: K): boolean;
  clear(): void;
  readonly size: number;
  entries(): IterableIterator<[K, V]>;
}

/** A bounded map; `onEvict` sees what was forgotten for want of room, not what was deleted. */
export const boundedMap = <K, V>(entriesMax: number, onEvict?: (key: K, value: V) => void): BoundedMap<K, V> => {
  const map = new Map<K, V>();
  return {
    get: (key) => {
      const value = map.get(key);
      if (value === undefined) return undefined;
      // Re-inserting moves the entry to the end: a Map iterates in insertion order.
      map.delete(key);
      map.set(key, value);
      return value;
    },
    set: (key, value) => {
      map.delete(key);
      map.set(key, value);
      if (map.size <= entriesMax) return;
      const oldest = map.entries().next();
      if (oldest.done) return;
      map.delete(oldest.value[0]);
      onEvict?.(oldest.value[0], oldest.value[1]);
    },
    delete: (key) => map.delete(key),
    clear: () => map.clear(),
    get size() {
      return map.size;
    },
    entries: () => map.entries(),
  };
};
