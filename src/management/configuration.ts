import type { Kysely } from "kysely";
import { type ConfigurationState, readChanges, readStateAt, withChanges } from "../store/repositories/resources.ts";
import { currentRevision } from "../store/repositories/revisions.ts";
import type { Tables } from "../store/schema.ts";

/** The configuration as this process knows it, brought up to date by what changed rather than read anew. */
export interface Configuration {
  /** The newest committed state. */
  read(): Promise<ConfigurationState>;
  /** The state at a committed revision, read through `db`, which may be a transaction that holds the revision lock. */
  readAt(db: Kysely<Tables>, revision: number): Promise<ConfigurationState>;
  /** Forgets what is known, for when the database was replaced under us. */
  forget(): void;
}

/** Reads of the whole configuration cost one look at the counter, and the changes since the last look. */
export const openConfiguration = (db: Kysely<Tables>): Configuration => {
  let known: ConfigurationState | undefined;
  const readAt = async (through: Kysely<Tables>, revision: number): Promise<ConfigurationState> => {
    const from = known;
    if (from !== undefined && from.revision === revision) return from;
    if (from !== undefined && from.revision > revision) return readStateAt(through, revision);
    const state =
      from === undefined
        ? await readStateAt(through, revision)
        : withChanges(from, await readChanges(through, from.revision, revision), revision);
    if (known === undefined || known.revision < revision) known = state;
    return state;
  };
  return {
    readAt,
    read: async () => {
      const revision = await currentRevision(db);
      return known === undefined ? readAt(db, revision) : readAt(db, Math.max(revision, known.revision));
    },
    forget: () => {
      known = undefined;
    },
  };
};
