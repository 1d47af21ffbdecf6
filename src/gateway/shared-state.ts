/** State of policies that outlives configuration changes: kept by key, made on first use, disposed with its last user. */
export interface SharedState {
  /** One use of the state under `key`; whoever takes it releases it exactly once. */
  take<T extends { dispose?(): void }>(key: string, make: () => T): T;
  release(key: string): void;
  readonly size: number;
}

interface Entry {
  readonly value: { dispose?(): void };
  uses: number;
}

/** An empty registry for one thread. */
export const createSharedState = (): SharedState => {
  const entries = new Map<string, Entry>();
  return {
    take: <T extends { dispose?(): void }>(key: string, make: () => T): T => {
      let entry = entries.get(key);
      if (entry === undefined) {
        entry = { value: make(), uses: 0 };
        entries.set(key, entry);
      }
      entry.uses += 1;
      // A key belongs to one policy, which always makes the same type under it; policies name their keys by their own name first.
      return entry.value as T;
    },
    release: (key) => {
      const entry = entries.get(key);
      if (entry === undefined) return;
      entry.uses -= 1;
      if (entry.uses > 0) return;
      entries.delete(key);
      entry.value.dispose?.();
    },
    get size() {
      return entries.size;
    },
  };
};
