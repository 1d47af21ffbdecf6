import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sql } from "kysely";
import { Fault } from "../base/fault.ts";
import { silentLog } from "../base/log.ts";
import { transaction } from "./database.ts";
import { acquireLease, assertLease, releaseLease, renewLease, withLease } from "./lease.ts";
import { makeBookkeeping } from "./migrate.ts";
import { openTestDatabase, type TestDatabase } from "./testing-database.ts";

let database: TestDatabase<unknown>;
before(async () => {
  database = await openTestDatabase({ prepare: makeBookkeeping });
});
after(() => database.close());

/** Time passes for one lease: the database's clock decides, so that its row is moved into the past. */
const expire = async (name: string): Promise<void> => {
  await sql`update portico_lease set expires_at = now() - interval '1 second' where name = ${name}`.execute(
    database.db,
  );
};

const isFault = (code: string) => (thrown: unknown) => thrown instanceof Fault && thrown.code === code;

test("of many who ask at once exactly one gets a lease", async () => {
  const asked = await Promise.all(
    Array.from({ length: 12 }, (_, at) => acquireLease(database.db, { name: "one", owner: `o${at}`, ttlMs: 60_000 })),
  );
  assert.equal(asked.filter((lease) => lease !== undefined).length, 1);
});

test("an expired lease goes to the next with a higher fence, and its old holder can neither renew nor write", async () => {
  const { db } = database;
  const old = await acquireLease(db, { name: "fence", owner: "a", ttlMs: 60_000 });
  assert.ok(old);
  assert.equal(await acquireLease(db, { name: "fence", owner: "b", ttlMs: 60_000 }), undefined);
  await expire("fence");
  assert.equal(await renewLease(db, old, 60_000), false);
  const next = await acquireLease(db, { name: "fence", owner: "b", ttlMs: 60_000 });
  assert.equal(next?.fence, old.fence + 1);
  await assert.rejects(
    transaction(db, (trx) => assertLease(trx, old)),
    isFault("store.lease_lost"),
  );
  // An old holder who comes back cannot give away what is not his.
  await releaseLease(db, old);
  assert.ok(next);
  assert.equal(await renewLease(db, next, 60_000), true);
  await transaction(db, (trx) => assertLease(trx, next));
});

test("a released lease can be taken at once, and the fence goes on growing", async () => {
  const { db } = database;
  const first = await acquireLease(db, { name: "again", owner: "a", ttlMs: 60_000 });
  assert.ok(first);
  await releaseLease(db, first);
  const second = await acquireLease(db, { name: "again", owner: "a", ttlMs: 60_000 });
  assert.equal(second?.fence, first.fence + 1);
});

test("withLease runs one at a time, and the next starts when the one before is done", async () => {
  let running = 0;
  let runs = 0;
  await Promise.all(
    Array.from({ length: 5 }, () =>
      withLease(database.db, { name: "turns", log: silentLog }, async () => {
        running += 1;
        assert.equal(running, 1);
        await sql`select pg_sleep(0.01)`.execute(database.db);
        running -= 1;
        runs += 1;
      }),
    ),
  );
  assert.equal(runs, 5);
});

test("withLease renews beyond the time to live, and tells its work when the lease was lost", async () => {
  await withLease(database.db, { name: "long", log: silentLog, ttlMs: 300 }, async (lease, signal) => {
    await sql`select pg_sleep(0.7)`.execute(database.db);
    assert.equal(signal.aborted, false);
    await transaction(database.db, (trx) => assertLease(trx, lease));
    await expire("long");
    assert.ok(await acquireLease(database.db, { name: "long", owner: "thief", ttlMs: 60_000 }));
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    assert.ok(isFault("store.lease_lost")(signal.reason));
  });
  assert.equal(
    await acquireLease(database.db, { name: "long", owner: "x", ttlMs: 1 }),
    undefined,
    "the thief keeps it",
  );
});

test("waiting for a lease is bounded, and ends with the caller's signal", async () => {
  await acquireLease(database.db, { name: "held", owner: "a", ttlMs: 60_000 });
  const work = async (): Promise<void> => assert.fail("it is held");
  await assert.rejects(
    withLease(database.db, { name: "held", log: silentLog, waitMsMax: 60 }, work),
    isFault("store.lease_held"),
  );
  const signal = AbortSignal.timeout(50);
  await assert.rejects(withLease(database.db, { name: "held", log: silentLog, signal }, work), {
    name: /AbortError|TimeoutError/,
  });
});
