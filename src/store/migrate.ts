import { createHash } from "node:crypto";
import { type Kysely, type QueryExecutorProvider, sql } from "kysely";
import { Fault, messageOf } from "../base/fault.ts";
import type { Log } from "../base/log.ts";
import { transaction } from "./database.ts";
import { sqlStateOf } from "./database-fault.ts";
import { assertLease, leaseTable, withLease } from "./lease.ts";

/** One step of the schema's history: a name that is never used again, and one statement. A released step never changes. */
export interface Step {
  readonly name: string;
  readonly sql: string;
}

/** What `migrate` did. */
export interface MigrationOutcome {
  /** Names of the steps that ran now; empty when the schema was up to date. */
  readonly applied: readonly string[];
}

const migrationTable = `create table if not exists portico_migration (
  name text primary key,
  position bigint not null,
  sha256 text not null,
  applied_at timestamptz not null
)`;

/** What is written while a restore is under way, and removed by the transaction that completes it. */
export const restoreMarker = "restore";

/**
 * Brings the schema up to the last of `steps`. Each step runs once, in its own transaction with the row that records it;
 * processes that do this at once wait for each other. Refuses a changed step (`store.migration_changed`), a
 * database of a newer Portico (`store.schema_newer`), and one in which a restore was cut short (`store.restore_unfinished`).
 */
export const migrate = async <Tables>(
  db: Kysely<Tables>,
  steps: readonly Step[],
  options: { readonly log: Log; readonly signal?: AbortSignal; readonly isRestore?: boolean },
): Promise<MigrationOutcome> => {
  refuseTwins(steps);
  await makeBookkeeping(db);
  if ((await pending(db, steps)).length === 0) {
    if (options.isRestore !== true) await refuseUnfinishedRestore(db);
    return { applied: [] };
  }
  const hold = {
    name: "migrate",
    log: options.log,
    waitMsMax: 120_000,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  return await withLease(db, hold, async (lease, signal) => {
    if (options.isRestore !== true) await refuseUnfinishedRestore(db);
    const applied: string[] = [];
    for (const { step, position } of await pending(db, steps)) {
      signal.throwIfAborted();
      try {
        await transaction(
          db,
          async (trx) => {
            await assertLease(trx, lease);
            // An index over many rows may take longer than a request may wait.
            await sql`set local statement_timeout = 0`.execute(trx);
            await sql.raw(step.sql).execute(trx);
            await sql`insert into portico_migration (name, position, sha256, applied_at)
              values (${step.name}, ${position}, ${digestOf(step)}, now())`.execute(trx);
          },
          { isolation: "read committed", signal },
        );
      } catch (thrown) {
        if (thrown instanceof Fault) throw thrown;
        throw new Fault("store.migration_failed", {
          public: `The step "${step.name}" of the database's schema failed: ${messageOf(thrown)}`,
          internal: step.sql,
          cause: thrown,
        });
      }
      applied.push(step.name);
      options.log.debug("a migration step ran", { step: step.name });
    }
    if (applied.length > 0) options.log.info("the database's schema is up to date", { steps: applied.length });
    return { applied };
  });
};

/** The names and digests of the steps that a database has, in their order; empty for a database that was never migrated. */
export const appliedSteps = async (
  db: QueryExecutorProvider,
): Promise<readonly { readonly name: string; readonly sha256: string }[]> => {
  try {
    const { rows } = await sql<{ name: string; sha256: string }>`
      select name, sha256 from portico_migration order by position`.execute(db);
    return rows;
  } catch (thrown) {
    // undefined_table
    if (sqlStateOf(thrown) === "42P01") return [];
    throw thrown;
  }
};

/** The digest under which a step is recorded. */
export const digestOf = (step: Step): string => createHash("sha256").update(step.sql).digest("hex");

/** Makes the tables of this room's own bookkeeping. */
export const makeBookkeeping = async (db: QueryExecutorProvider): Promise<void> => {
  for (const table of [leaseTable, migrationTable]) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await sql.raw(table).execute(db);
        break;
      } catch (thrown) {
        // `if not exists` does not protect two sessions from each other: unique_violation, duplicate_table and -object, serialization.
        if (attempt >= 5 || !["23505", "42P07", "42710", "40001"].includes(sqlStateOf(thrown) ?? "")) throw thrown;
      }
    }
  }
};

/** The steps that are still to run, with their places; refuses steps that a database has and we have not, or have changed. */
const pending = async (
  db: QueryExecutorProvider,
  steps: readonly Step[],
): Promise<{ readonly step: Step; readonly position: number }[]> => {
  const applied = await appliedSteps(db);
  const known = new Map(steps.map((step) => [step.name, step]));
  for (const had of applied) {
    const step = known.get(had.name);
    if (step === undefined) {
      throw new Fault("store.schema_newer", {
        public: `The database was brought up to date by a newer Portico (step "${had.name}" is not known here). Start that version, or restore a backup into an empty database.`,
      });
    }
    if (digestOf(step) !== had.sha256) {
      throw new Fault("store.migration_changed", {
        public: `The step "${had.name}" of the database's schema is not the one that this database ran. A released step never changes: add a new one instead.`,
        internal: `the database has ${had.sha256}, the program has ${digestOf(step)}`,
      });
    }
    known.delete(had.name);
  }
  return [...known.values()].map((step, index) => ({ step, position: applied.length + index }));
};

const refuseUnfinishedRestore = async (db: QueryExecutorProvider): Promise<void> => {
  const { rows } = await sql`select 1 from portico_lease where name = ${restoreMarker}`.execute(db);
  if (rows.length === 0) return;
  throw new Fault("store.restore_unfinished", {
    public:
      "A restore into this database was cut short, or is still running. Run portico restore FILE again; it begins anew.",
  });
};

const refuseTwins = (steps: readonly Step[]): void => {
  const names = new Set<string>();
  for (const { name } of steps) {
    if (names.has(name)) throw new Error(`two migration steps are called "${name}"`);
    names.add(name);
  }
};
