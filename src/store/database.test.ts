import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { type Kysely, sql } from "kysely";
import { Fault } from "../base/fault.ts";
import { silentLog } from "../base/log.ts";
import { openDatabase, transaction } from "./database.ts";
import { sqlStateOf } from "./database-fault.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded-postgres.ts";
import { openTestDatabase, type TestDatabase } from "./testing-database.ts";

const hasCode =
  (code: string, status = 503) =>
  (thrown: unknown): boolean => {
    assert.ok(thrown instanceof Fault, String(thrown));
    assert.equal(thrown.code, code);
    assert.equal(thrown.status, status);
    assert.doesNotMatch(thrown.message, /\/tmp|127\.0\.0\.1|portico:/, "hosts, paths and secrets are not for callers");
    return true;
  };

describe("over a running server", () => {
  let database: TestDatabase<{ counter: { id: number; n: number } }>;
  before(async () => {
    database = await openTestDatabase({
      prepare: async (db: Kysely<{ counter: { id: number; n: number } }>) => {
        await sql`create table counter (id integer primary key, n bigint not null)`.execute(db);
        await sql`insert into counter values (1, 0), (2, 0)`.execute(db);
      },
    });
  });
  after(() => database.close());

  test("concurrent read-then-write transactions lose no update", async () => {
    const { db } = database;
    await Promise.all(
      Array.from({ length: 60 }, () =>
        transaction(db, async (trx) => {
          const { n } = await trx.selectFrom("counter").select("n").where("id", "=", 1).executeTakeFirstOrThrow();
          await trx
            .updateTable("counter")
            .set({ n: n + 1 })
            .where("id", "=", 1)
            .execute();
        }),
      ),
    );
    const { n } = await db.selectFrom("counter").select("n").where("id", "=", 1).executeTakeFirstOrThrow();
    assert.equal(n, 60);
  });

  test("a full disk and a server that takes no writes are told as such", async () => {
    const raising = (state: string) =>
      sql.raw(`do $$ begin raise exception 'could not extend file' using errcode = '${state}'; end $$`);
    await assert.rejects(raising("53100").execute(database.db), hasCode("store.full", 507));
    await assert.rejects(raising("25006").execute(database.db), hasCode("store.read_only"));
  });

  test("a deadlock is resolved and both transactions commit", async () => {
    const { db } = database;
    let arrived = 0;
    const both = async (first: number, second: number): Promise<void> => {
      await transaction(
        db,
        async (trx) => {
          await trx.updateTable("counter").set({ n: sql<number>`n + 100` }).where("id", "=", first).execute();
          arrived += 1;
          for (let turn = 0; arrived < 2 && turn < 500; turn += 1) await wait(2);
          await trx.updateTable("counter").set({ n: sql<number>`n + 100` }).where("id", "=", second).execute();
        },
        { isolation: "read committed" },
      );
    };
    const before = await db.selectFrom("counter").select("n").orderBy("id").execute();
    await Promise.all([both(1, 2), both(2, 1)]);
    const after = await db.selectFrom("counter").select("n").orderBy("id").execute();
    assert.deepEqual(
      after.map(({ n }, at) => n - (before[at]?.n ?? 0)),
      [200, 200],
    );
    assert.ok(arrived >= 3, "one of them was repeated");
  });

  test("repeating is bounded, with growing and spread pauses, and then told as store.contended", async () => {
    const slept: number[] = [];
    let attempts = 0;
    await assert.rejects(
      transaction(
        database.db,
        async (trx) => {
          attempts += 1;
          await sql`do $$ begin raise exception using errcode = '40001'; end $$`.execute(trx);
        },
        {
          attemptsMax: 6,
          random: () => 0.5,
          sleep: async (ms) => {
            slept.push(ms);
          },
        },
      ),
      hasCode("store.contended"),
    );
    assert.equal(attempts, 6);
    assert.deepEqual(slept, [6, 12, 24, 48, 96]);
  });

  test("what work throws rolls back, is not repeated, and reaches the caller as it is", async () => {
    const { db } = database;
    let attempts = 0;
    const own = new Error("own");
    await assert.rejects(
      transaction(db, async (trx) => {
        attempts += 1;
        await trx.insertInto("counter").values({ id: 9, n: 1 }).execute();
        throw own;
      }),
      (thrown) => thrown === own,
    );
    assert.equal(attempts, 1);
    assert.equal(await db.selectFrom("counter").selectAll().where("id", "=", 9).executeTakeFirst(), undefined);
    await assert.rejects(
      transaction(db, (trx) => trx.insertInto("counter").values({ id: 1, n: 1 }).execute()),
      (thrown) => sqlStateOf(thrown) === "23505",
    );
  });

  test("a signal ends the repeating", async () => {
    const stopping = new AbortController();
    await assert.rejects(
      transaction(
        database.db,
        async (trx) => {
          stopping.abort();
          await sql`do $$ begin raise exception using errcode = '40P01'; end $$`.execute(trx);
        },
        { signal: stopping.signal },
      ),
      { name: "AbortError" },
    );
  });

  test("a statement that takes too long is ended and told as store.too_slow", async () => {
    const { db, close } = openDatabase({ url: database.url, log: silentLog, statementMsMax: 50 });
    await assert.rejects(sql`select pg_sleep(10)`.execute(db), hasCode("store.too_slow"));
    assert.equal((await sql`select 1`.execute(db)).rows.length, 1);
    await close();
  });

  test("waiting for a lock is bounded", async () => {
    const { db, close } = openDatabase<{ counter: { id: number; n: number } }>({
      url: database.url,
      log: silentLog,
      lockMsMax: 50,
    });
    await transaction(db, async (trx) => {
      await trx.updateTable("counter").set({ n: 5 }).where("id", "=", 2).execute();
      await assert.rejects(
        db.updateTable("counter").set({ n: 6 }).where("id", "=", 2).execute(),
        hasCode("store.too_slow"),
      );
    });
    await close();
  });

  test("more callers than connections wait, and not for ever", async () => {
    const { db, close } = openDatabase({ url: database.url, log: silentLog, connectionsMax: 1, connectMsMax: 100 });
    const long = sql`select pg_sleep(0.4)`.execute(db);
    await wait(20);
    await assert.rejects(sql`select 1`.execute(db), hasCode("store.busy"));
    await long;
    assert.equal((await sql`select 1`.execute(db)).rows.length, 1);
    await close();
  });

  test("whole numbers are numbers, beyond what JavaScript counts they are refused, and dates stay text", async () => {
    const { rows } = await sql`select 9007199254740991::bigint as big, date '2024-02-29' as day`.execute(database.db);
    assert.deepEqual(rows, [{ big: 9007199254740991, day: "2024-02-29" }]);
    await assert.rejects(sql`select 9007199254740993::bigint`.execute(database.db), RangeError);
  });

  test("a connection that an administrator ends is replaced", async () => {
    const { db, close } = openDatabase({ url: database.url, log: silentLog, connectionsMax: 1 });
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db);
    await sql`select pg_terminate_backend(${rows[0]?.pid})`.execute(database.db);
    await wait(50);
    assert.equal((await sql`select 1`.execute(db)).rows.length, 1);
    await close();
  });

  test("a transaction whose connection breaks before the commit is repeated", async () => {
    const { db, close } = openDatabase<{ counter: { id: number; n: number } }>({ url: database.url, log: silentLog });
    let attempts = 0;
    await transaction(db, async (trx) => {
      attempts += 1;
      await trx.insertInto("counter").values({ id: 50, n: attempts }).execute();
      if (attempts > 1) return;
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx);
      await sql`select pg_terminate_backend(${rows[0]?.pid})`.execute(database.db);
      await sql`select 1`.execute(trx);
    });
    assert.equal(attempts, 2);
    assert.deepEqual(await db.selectFrom("counter").select("n").where("id", "=", 50).execute(), [{ n: 2 }]);
    await close();
  });
});

describe("over a server that is away", () => {
  let dataDir: string;
  let postgres: EmbeddedPostgres;
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "portico-db-"));
    postgres = await startEmbeddedPostgres({ dataDir, log: silentLog });
  });
  after(async () => {
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  test("a crash in the middle of many transactions is waited out: each is acknowledged once or its end is unknown", async () => {
    const { db, close } = openDatabase({ url: postgres.url, log: silentLog });
    await sql`create table written (n integer primary key)`.execute(db);
    const outcomes = Promise.allSettled(
      Array.from({ length: 300 }, async (_, n) => {
        await transaction(db, async (trx) => {
          await sql`insert into written values (${n})`.execute(trx);
        });
        return n;
      }),
    );
    await wait(30);
    process.kill(postgres.pid, "SIGKILL");
    const acknowledged: number[] = [];
    for (const outcome of await outcomes) {
      if (outcome.status === "fulfilled") acknowledged.push(outcome.value);
      // Lost at the commit: then only. The repeat of one that did commit would be refused by the key.
      else hasCode("store.commit_unknown")(outcome.reason);
    }
    const { rows } = await sql<{ n: number }>`select n from written`.execute(db);
    const there = new Set(rows.map(({ n }) => n));
    assert.deepEqual(
      acknowledged.filter((n) => !there.has(n)),
      [],
    );
    assert.ok(acknowledged.length >= 280, `only ${acknowledged.length} were acknowledged`);
    await close();
  });

  test("a server that nobody starts is store.unavailable, after the time a caller waits", async () => {
    const { db, close } = openDatabase({
      url: `postgresql://portico:x@localhost/portico?host=${encodeURIComponent(join(dataDir, "nowhere"))}`,
      log: silentLog,
      connectMsMax: 200,
    });
    const startedMs = performance.now();
    await assert.rejects(sql`select 1`.execute(db), hasCode("store.unavailable"));
    assert.ok(performance.now() - startedMs >= 100);
    await close();
  });

  test("a server that accepts and says nothing is store.unavailable", async () => {
    const server: Server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    const { db, close } = openDatabase({
      url: `postgresql://portico:x@127.0.0.1:${address.port}/portico`,
      log: silentLog,
      connectMsMax: 200,
    });
    await assert.rejects(sql`select 1`.execute(db), (thrown) => {
      assert.ok(thrown instanceof Fault);
      assert.match(thrown.code, /^store\.(unavailable|busy)$/);
      return true;
    });
    await close();
    server.close();
  });

  test("an address of something else is refused at once, and not repeated to the caller", () => {
    for (const url of ["mysql://root:secret@host/db", "/var/run", ""]) {
      assert.throws(() => openDatabase({ url, log: silentLog }), hasCode("store.bad_url", 500));
    }
  });
});
