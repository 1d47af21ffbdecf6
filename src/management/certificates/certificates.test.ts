import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { sql } from "kysely";
import { testAuthority, testCertificate } from "../../base/testing-certificates.ts";
import type { DeliveryMessage } from "../../model/snapshot.ts";
import { openTestPlatform, type TestPlatform } from "../testing-platform.ts";

const shop = await testCertificate("shop.example");
const renewed = await testCertificate("shop.example", { organization: "Renewed" });
const authority = await testAuthority("Clients");
const keyLine = (pem: string): string => pem.split("\n")[1] ?? "";

let platform: TestPlatform;
before(async () => {
  platform = await openTestPlatform();
});
after(() => platform.close());

/** The messages until the first commit of a gateway that connects now. */
const firstMessages = async (): Promise<readonly DeliveryMessage[]> => {
  const over = new AbortController();
  await platform.management.whenDelivered(Number((await platform.call("GET", "/gateways")).at("desiredRevision")));
  const response = await platform.gateway(
    "/stream",
    { instance: "g", version: "1", labels: [], held: {}, revision: 0 },
    over.signal,
  );
  const messages: DeliveryMessage[] = [];
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString();
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    messages.push(...lines.map((line) => JSON.parse(line) as DeliveryMessage));
    if (messages.at(-1)?.type === "commit") break;
  }
  over.abort();
  return messages;
};

const tlsSent = async () => {
  const message = (await firstMessages()).find((one) => one.type === "tls");
  assert.ok(message?.type === "tls");
  return message.state;
};

describe("422", () => {
  const rows = [
    ["a key in the certificate's field", { certificate: shop.certificate + shop.key }, /private key/],
    ["a key of another certificate", { certificate: shop.certificate, key: renewed.key }, /does not belong/],
    ["a key that is none", { certificate: shop.certificate, key: "nonsense" }, /not readable PEM/],
    ["a certificate that is none", { certificate: "nonsense", key: shop.key }, /certificate/],
    ["neither certificate nor acme", { hosts: ["a.example"] }, /certificate/],
    [
      "acme with a wildcard",
      { hosts: ["*.a.example"], acme: { directory: "https://acme.example", "terms-agreed": true } },
      /wildcards/,
    ],
    ["acme without agreement", { hosts: ["a.example"], acme: { directory: "https://acme.example" } }, /terms-agreed/],
    ["an unknown field", { certificate: shop.certificate, keyy: "x" }, /keyy/],
  ] as const;
  for (const [what, body, message] of rows) {
    test(`${what} is refused, and nothing of a key is shown`, async () => {
      const answer = await platform.call("PUT", "/certificates/bad", body);
      assert.equal(answer.status, 422, answer.text);
      assert.match(answer.text, message);
      assert.ok(!answer.text.includes(keyLine(shop.key)) && !answer.text.includes(keyLine(renewed.key)));
    });
  }
});

test("a key is written once, encrypted, and shown nowhere; gateways get it", async () => {
  const put = await platform.call("PUT", "/certificates/shop", {
    certificate: shop.certificate,
    key: shop.key,
    "client-certificates": { mode: "optional", ca: authority.certificate },
  });
  assert.equal(put.status, 201, put.text);
  const shown = await platform.call("GET", "/certificates/shop");
  assert.deepEqual(shown.at("status", "isUsable"), true, shown.text);
  assert.deepEqual(shown.at("status", "servedHosts"), ["shop.example"]);
  assert.match(String(shown.at("status", "notAfter")), /^20\d\d-/);
  const state = await tlsSent();
  assert.equal(state.certificates[0]?.key, shop.key);
  assert.equal(state.certificates[0]?.clientAuth, "optional");

  const secret = keyLine(shop.key);
  const bundle = await platform.call("GET", "/bundle");
  const places = [
    put.text,
    shown.text,
    (await platform.call("GET", "/certificates")).text,
    bundle.text,
    Buffer.from(bundle.text, "base64").toString(),
    (await platform.call("GET", "/audit")).text,
    (await platform.call("GET", "/revisions")).text,
    platform.logged.join(""),
    JSON.stringify((await sql`select * from resource_version`.execute(platform.database.db)).rows),
    (
      await sql<{ t: string }>`select encode(sealed, 'escape') as t from secret_value`.execute(platform.database.db)
    ).rows
      .map((row) => row.t)
      .join(""),
  ];
  for (const [index, text] of places.entries()) assert.ok(!text.includes(secret), `place ${index}`);
  assert.match((await platform.call("GET", "/audit")).text, /certificate\/shop\/key/);
});

test("a new chain takes the place of the old one together with its key; without it is refused", async () => {
  const only = await platform.call("PUT", "/certificates/shop", { certificate: renewed.certificate });
  assert.equal(only.status, 422, only.text);
  assert.match(only.text, /does not belong/);
  assert.equal((await tlsSent()).certificates[0]?.certificate, shop.certificate);
  await platform.call("PUT", "/certificates/shop", { certificate: renewed.certificate, key: renewed.key });
  assert.equal((await tlsSent()).certificates[0]?.certificate, renewed.certificate);
});

test("a key may be a secret named value, which may be set later", async () => {
  await platform.call("PUT", "/named-values/other-key", { secret: true });
  const other = await testCertificate("other.example");
  const put = await platform.call("PUT", "/certificates/other", {
    certificate: other.certificate,
    key: "{{other-key}}",
    default: true,
  });
  assert.equal(put.status, 201, put.text);
  assert.match((await platform.call("GET", "/certificates/other")).text, /has no value yet/);
  assert.equal((await platform.call("DELETE", "/named-values/other-key")).status, 409);
  await platform.call("PUT", "/named-values/other-key", { secret: true, value: other.key });
  assert.deepEqual(
    (await tlsSent()).certificates.map((one) => [one.name, one.isDefault]),
    [
      ["other", true],
      ["shop", false],
    ],
  );
});

test("a deleted certificate is not delivered any more, and its key is gone", async () => {
  assert.equal((await platform.call("DELETE", "/certificates/shop")).status, 204);
  assert.deepEqual(
    (await tlsSent()).certificates.map((one) => one.name),
    ["other"],
  );
  assert.equal(
    (await sql`select 1 from secret_value where name = 'certificate/shop'`.execute(platform.database.db)).rows.length,
    0,
  );
  assert.equal((await platform.call("GET", "/certificates/shop")).status, 404);
});

test("settings: redirect, HSTS and the least version reach gateways", async () => {
  const settings = await platform.call("PATCH", "/settings", {
    tls: { redirect: { port: 443 }, hsts: { "max-age": 600, preload: true }, "min-version": "1.3" },
  });
  assert.equal(settings.status, 200, settings.text);
  const state = await tlsSent();
  assert.deepEqual([state.redirect, state.redirectPort, state.hsts], [true, 443, "max-age=600; preload"]);
  assert.equal(state.certificates[0]?.minVersion, "1.3");
});
