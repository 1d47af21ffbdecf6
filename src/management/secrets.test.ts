import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { sql } from "kysely";
import { importBody, openTestPlatform, type TestPlatform } from "./testing-platform.ts";

describe("what is secret", () => {
  let platform: TestPlatform;
  const answers: string[] = [];
  const secrets: string[] = [];
  const shownOnce: string[] = [];
  before(async () => {
    platform = await openTestPlatform();
  });
  after(() => platform.close());

  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await platform.call(method, path, body);
    answers.push(`${path} ${answer.text} ${JSON.stringify([...answer.headers])}`);
    return answer;
  };

  test("is in no answer, audit entry, revision, log line or table", async () => {
    const value = `named-value-secret-${"x".repeat(20)}`;
    const credential = "literal-credential-of-a-backend";
    secrets.push(value, platform.ownerToken, platform.gatewayToken);
    await call("PUT", "/named-values/api-token", { secret: true, value });
    await call("PATCH", "/named-values/api-token", { description: "Of the partner." });
    await call("PATCH", "/named-values/api-token", { value: `${value}-2` });
    await call("PUT", "/backends/partner", {
      kind: "http",
      url: "http://127.0.0.1:1",
      credentials: { headers: { authorization: "{{api-token}}" } },
    });
    await platform.call("PUT", "/backends/literal", {
      kind: "http",
      url: "http://127.0.0.1:1",
      credentials: { headers: { authorization: credential } },
    });
    await call("POST", "/apis:import", importBody("orders", { backend: "partner" }));
    await call("PUT", "/products/gold", { apis: ["orders"], plans: { free: {} } });
    const organization = await call("POST", "/organizations", { name: "acme" });
    const application = await call("POST", "/applications", { name: "robot", organizationId: organization.at("id") });
    const subscription = await call("POST", "/subscriptions", {
      applicationId: application.at("id"),
      product: "gold",
      plan: "free",
    });
    const issue = { headers: { "idempotency-key": "issue" } };
    const key = await platform.call("POST", `/subscriptions/${subscription.at("id")}/keys`, {}, issue);
    const rotated = await platform.call("POST", `/keys/${key.at("id")}:rotate`, { grace: "1h" });
    await call("POST", "/users", { name: "anna", roles: ["viewer"] });
    const token = await platform.call("POST", "/users/anna/tokens", { name: "ci" });
    const link = await platform.call("POST", "/sign-in-links", {});
    const session = await platform.call("POST", "/sessions", { token: link.at("token") }, { token: "" });
    const cookie = /portico-session=([^;]+)/.exec(session.headers.get("set-cookie") ?? "")?.[1] ?? "";
    assert.match(cookie, /^pts_/);
    for (const answer of [key.at("key"), rotated.at("key"), token.at("token"), link.at("token"), cookie]) {
      assert.match(String(answer), /^pt\w_/);
      shownOnce.push(String(answer));
    }
    // Mistakes around secrets are answered and logged without them too.
    await call("PUT", "/named-values/api-token", { secret: "yes", value });
    await platform.call("GET", "/apis", undefined, { token: `${platform.ownerToken}x` });
    await call("DELETE", "/named-values/api-token");

    for (const path of [
      "/named-values",
      "/named-values/api-token",
      "/keys",
      `/subscriptions/${subscription.at("id")}/keys`,
      `/keys/${key.at("id")}`,
      "/tokens",
      "/users",
      "/audit?limit=500",
      "/revisions?limit=500",
      "/bundle",
      "/apis",
      "/backends/partner",
      "/settings",
      "/gateways",
      "/policies",
      "/requests",
      "/sessions/current",
    ])
      await call("GET", path);
    const newest = Number((await platform.call("GET", "/revisions?limit=1")).at("items", 0, "revision"));
    for (let number = 1; number <= newest; number += 1) await call("GET", `/revisions/${number}`);
    await call("GET", `/revisions/0/diff/${newest}`);

    const all = [...secrets, ...shownOnce];
    for (const answer of answers) for (const secret of all) assert.ok(!answer.includes(secret), answer.slice(0, 200));
    for (const line of platform.logged) for (const secret of all) assert.ok(!line.includes(secret), line);
    const shown =
      (await platform.call("GET", "/audit?limit=500")).text +
      (await platform.call("GET", `/revisions/0/diff/${newest}`)).text;
    assert.ok(!shown.includes(credential), "audit and diffs hide credentials that were written out");
    const viewer = { token: String(token.at("token")) };
    for (const path of ["/backends", "/backends/literal", "/bundle", "/bundle/file?path=backends/literal.yaml"]) {
      const read = async (options?: { readonly token: string }): Promise<string> => {
        const { text } = await platform.call("GET", path, undefined, options);
        const files = /"contentBase64":"([^"]+)"/g;
        return text.replaceAll(files, (_, content: string) => Buffer.from(content, "base64").toString());
      };
      assert.ok((await read()).includes(credential), `${path}: who writes backends sees what is written`);
      const seen = await read(viewer);
      assert.ok(seen.includes("(redacted)") && !seen.includes(credential), `${path}: a viewer does not see it`);
    }

    const { rows: tables } = await sql<{ name: string }>`
      select table_name as name from information_schema.tables where table_schema = 'public'`.execute(
      platform.database.db,
    );
    assert.ok(tables.length > 20);
    for (const { name } of tables) {
      const { rows } = await sql<{ line: string }>`select (t.*)::text as line from ${sql.table(name)} as t`.execute(
        platform.database.db,
      );
      for (const { line } of rows) for (const secret of all) assert.ok(!line.includes(secret), `table ${name}`);
    }
  });

  test("a secret is bound to its name and to the platform's key", async () => {
    const { box } = platform.management.tools;
    const sealed = box.seal("value", "named-value/a");
    assert.equal(box.open(sealed, "named-value/a").toString(), "value");
    assert.throws(() => box.open(sealed, "named-value/b"), { code: "secret_key.wrong" });
    const broken = Buffer.from(sealed);
    broken.writeUInt8(broken.readUInt8(broken.length - 1) ^ 1, broken.length - 1);
    assert.throws(() => box.open(broken, "named-value/a"), { code: "secret_key.wrong" });
    assert.notDeepEqual(box.seal("value", "x"), box.seal("value", "x"));
  });
});
