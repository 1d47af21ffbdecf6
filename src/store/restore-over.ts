import { sql } from "kysely";
import { Fault } from "../base/fault.ts";
import { uuidv7 } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import { type BackupSummary, restore } from "./backup.ts";
import { openDatabase, transaction } from "./database.ts";
import type { Step } from "./migrate.ts";

/**
 * Replaces a running platform's tables by those of a backup. The backup is loaded beside them first, into a schema of its own;
 * then one transaction takes the old tables away and puts the new ones in their place, so that everybody sees either the old
 * platform or the restored one. Other programs' tables are not touched. `accept` sees the restored tables before the exchange,
 * as an SQL schema name, and may throw.
 */
export const restoreOver = async (options: {
  readonly url: string;
  readonly file: string;
  readonly steps: readonly Step[];
  readonly log: Log;
  readonly accept?: (fact: (name: string) => Promise<string | undefined>) => Promise<void>;
}): Promise<BackupSummary> => {
  const { url, log } = options;
  const schema = `portico_restore_${uuidv7().replaceAll("-", "")}`;
  const database = openDatabase({ url, log, connectionsMax: 2, statementMsMax: 0, applicationName: "portico restore" });
  const { db } = database;
  try {
    await sql`create schema ${sql.id(schema)}`.execute(db);
    const summary = await restore({ url: withSchema(url, schema), file: options.file, steps: options.steps, log });
    await options.accept?.(async (name) => {
      const { rows } = await sql<{ value: string }>`
        select value from ${sql.id(schema, "installation")} where name = ${name}`.execute(db);
      return rows[0]?.value;
    });
    await transaction(
      db,
      async (trx) => {
        const { rows: here } = await sql<{ name: string }>`select current_schema() as name`.execute(trx);
        const home = here[0]?.name;
        if (home === undefined)
          throw new Fault("store.no_schema", { public: "The database's search path leads to no schema." });
        const { rows: tables } = await sql<{ name: string }>`
          select table_name as name from information_schema.tables
          where table_schema = ${schema} and table_type = 'BASE TABLE'`.execute(trx);
        const { rows: counters } = await sql<{ value: number }>`
          select value from ${sql.id(home, "revision_counter")} where id = 1 for update`.execute(trx);
        const old = sql.join(tables.map(({ name }) => sql.id(home, name)));
        await sql`drop table if exists ${old}`.execute(trx);
        for (const { name } of tables) {
          await sql`alter table ${sql.id(schema, name)} set schema ${sql.id(home)}`.execute(trx);
        }
        await sql`drop schema ${sql.id(schema)}`.execute(trx);
        // Revisions go on from the higher of the two counters: a gateway must never see one number for two states.
        await sql`update ${sql.id(home, "revision_counter")}
          set value = greatest(value, ${counters[0]?.value ?? 0}) + 1 where id = 1`.execute(trx);
        await sql`insert into ${sql.id(home, "revision")} (number, at, actor, message, kind)
          select value, now(), 'restore', 'restored from a backup', 'configuration'
          from ${sql.id(home, "revision_counter")} where id = 1`.execute(trx);
      },
      { isolation: "read committed" },
    );
    return summary;
  } catch (thrown) {
    await sql`drop schema if exists ${sql.id(schema)} cascade`.execute(db).catch(() => {
      // What was thrown first is what the caller needs; a schema left behind disturbs nobody.
    });
    throw thrown;
  } finally {
    await database.close();
  }
};

/** The same database with another schema in front of every name. */
const withSchema = (url: string, schema: string): string => {
  const changed = new URL(url);
  changed.searchParams.set("options", `-c search_path=${schema}`);
  return changed.href;
};
