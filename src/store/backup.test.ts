import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { gunzipSync, gzipSync } from "node:zlib";
import { type Kysely, sql } from "kysely";
import { Fault } from "../base/fault.ts";
import { silentLog } from "../base/log.ts";
import { backup, restore } from "./backup.ts";
import { appliedSteps, migrate } from "./migrate.ts";
import { openTestDatabase, type TestDatabase } from "./testing-database.ts";

const log = silentLog;
/** Children come before their parents by name, and one step writes a row of its own. */
const steps = [
  { name: "1", sql: "create table publisher (id integer primary key, title text not null)" },
  {
    name: "2",
    sql: `create table book (
      id uuid primary key, publisher_id integer not null references publisher (id), title text, data bytea, facts json, tags jsonb,
      price numeric(20, 6), weight double precision, sold bigint, at timestamptz, day date, labels text[], is_out boolean
    )`,
  },
  { name: "3", sql: "create table counter (id integer primary key, n bigint not null)" },
  { name: "4", sql: "insert into counter values (1, 0)" },
];
const newer = [...steps, { name: "5", sql: "alter table publisher add column country text default 'FI'" }];

let directory: string;
const opened: TestDatabase<unknown>[] = [];
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "portico-backup-"));
});
after(async () => {
  for (const database of opened) await database.close();
  await rm(directory, { recursive: true, force: true });
});

const fresh = async (prepare?: (db: Kysely<unknown>) => Promise<unknown>): Promise<TestDatabase<unknown>> => {
  const database = await openTestDatabase(prepare === undefined ? {} : { prepare });
  opened.push(database);
  return database;
};

const filled = async (db: Kysely<unknown>): Promise<void> => {
  await migrate(db, steps, { log });
  await sql`update counter set n = 9007199254740993 where id = 1`.execute(db);
  await sql`insert into publisher values (1, 'Line\u2028separator, "quotes", \\backslash, 漢字 🐘'), (2, '')`.execute(
    db,
  );
  await sql`insert into book values
    ('01890a5d-ac96-774b-bcce-b302099a8057', 1, null, '\\x00ff0a0d5c22', ${'{"b": 1,\n  "a": 1.0000000000000000001, "a": 2}'}, '{"z": [1, null]}',
     12345678901234.567890, 'NaN', 9223372036854775807, '2024-02-29 23:59:59.123456+02', '2024-02-29', ${'{"a,b",NULL,"NULL"}'}, true),
    ('01890a5d-ac96-774b-bcce-b302099a8058', 2, E'tab\\t line\\n', '', null, null, -0.000001, 1e-300, null, 'infinity', null, '{}', null)`.execute(
    db,
  );
  // More than one batch, and rows that fill a batch by their size.
  await sql`insert into publisher select n, repeat('x', 20000) from generate_series(10, 1300) as n`.execute(db);
};

/** Everything that the tables hold, as PostgreSQL itself prints it. */
const contents = async (db: Kysely<unknown>): Promise<unknown> => {
  const all: Record<string, unknown> = {};
  for (const [table, columns] of [
    ["publisher", "id, title"],
    ["book", "*"],
    ["counter", "*"],
  ] as const) {
    const { rows } = await sql<{ row: string }>`
      select md5(t::text) as row from (select ${sql.raw(columns)} from ${sql.table(table)}) as t order by 1`.execute(
      db,
    );
    all[table] = rows;
  }
  return all;
};

const isFault =
  (code: string, text = "") =>
  (thrown: unknown) => {
    assert.ok(thrown instanceof Fault, String(thrown));
    assert.equal(thrown.code, code, thrown.message);
    assert.ok(thrown.message.includes(text));
    return true;
  };

const write = async (name: string): Promise<{ file: string; source: TestDatabase<unknown> }> => {
  const source = await fresh(filled);
  const file = join(directory, name);
  await backup({ url: source.url, file, steps, log });
  return { file, source };
};

test("every value of every type comes back exactly, into a schema that then is this program's", async () => {
  const { file, source } = await write("all");
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.deepEqual(
    (await readdir(directory)).filter((name) => name.startsWith("all")),
    ["all"],
    "no draft is left",
  );
  const target = await fresh();
  const summary = await restore({ url: target.url, file, steps: newer, log });
  assert.deepEqual(summary.rows, { book: 2, counter: 1, publisher: 1293 });
  assert.deepEqual(await contents(target.db), await contents(source.db));
  assert.equal((await appliedSteps(target.db)).length, 5);
  const { rows } = await sql`select country from publisher where id = 1`.execute(target.db);
  assert.deepEqual(rows, [{ country: "FI" }]);
});

test("a backup is one moment: what commits meanwhile is in it whole or not at all", async () => {
  const source = await fresh(filled);
  const file = join(directory, "moment");
  let isDone = false;
  const writing = (async () => {
    for (let n = 5000; !isDone; n += 1) {
      await sql`with a as (insert into publisher values (${n}, 'p') returning id) update counter set n = (select max(id) from a)`.execute(
        source.db,
      );
    }
  })();
  await wait(30);
  await backup({ url: source.url, file, steps, log });
  isDone = true;
  await writing;
  const target = await fresh();
  await restore({ url: target.url, file, steps, log });
  const { rows } = await sql`select n = (select max(id) from publisher) as agrees from counter`.execute(target.db);
  assert.deepEqual(rows, [{ agrees: true }]);
});

test("a changed, cut or lengthened backup is refused before the database is touched", async () => {
  const { file } = await write("damaged");
  const bytes = await readFile(file);
  const text = gunzipSync(bytes).toString();
  const lines = text.trimEnd().split("\n");
  const cases: [Buffer, string][] = [
    [bytes.subarray(0, bytes.length - 100), "store.not_a_backup"],
    [gzipSync(text.replace("tab", "tub")), "store.backup_damaged"],
    [gzipSync(`${lines.slice(0, -1).join("\n")}\n`), "store.backup_damaged"],
    [gzipSync(`${[...lines.slice(0, 5), ...lines.slice(6)].join("\n")}\n`), "store.backup_damaged"],
    [gzipSync(`${text}["more"]\n`), "store.backup_damaged"],
    [gzipSync(text.trimEnd()), "store.backup_damaged"],
    [Buffer.from("hello"), "store.not_a_backup"],
    [gzipSync("hello\n"), "store.not_a_backup"],
    [gzipSync('{"format":"portico-backup","version":99}\n'), "store.backup_newer"],
    [gzipSync('{"format":"other"}\n'), "store.not_a_backup"],
    [gzipSync(""), "store.backup_damaged"],
  ];
  const target = await fresh();
  for (const [content, code] of cases) {
    await writeFile(file, content);
    await assert.rejects(restore({ url: target.url, file, steps, log }), isFault(code));
  }
  const { rows } = await sql`select table_name from information_schema.tables where table_schema = 'public'`.execute(
    target.db,
  );
  assert.deepEqual(rows, []);
});

test("a database that holds a platform is refused and left as it is", async () => {
  const { file, source } = await write("full");
  const had = await contents(source.db);
  await assert.rejects(restore({ url: source.url, file, steps, log }), isFault("store.not_empty"));
  assert.deepEqual(await contents(source.db), had);
});

test("a backup of a newer Portico is refused by name of the step", async () => {
  const source = await fresh(async (db) => migrate(db, newer, { log }));
  const file = join(directory, "newer");
  await backup({ url: source.url, file, steps: newer, log });
  const target = await fresh();
  await assert.rejects(restore({ url: target.url, file, steps, log }), isFault("store.backup_newer", '"5"'));
});

test("a row that the schema refuses rolls the whole restore back, the platform does not start on that, and it can be repeated", async () => {
  const { file, source } = await write("rollback");
  const target = await fresh();
  // The foreign key is checked at the end of the rows of book, after publisher was loaded.
  const broken = join(directory, "broken");
  const lines = gunzipSync(await readFile(file))
    .toString()
    .trimEnd()
    .split("\n");
  const body = `${lines.slice(0, -1).join("\n").replace('"01890a5d-ac96-774b-bcce-b302099a8057","1"', '"01890a5d-ac96-774b-bcce-b302099a8057","99999"')}\n`;
  const trailer = { ...JSON.parse(lines.at(-1) ?? ""), sha256: createHash("sha256").update(body).digest("hex") };
  await writeFile(broken, gzipSync(`${body}${JSON.stringify(trailer)}\n`));
  await assert.rejects(restore({ url: target.url, file: broken, steps, log }), /foreign key/);
  const { rows } = await sql`select 1 from publisher`.execute(target.db);
  assert.deepEqual(rows, []);
  await assert.rejects(migrate(target.db, steps, { log }), isFault("store.restore_unfinished"));
  await restore({ url: target.url, file, steps, log });
  assert.deepEqual(await contents(target.db), await contents(source.db));
  assert.deepEqual(await migrate(target.db, steps, { log }), { applied: [] });
});

test("a restore whose process was killed in the middle can be run again", async () => {
  const { file, source } = await write("killed");
  const target = await fresh();
  // It kills itself when its schema is there and its rows are not.
  const program = `
    import { restore } from ${JSON.stringify(new URL("./backup.ts", import.meta.url).href)};
    const nothing = () => {};
    const log = { debug: nothing, info: () => process.kill(process.pid, "SIGKILL"), warn: nothing, error: nothing, with: () => log };
    await restore({ url: ${JSON.stringify(target.url)}, file: ${JSON.stringify(file)}, steps: ${JSON.stringify(steps)}, log });`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program], { stdio: "inherit" });
  const [, by] = await once(child, "exit");
  assert.equal(by, "SIGKILL");
  assert.equal((await appliedSteps(target.db)).length, steps.length);
  await assert.rejects(migrate(target.db, steps, { log }), isFault("store.restore_unfinished"));
  // Another process waits until the lease of the killed one has expired; here its time is over at once.
  await sql`update portico_lease set expires_at = now() - interval '1 second'`.execute(target.db);
  await restore({ url: target.url, file, steps, log });
  assert.deepEqual(await contents(target.db), await contents(source.db));
});

test("tables of other programs in the same database are neither copied nor cleared", async () => {
  const source = await fresh(filled);
  await sql`create table foreign_table (n integer)`.execute(source.db);
  const file = join(directory, "others");
  const { rows } = await backup({ url: source.url, file, steps, log });
  assert.deepEqual(Object.keys(rows).sort(), ["book", "counter", "publisher"]);
});

test("a database without a platform is not backed up, and a place that cannot be written is told", async () => {
  const empty = await fresh();
  await assert.rejects(
    backup({ url: empty.url, file: join(directory, "empty"), steps, log }),
    isFault("store.nothing_to_back_up"),
  );
  const source = await fresh(filled);
  await assert.rejects(backup({ url: source.url, file: join(directory, "no", "such"), steps, log }), /ENOENT/);
  assert.equal((await readdir(directory)).includes("empty"), false);
});
