import type { ApiUnit, UnitError } from "../../model/snapshot.ts";
import type { SavedConfiguration } from "./snapshot-store.ts";
import type { UnitText, UnitTextChange } from "./thread-messages.ts";

/**
 * What the gateway holds: of each API the unit that is wanted, and the one that serves. They differ where the newest does not
 * compile; then a new thread, or a new start, must be able to serve the last good one.
 */
export interface HeldConfiguration {
  readonly revision: number;
  readonly hash: string;
  /** False until the first configuration. */
  readonly hasTable: boolean;
  /** The wanted units' hashes by API. */
  hashes(): Readonly<Record<string, string>>;
  /** A change is about to be applied. */
  want(change: UnitTextChange): void;
  /** It is applied; these APIs do not serve their wanted unit. */
  settle(change: UnitTextChange, errors: readonly UnitError[]): void;
  /** What a thread that begins must apply: first what serves, then what is wanted, so that it decides as the others did. */
  initialChanges(): readonly UnitTextChange[];
  saved(): SavedConfiguration;
}

/** What was saved, or nothing. */
export const createHeldConfiguration = (saved: SavedConfiguration | undefined): HeldConfiguration => {
  const wanted = new Map(saved?.wanted);
  const live = new Map(saved?.live);
  /** APIs whose wanted unit did not serve at last. */
  const unsettled = new Set([...wanted].filter(([api, unit]) => live.get(api)?.hash !== unit.hash).map(([api]) => api));
  let revision = saved?.revision ?? 0;
  let hash = saved?.hash ?? "";
  let hasTable = saved !== undefined;
  // What the threads are being told: a thread that begins meanwhile needs it too.
  let nextRevision = revision;
  let nextHash = hash;

  return {
    get revision() {
      return revision;
    },
    get hash() {
      return hash;
    },
    get hasTable() {
      return hasTable;
    },
    hashes: () => Object.fromEntries([...wanted].map(([api, unit]) => [api, unit.hash])),
    want: (change) => {
      for (const api of change.removed) {
        wanted.delete(api);
        live.delete(api);
      }
      for (const unit of change.units) wanted.set(unit.api, unit);
      nextRevision = change.revision;
      nextHash = change.hash;
    },
    settle: (change, errors) => {
      const failing = new Set(errors.map((error) => error.api));
      // Only what changed, and what failed before: a commit must not cost more because there are many APIs.
      for (const api of [...unsettled, ...change.units.map((unit) => unit.api)]) {
        const unit = wanted.get(api);
        if (failing.has(api)) unsettled.add(api);
        else {
          unsettled.delete(api);
          if (unit !== undefined) live.set(api, unit);
        }
      }
      revision = change.revision;
      hash = change.hash;
      hasTable = true;
    },
    initialChanges: () => {
      if (nextRevision === 0 && !hasTable) return [];
      const base = { revision: nextRevision, hash: nextHash, removed: [] };
      const newer = [...wanted.values()].filter((unit) => live.get(unit.api)?.hash !== unit.hash);
      const first: UnitTextChange = { ...base, units: [...live.values()] };
      return newer.length === 0 ? [first] : [first, { ...base, units: newer }];
    },
    saved: () => ({ revision, hash, wanted: new Map(wanted), live: new Map(live) }),
  };
};

/** Units as texts, to be kept, sent to threads and written to disk without parsing them again. */
export const textsOf = (units: readonly ApiUnit[]): readonly UnitText[] =>
  units.map((unit) => ({ api: unit.api, hash: unit.hash, text: JSON.stringify(unit) }));
