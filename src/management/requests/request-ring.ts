/** One call as a gateway tells it, for people who watch. */
export interface RequestRecord {
  readonly [name: string]: unknown;
}

/** The most recent calls, in memory of this process. */
export interface RequestRing {
  add(records: readonly RequestRecord[]): void;
  /** The newest first, at most `limit`. */
  recent(limit: number): readonly RequestRecord[];
  /** Called for every record from now on, until the answered function is called. */
  follow(listener: (record: RequestRecord) => void): () => void;
}

/** A ring of at most `recordsMax` records. */
export const requestRing = (recordsMax = 5_000): RequestRing => {
  const records: RequestRecord[] = [];
  let next = 0;
  const listeners = new Set<(record: RequestRecord) => void>();
  return {
    add: (added) => {
      for (const record of added) {
        records[next] = record;
        next = (next + 1) % recordsMax;
        for (const listener of listeners) listener(record);
      }
    },
    recent: (limit) => {
      const newest: RequestRecord[] = [];
      for (let back = 1; back <= Math.min(limit, records.length); back += 1) {
        const record = records[(next - back + recordsMax) % recordsMax];
        if (record !== undefined) newest.push(record);
      }
      return newest;
    },
    follow: (listener) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
};
