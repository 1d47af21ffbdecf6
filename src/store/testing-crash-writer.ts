/**
 * A program for the crash tests: starts PostgreSQL over the data directory it is given, writes rows, and prints the id of
 * each row after its commit was acknowledged. What it printed must be there, whatever is killed afterwards.
 */
import { writeSync } from "node:fs";
import { sql } from "kysely";
import { Fault } from "../base/fault.ts";
import { uuidv7 } from "../base/ids.ts";
import { silentLog } from "../base/log.ts";
import { openDatabase, transaction } from "./database.ts";
import { startEmbeddedPostgres } from "./embedded-postgres.ts";

const [dataDir = "", mode = "write"] = process.argv.slice(2);
try {
  const postgres = await startEmbeddedPostgres({ dataDir, log: silentLog });
  const { db } = openDatabase({ url: postgres.url, log: silentLog });
  await sql`create table if not exists written (id uuid primary key)`.execute(db);
  writeSync(1, `ready ${postgres.pid} ${postgres.isAdopted}\n`);
  const writer = async (): Promise<never> => {
    for (;;) {
      const id = uuidv7();
      try {
        await transaction(db, async (trx) => {
          await sql`insert into written (id) values (${id})`.execute(trx);
        });
      } catch (thrown) {
        // Not acknowledged, so that nothing is promised about it.
        if (thrown instanceof Fault && thrown.code === "store.commit_unknown") continue;
        throw thrown;
      }
      writeSync(1, `${id}\n`);
    }
  };
  if (mode === "write") await Promise.all([writer(), writer(), writer(), writer()]);
  process.on("SIGTERM", () => {
    postgres.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
} catch (thrown) {
  writeSync(1, `failed ${thrown instanceof Fault ? `${thrown.code} ${thrown.message}` : String(thrown)}\n`);
  process.exit(1);
}
