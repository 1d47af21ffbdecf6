import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { type Kysely, sql } from "kysely";
import { processesWorkingIn } from "./process-identity.ts";
import { openTestDatabase } from "./testing-database.ts";

test("each call opens an empty database of its own", async () => {
  const [one, two] = await Promise.all([openTestDatabase(), openTestDatabase()]);
  await sql`create table only_here (n integer)`.execute(one.db);
  await assert.rejects(sql`select * from only_here`.execute(two.db), /does not exist/);
  await one.close();
  await two.close();
});

test("what prepare made is in every database opened with it, and made once", async () => {
  let runs = 0;
  const prepare = async (db: Kysely<unknown>): Promise<void> => {
    runs += 1;
    await sql`create table prepared (n integer)`.execute(db);
    await sql`insert into prepared values (1)`.execute(db);
  };
  const opened = await Promise.all([1, 2, 3].map(() => openTestDatabase({ prepare })));
  for (const [at, { db, close }] of opened.entries()) {
    await sql`insert into prepared values (${at + 2})`.execute(db);
    assert.equal((await sql`select * from prepared`.execute(db)).rows.length, 2);
    await close();
  }
  assert.equal(runs, 1);
});

for (const end of ["SIGKILL", "SIGINT", "its own end"] as const) {
  test(`after ${end} of the test process nothing runs and no file is left`, async () => {
    const program = `
      import { openTestDatabase } from ${JSON.stringify(new URL("./testing-database.ts", import.meta.url).href)};
      const { url } = await openTestDatabase();
      console.log(new URL(url).searchParams.get("host"));
      ${end === "its own end" ? "" : "setInterval(() => {}, 1000);"}`;
    const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [socketDirectory] = await once(createInterface({ input: child.stdout }), "line");
    const exited = once(child, "exit");
    if (end !== "its own end") child.kill(end);
    await exited;
    const place = String(socketDirectory).replace(/\/socket$/, "");
    for (const untilMs = performance.now() + 10_000; ; await wait(20)) {
      const isThere = await stat(place).then(
        () => true,
        () => false,
      );
      const running = await processesWorkingIn(`${place}/cluster`);
      if (!isThere && running.length === 0) break;
      assert.ok(performance.now() < untilMs, `${place} is still there, or its processes ${running.join(", ")}`);
    }
  });
}
