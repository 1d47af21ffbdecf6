import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { after, test } from "node:test";
import { sql } from "kysely";
import { Fault } from "../base/fault.ts";
import { silentLog } from "../base/log.ts";
import { appliedSteps, makeBookkeeping, migrate } from "./migrate.ts";
import { openTestDatabase, type TestDatabase } from "./testing-database.ts";

const opened: TestDatabase<unknown>[] = [];
const children: ChildProcess[] = [];
after(async () => {
  for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  for (const database of opened) await database.close();
});

const fresh = async (): Promise<TestDatabase<unknown>> => {
  const database = await openTestDatabase();
  opened.push(database);
  return database;
};

const steps = [
  { name: "1-shelf", sql: "create table shelf (id integer primary key)" },
  { name: "2-shelf-row", sql: "insert into shelf values (1)" },
  { name: "3-shelf-title", sql: "alter table shelf add column title text" },
];
const log = silentLog;
const isFault = (code: string, text: string) => (thrown: unknown) =>
  thrown instanceof Fault && thrown.code === code && thrown.message.includes(text);

test("steps run once each, in order, and later ones are added to what is there", async () => {
  const { db } = await fresh();
  assert.deepEqual(await appliedSteps(db), []);
  assert.deepEqual(await migrate(db, steps.slice(0, 2), { log }), { applied: ["1-shelf", "2-shelf-row"] });
  assert.deepEqual(await migrate(db, steps, { log }), { applied: ["3-shelf-title"] });
  assert.deepEqual(await migrate(db, steps, { log }), { applied: [] });
  assert.deepEqual((await sql`select * from shelf`.execute(db)).rows, [{ id: 1, title: null }]);
  assert.deepEqual(
    (await appliedSteps(db)).map(({ name }) => name),
    steps.map(({ name }) => name),
  );
  assert.match((await appliedSteps(db))[0]?.sha256 ?? "", /^[0-9a-f]{64}$/);
});

test("processes that migrate at once do it once", async () => {
  const { db, url } = await fresh();
  const many = Array.from({ length: 40 }, (_, at) => ({ name: `t${at}`, sql: `create table t${at} (id integer)` }));
  const program = `
    import { openDatabase } from ${JSON.stringify(new URL("./database.ts", import.meta.url).href)};
    import { migrate } from ${JSON.stringify(new URL("./migrate.ts", import.meta.url).href)};
    import { silentLog } from ${JSON.stringify(new URL("../base/log.ts", import.meta.url).href)};
    const { db, close } = openDatabase({ url: ${JSON.stringify(url)}, log: silentLog });
    const { applied } = await migrate(db, ${JSON.stringify(many)}, { log: silentLog });
    console.log(applied.length);
    await close();`;
  const counts = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      children.push(child);
      const [said] = await once(child.stdout, "data");
      return Number(said);
    }),
  );
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    40,
  );
  assert.equal((await appliedSteps(db)).length, 40);
});

test("a changed step is refused by name, and nothing runs", async () => {
  const { db } = await fresh();
  await migrate(db, steps.slice(0, 1), { log });
  const changed = [{ name: "1-shelf", sql: "create table shelf (id bigint primary key)" }, ...steps.slice(1)];
  await assert.rejects(migrate(db, changed, { log }), isFault("store.migration_changed", "1-shelf"));
  assert.equal((await appliedSteps(db)).length, 1);
});

test("a database of a newer Portico is refused by an older one", async () => {
  const { db } = await fresh();
  await migrate(db, steps, { log });
  await assert.rejects(migrate(db, steps.slice(0, 2), { log }), isFault("store.schema_newer", "3-shelf-title"));
});

test("a step that fails leaves no trace of itself, names itself, and can be repaired and run", async () => {
  const { db } = await fresh();
  const broken = { name: "2-broken", sql: "create table broken (id integer, id integer)" };
  await assert.rejects(
    migrate(db, [...steps.slice(0, 1), broken], { log }),
    isFault("store.migration_failed", "2-broken"),
  );
  assert.deepEqual(
    (await appliedSteps(db)).map(({ name }) => name),
    ["1-shelf"],
  );
  const repaired = { name: "2-broken", sql: "create table broken (id integer)" };
  assert.deepEqual(await migrate(db, [...steps.slice(0, 1), repaired], { log }), { applied: ["2-broken"] });
});

test("two steps of one name are a mistake of ours", async () => {
  const { db } = await fresh();
  await assert.rejects(migrate(db, [...steps, { name: "1-shelf", sql: "select 1" }], { log }), /1-shelf/);
});

test("the bookkeeping tables can be made by many at once", async () => {
  const { db } = await fresh();
  await Promise.all(Array.from({ length: 8 }, () => makeBookkeeping(db)));
});
