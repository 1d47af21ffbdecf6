import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { type Kysely, sql } from "kysely";
import { silentLog } from "../base/log.ts";
import { transaction } from "./database.ts";
import { migrate } from "./migrate.ts";
import { appendToOutbox, consumeOutbox, hintOutbox, type OutboxMessage, outboxSteps, pruneOutbox } from "./outbox.ts";
import { openTestDatabase, type TestDatabase } from "./testing-database.ts";

const steps = Object.entries(outboxSteps).map(([name, text]) => ({ name, sql: text }));
const prepare = async (db: Kysely<unknown>): Promise<void> => {
  await migrate(db, steps, { log: silentLog });
};

let database: TestDatabase<unknown>;
before(async () => {
  database = await openTestDatabase({ prepare });
});
after(() => database.close());

/** Consumes until `done` says that it has seen enough. */
const consume = async (
  options: Partial<Parameters<typeof consumeOutbox>[0]> & { readonly consumer: string },
  done: (got: readonly OutboxMessage[]) => boolean,
  onMessage: (message: OutboxMessage) => Promise<void> = async () => undefined,
): Promise<OutboxMessage[]> => {
  const got: OutboxMessage[] = [];
  const stopping = new AbortController();
  await consumeOutbox({
    db: database.db,
    log: silentLog,
    pollMs: 20,
    ...options,
    signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(20_000)]),
    deliver: async (message) => {
      await onMessage(message);
      got.push(message);
      // The place reached is written after the delivery; a stop at once would have this one delivered again.
      if (done(got)) setTimeout(() => stopping.abort(), 100);
    },
  });
  return got;
};

const append = (topic: string, payload: unknown): Promise<unknown> =>
  transaction(database.db, (trx) => appendToOutbox(trx, { topic, payload }));

test("concurrent writers get positions without gaps, in the order of their commits", async () => {
  const { db } = database;
  await sql`create table committed (n integer, position bigint)`.execute(db);
  await Promise.all(
    Array.from({ length: 40 }, (_, n) =>
      transaction(db, async (trx) => {
        const { position } = await appendToOutbox(trx, { topic: "order", payload: { n } });
        await sql`insert into committed values (${n}, ${position})`.execute(trx);
        if (n % 5 === 0) throw new Error("rolled back");
      }).catch(() => undefined),
    ),
  );
  const got = await consume({ consumer: "order", topicPrefix: "order" }, (messages) => messages.length === 32);
  assert.deepEqual(
    got.map(({ position }) => position),
    Array.from({ length: 32 }, (_, at) => at + 1),
  );
  const { rows } = await sql<{ n: number }>`select n from committed order by position`.execute(db);
  assert.deepEqual(
    got.map(({ payload }) => payload),
    rows,
  );
});

test("a message whose transaction rolled back does not exist", async () => {
  const gone = transaction(database.db, async (trx) => {
    await appendToOutbox(trx, { topic: "rollback", payload: 1 });
    throw new Error("no");
  });
  await assert.rejects(gone, /no/);
  await append("rollback", 2);
  const got = await consume({ consumer: "rollback", topicPrefix: "rollback" }, () => true);
  assert.deepEqual(
    got.map(({ payload, position }) => [payload, position]),
    [[2, 1]],
  );
});

test("a failing delivery holds up its topic, in order, and no other topic", async () => {
  for (let n = 1; n <= 3; n += 1) {
    await append("fail-a", n);
    await append("fail-b", n);
  }
  let failures = 0;
  const got = await consume(
    { consumer: "fail", topicPrefix: "fail-" },
    (messages) => messages.length === 6,
    async (message) => {
      if (message.topic === "fail-a" && message.payload === 2 && failures < 2) {
        failures += 1;
        throw new Error("target is away");
      }
    },
  );
  assert.equal(failures, 2);
  const of = (topic: string): unknown[] =>
    got.filter((message) => message.topic === topic).map(({ payload }) => payload);
  assert.deepEqual(of("fail-a"), [1, 2, 3]);
  assert.deepEqual(of("fail-b"), [1, 2, 3]);
  assert.ok(got.findIndex(({ topic, payload }) => topic === "fail-b" && payload === 3) < 5);
});

test("a consumer that ended after a delivery and before it was written gets that message again, with the same id", async () => {
  await append("again", "x");
  const stopping = new AbortController();
  const first: OutboxMessage[] = [];
  await consumeOutbox({
    db: database.db,
    consumer: "again",
    topicPrefix: "again",
    log: silentLog,
    pollMs: 10,
    signal: stopping.signal,
    deliver: async (message) => {
      first.push(message);
      // As if the process had been killed here: another took over before the place was written.
      await sql`update portico_lease set expires_at = now() - interval '1 second' where name = 'outbox:again'`.execute(
        database.db,
      );
      await sql`update portico_lease set owner = 'other', fence = fence + 1 where name = 'outbox:again'`.execute(
        database.db,
      );
      stopping.abort();
    },
  });
  const second = await consume({ consumer: "again", topicPrefix: "again" }, () => true);
  assert.equal(first.length, 1);
  assert.deepEqual(
    second.map(({ id }) => id),
    first.map(({ id }) => id),
  );
});

test("two processes of one consumer deliver each message once between them while both live; each consumer gets all", async () => {
  for (let n = 0; n < 30; n += 1) await append("shared", n);
  const stopping = new AbortController();
  const got: unknown[] = [];
  const one = (): Promise<void> =>
    consumeOutbox({
      db: database.db,
      consumer: "shared",
      topicPrefix: "shared",
      log: silentLog,
      pollMs: 10,
      signal: stopping.signal,
      deliver: async ({ payload }) => {
        got.push(payload);
        if (got.length === 30) setTimeout(() => stopping.abort(), 150);
      },
    });
  await Promise.all([one(), one()]);
  assert.deepEqual(
    got,
    Array.from({ length: 30 }, (_, n) => n),
  );
  const other = await consume({ consumer: "other", topicPrefix: "shared" }, (messages) => messages.length === 30);
  assert.equal(other.length, 30);
});

test("a hint wakes a consumer long before it polls", async () => {
  const waiting = consume({ consumer: "hint", topicPrefix: "hint", pollMs: 15_000, url: database.url }, () => true);
  await wait(300);
  const startedMs = performance.now();
  await append("hint", 1);
  await hintOutbox(database.db, silentLog);
  assert.equal((await waiting).length, 1);
  assert.ok(performance.now() - startedMs < 5_000);
});

test("while connections are lost again and again, every message is delivered in order", async () => {
  const breaking = setInterval(() => {
    sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
      .execute(database.db)
      .catch(() => undefined);
  }, 60);
  const acknowledged = new Set<unknown>();
  const writing = (async () => {
    for (let n = 0; n < 60; n += 1) {
      await append("lossy", n).then(
        () => acknowledged.add(n),
        // Lost during its commit: nothing was promised about it.
        () => undefined,
      );
      await wait(5);
    }
    clearInterval(breaking);
    await append("lossy", "end");
  })();
  const got = await consume(
    { consumer: "lossy", topicPrefix: "lossy", url: database.url },
    (messages) => messages.at(-1)?.payload === "end",
  );
  await writing;
  const positions = [...new Set(got.map(({ position }) => position))];
  assert.deepEqual(
    positions,
    Array.from({ length: positions.length }, (_, at) => at + 1),
  );
  const payloads = new Set(got.map(({ payload }) => payload));
  assert.deepEqual(
    [...acknowledged].filter((n) => !payloads.has(n)),
    [],
  );
  assert.ok(acknowledged.size > 40);
});

test("pruning removes what every named consumer has had, and nothing else", async () => {
  for (let n = 1; n <= 4; n += 1) await append("prune", n);
  await consume({ consumer: "p1", topicPrefix: "prune" }, (messages) => messages.length === 4);
  const left = async (): Promise<number> =>
    (await sql`select 1 from portico_outbox_message where topic = 'prune'`.execute(database.db)).rows.length;
  const before = new Date(Date.now() + 1_000);
  await pruneOutbox(database.db, { before, consumers: ["p1", "p2"] });
  assert.equal(await left(), 4);
  await sql`insert into portico_outbox_cursor values ('p2', 'prune', 3)`.execute(database.db);
  await pruneOutbox(database.db, { before: new Date(0), consumers: ["p1", "p2"] });
  assert.equal(await left(), 4);
  await pruneOutbox(database.db, { before, consumers: ["p1", "p2"] });
  assert.equal(await left(), 1);
  await append("prune", 5);
  const got = await consume({ consumer: "p1", topicPrefix: "prune" }, () => true);
  assert.deepEqual(
    got.map(({ position }) => position),
    [5],
  );
});
