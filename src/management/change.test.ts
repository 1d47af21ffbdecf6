import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { currentRevision } from "../store/repositories/revisions.ts";
import { importBody, openTestPlatform, type TestPlatform } from "./testing-platform.ts";

let platform: TestPlatform;
before(async () => {
  platform = await openTestPlatform();
});
after(() => platform.close());

const revision = (): Promise<number> => currentRevision(platform.database.db);

describe("a write", () => {
  test("200 at once get 200 distinct revisions in the order of their commits, and none is lost", async () => {
    const start = await revision();
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) => platform.call("PUT", `/fragments/many-${i}`, { steps: [] })),
    );
    const numbers = answers.map((answer) => Number(answer.headers.get("portico-revision")));
    assert.ok(answers.every((answer) => answer.status === 201));
    assert.deepEqual(
      [...numbers].sort((a, b) => a - b),
      Array.from({ length: 200 }, (_, i) => start + 1 + i),
    );
    assert.equal(await revision(), start + 200);
    const rows = await platform.database.db.selectFrom("revision").select(["number", "at"]).orderBy("number").execute();
    assert.ok(rows.every((row, i) => i === 0 || (rows[i - 1]?.at ?? row.at) <= row.at));
  });

  test("of two control processes, writes share one order", async () => {
    const other = await platform.another();
    const start = await revision();
    const put = (management: typeof other, i: number) =>
      management.fetch(
        new Request(`http://control.test/api/v1/fragments/shared-${i}`, {
          method: "PUT",
          headers: { authorization: `Bearer ${platform.ownerToken}`, "content-type": "application/json" },
          body: JSON.stringify({ steps: [] }),
        }),
      );
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, i) => put(i % 2 === 0 ? platform.management : other, i)),
    );
    const numbers = answers.map((answer) => Number(answer.headers.get("portico-revision")));
    assert.equal(new Set(numbers).size, 60);
    assert.equal(Math.max(...numbers), start + 60);
    // What one wrote the other sees at once.
    for (const management of [platform.management, other]) {
      const state = await management.tools.configuration.read();
      assert.ok(Array.from({ length: 60 }, (_, i) => state.resources.has(`fragment/shared-${i}`)).every(Boolean));
    }
  });

  test("that changes nothing takes no revision and leaves no trace in the audit", async () => {
    await platform.call("PUT", "/fragments/same", { steps: [] });
    const start = await revision();
    const again = await platform.call("PUT", "/fragments/same", { steps: [] });
    assert.equal(again.status, 200);
    assert.equal(again.headers.get("portico-revision"), String(start));
    assert.equal(await revision(), start);
    const audit = await platform.call("GET", "/audit?target=fragment/same");
    assert.equal((audit.at("items") as unknown[]).length, 1);
  });

  test("that is only tried answers as if it were done and changes nothing", async () => {
    const start = await revision();
    const tried = await platform.call("PUT", "/fragments/tried?dryRun=true", { steps: [] });
    assert.equal(tried.status, 201);
    assert.equal(tried.headers.get("portico-dry-run"), "true");
    assert.equal(await revision(), start);
    assert.equal((await platform.call("GET", "/fragments/tried")).status, 404);
    const organization = await platform.call("POST", "/organizations?dryRun=true", { name: "tried" });
    assert.equal(organization.status, 201);
    assert.equal((await platform.call("GET", "/organizations/tried")).status, 404);
    // A dry run finds the same mistakes.
    await platform.call("POST", "/apis:import", importBody("tried"));
    const bad = await platform.call("PUT", "/policies/apis/tried?dryRun=true", { inbound: [{ nonsense: {} }] });
    assert.equal(bad.status, 422);
  });

  test("that is refused changes nothing, not even a part", async () => {
    const start = await revision();
    const bad = await platform.call("PUT", "/products/bad", { apis: ["no-such-api"], plans: { free: {} } });
    assert.deepEqual([bad.status, bad.at("code")], [422, "configuration.invalid"]);
    assert.equal(bad.at("errors", 0, "file"), "products/bad.yaml");
    assert.equal(await revision(), start);
  });

  test("is audited with what was before and after, and who did it", async () => {
    await platform.call("PUT", "/backends/stock", { kind: "http", url: "http://127.0.0.1:1" });
    await platform.call("PATCH", "/backends/stock", { timeout: "5s" });
    const removed = await platform.call("DELETE", "/backends/stock");
    assert.equal(removed.status, 204);
    const items = (await platform.call("GET", "/audit?target=backend/stock")).at("items") as Record<string, unknown>[];
    const first = { kind: "http", url: "http://127.0.0.1:1" };
    const second = { ...first, timeout: "5s" };
    assert.deepEqual(
      items.map(({ operation, before, after, actor }) => ({ operation, before, after, actor })),
      [
        { operation: "deleteBackend", before: second, after: undefined, actor: "owner" },
        { operation: "patchBackend", before: first, after: second, actor: "owner" },
        { operation: "putBackend", before: undefined, after: first, actor: "owner" },
      ],
    );
    assert.equal(items[0]?.revision, Number(removed.headers.get("portico-revision")));
    assert.equal(items[0]?.requestId, removed.headers.get("x-request-id"));
  });
});

describe("a repeated request with an Idempotency-Key", () => {
  let key: string;
  let count = 0;
  beforeEach(() => {
    key = `key-${count++}`;
  });
  const post = (name: string) =>
    platform.call("POST", "/organizations", { name }, { headers: { "idempotency-key": key } });

  test("is answered as before, and done once", async () => {
    const first = await post("once");
    const second = await post("once");
    assert.deepEqual([second.status, second.text], [201, first.text]);
    assert.equal(second.headers.get("idempotency-replayed"), "true");
    assert.equal(second.headers.get("portico-revision"), first.headers.get("portico-revision"));
  });

  test("sent many times at once is done once", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => post("at-once")));
    assert.ok(answers.every((answer) => answer.status === 201));
    assert.equal(new Set(answers.map((answer) => answer.at("id"))).size, 1);
  });

  test("keeps a new key sealed: the database does not hold it in the clear", async () => {
    await platform.call("POST", "/apis:import", importBody("sealed"));
    await platform.call("PUT", "/products/sealed", { apis: ["sealed"], plans: { free: {} } });
    const organization = await post("sealed");
    const application = await platform.call("POST", "/applications", {
      name: "a",
      organizationId: organization.at("id"),
    });
    const body = { applicationId: application.at("id"), product: "sealed", plan: "free" };
    const subscription = await platform.call("POST", "/subscriptions", body);
    const options = { headers: { "idempotency-key": "a-key-of-its-own" } };
    const issue = () => platform.call("POST", `/subscriptions/${subscription.at("id")}/keys`, {}, options);
    const first = await issue();
    const second = await issue();
    assert.equal(first.at("key"), second.at("key"));
    const rows = await platform.database.db.selectFrom("idempotency_record").selectAll().execute();
    assert.ok(rows.length > 0);
    assert.ok(rows.every((row) => !row.sealed_body.includes(String(first.at("key")))));
  });

  test("is a new request after 24 hours", async () => {
    await post("aged");
    await platform.database.db
      .updateTable("idempotency_record")
      .set({ created_at: new Date(Date.now() - 25 * 3_600_000) })
      .where("key", "=", key)
      .execute();
    const again = await post("aged");
    assert.deepEqual([again.status, again.at("code")], [409, "resource.exists"]);
  });
});
