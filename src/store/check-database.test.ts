import assert from "node:assert/strict";
import { createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { sql } from "kysely";
import { Fault } from "../base/fault.ts";
import { silentLog } from "../base/log.ts";
import { checkDatabase } from "./check-database.ts";
import { openDatabase } from "./database.ts";
import { openTestDatabase, type TestDatabase } from "./testing-database.ts";

let own: TestDatabase<Record<string, never>>;
before(async () => {
  own = await openTestDatabase({});
});
after(() => own.close());

/** The message with which a database is refused. */
const refusal = async (url: string): Promise<string> => {
  const database = openDatabase({ url, log: silentLog, connectMsMax: 300 });
  try {
    await checkDatabase(database.db, url);
  } catch (thrown) {
    assert.ok(thrown instanceof Fault, String(thrown));
    assert.equal(thrown.code, "store.database_unusable");
    assert.doesNotMatch(thrown.message, /hush/);
    return thrown.message;
  } finally {
    await database.close();
  }
  assert.fail("it was not refused");
};

/** The test database's URL for another role or database. */
const urlWith = (change: (url: URL) => void): string => {
  const url = new URL(own.url);
  change(url);
  return url.href;
};

describe("a database that somebody else runs", () => {
  test("that can be used is taken", async () => {
    await checkDatabase(own.db, own.url);
  });

  test("is refused with its place, the reason and what to do, never with the password", async () => {
    const wrong = urlWith((url) => {
      url.password = "hush";
    });
    assert.match(await refusal(wrong), /as portico, .*password authentication failed.*Check the role and its password/);
    const missing = urlWith((url) => {
      url.pathname = "/nowhere";
    });
    assert.match(await refusal(missing), /"nowhere" at .*does not exist.*Create the database/);
    assert.match(await refusal("postgresql://p:hush@127.0.0.1:1/x"), /"x" at 127\.0\.0\.1:1 as p, .*ECONNREFUSED/);
    const silent = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = silent.address();
    const port = typeof address === "object" ? address?.port : 0;
    assert.match(await refusal(`postgresql://p:hush@127.0.0.1:${port}/x`), /cannot be used: .+Check host and port/);
    silent.close();
  });

  test("that takes no writes, or in which the role may make no tables, is refused", async () => {
    const name = `weak_${process.pid}`;
    await sql.raw(`create role ${name} login password 'hush'`).execute(own.db);
    await sql.raw("revoke create on schema public from public").execute(own.db);
    const weak = urlWith((url) => {
      url.username = name;
      url.password = "hush";
    });
    try {
      assert.match(await refusal(weak), /may not create tables in the schema public.*grant usage, create/);
      await sql.raw(`grant create on schema public to ${name}`).execute(own.db);
      await sql.raw(`alter role ${name} set default_transaction_read_only = on`).execute(own.db);
      assert.match(await refusal(weak), /takes no writes.*primary/);
      await sql.raw(`alter role ${name} reset default_transaction_read_only`).execute(own.db);
      await sql.raw(`alter role ${name} set search_path = nowhere`).execute(own.db);
      assert.match(await refusal(weak), /leads to no schema/);
    } finally {
      await sql.raw(`drop owned by ${name}`).execute(own.db);
      await sql.raw(`drop role ${name}`).execute(own.db);
    }
  });
});
