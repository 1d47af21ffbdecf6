import assert from "node:assert/strict";
import { test } from "node:test";
import type { Section } from "../exchange/policy.ts";
import { testContract } from "../exchange/testing-contract.ts";
import { type TestExchangeOptions, testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { validateContent } from "./validate-content.ts";

const contract = testContract(
  {
    "/o": {
      post: {
        operationId: "o",
        requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/Whole" } } } },
        responses: {
          200: { description: "ok", content: { "application/*": { schema: { type: "object", required: ["ok"] } } } },
        },
      },
    },
  },
  {
    Base: { type: "object", required: ["name"], properties: { name: { type: "string" } } },
    Whole: { allOf: [{ $ref: "#/components/schemas/Base" }, { properties: { size: { type: "integer" } } }] },
    Closed: { type: "object", properties: { a: {} }, additionalProperties: false },
  },
);

const json = { type: "application/json", "validate-as": "json", action: "prevent" };
const config = (more: object = {}, entry: object = {}) => ({
  "unspecified-content-type-action": "prevent",
  "max-size": 1000,
  "size-exceeded-action": "prevent",
  content: [{ ...json, ...entry }],
  ...more,
});

const run = async (options: TestExchangeOptions, given: unknown = config(), section: Section = "inbound") => {
  const x = testExchange({
    method: "POST",
    headers: { "content-type": "application/json; charset=utf-8" },
    ...options,
    route: { operation: "o" },
  });
  const reply = await buildPolicy(
    validateContent,
    given,
    testTools({ contract, section, target: { operation: "" } }),
  ).step(x);
  return { x, status: reply?.status, code: reply?.problem?.code, errors: reply?.problem?.errors };
};

test("prevent refuses with 400 and pointers, detect tells, ignore does not look", async () => {
  const body = '{"name":1}';
  const prevented = await run({ body });
  assert.deepEqual([prevented.status, prevented.code], [400, "request.content_invalid"]);
  assert.deepEqual(prevented.errors, [{ in: "body", pointer: "/name", detail: "must be string" }]);
  const detected = await run({ body }, config({ "errors-variable-name": "v" }, { action: "detect" }));
  assert.equal(detected.status, undefined);
  assert.equal((detected.x.variables.get("v") as unknown[]).length, 1);
  const ignored = await run({ body }, config({ "errors-variable-name": "v" }, { action: "ignore" }));
  assert.deepEqual([ignored.status, ignored.x.variables.has("v")], [undefined, false]);
});

test("media types and sizes have actions of their own", async () => {
  const other = { headers: { "content-type": "text/plain" }, body: "x" };
  assert.equal((await run(other)).status, 415);
  assert.equal((await run(other, config({ "unspecified-content-type-action": "detect" }))).status, undefined);
  const large = { body: `{"name":"${"x".repeat(2000)}"}` };
  assert.equal((await run(large)).status, 413);
  assert.equal((await run(large, config({ "size-exceeded-action": "ignore" }))).status, undefined);
  const map = { "any-content-type-value": "application/json" };
  assert.equal((await run(other, config({ "content-type-map": map }))).status, 400);
  const missing = { headers: {}, body: "{}" };
  assert.equal(
    (await run(missing, config({ "content-type-map": { "missing-content-type-value": "application/json" } }))).status,
    400,
  );
  const renamed = { headers: { "content-type": "text/x-json" }, body: '{"name":"a"}' };
  assert.equal(
    (await run(renamed, config({ "content-type-map": { type: { from: "text/x-json", to: "application/json" } } })))
      .status,
    undefined,
  );
});

test("further properties and the case of names are overridden where asked, also through allOf", async () => {
  const extra = { body: '{"name":"a","size":1,"more":1}' };
  assert.equal((await run(extra)).status, undefined);
  assert.deepEqual((await run(extra, config({}, { "allow-additional-properties": false }))).errors, [
    { in: "body", pointer: "/more", detail: "is not a property that is allowed here" },
  ]);
  assert.equal(
    (await run({ body: '{"name":"a","size":1}' }, config({}, { "allow-additional-properties": false }))).status,
    undefined,
  );
  const closed = { body: '{"b":1}' };
  assert.equal((await run(closed, config({}, { "schema-id": "Closed" }))).status, 400);
  assert.equal(
    (await run(closed, config({}, { "schema-id": "Closed", "allow-additional-properties": true }))).status,
    undefined,
  );
  const upper = { body: '{"NAME":"a"}' };
  assert.equal((await run(upper)).status, 400);
  assert.equal((await run(upper, config({}, { "case-insensitive-property-names": true }))).status, undefined);
});

test("of a reply nothing is said to the caller but 502", async () => {
  const reply = { body: "{}", headers: { "content-type": "application/json" } };
  const refused = await run({ reply }, config(), "outbound");
  assert.deepEqual([refused.status, refused.code, refused.errors], [502, "backend.reply_unexpected", undefined]);
  assert.equal((await run({ reply: { ...reply, body: '{"ok":1}' } }, config(), "outbound")).status, undefined);
});

test("mistakes are named with their path", () => {
  const table: readonly (readonly [unknown, RegExp])[] = [
    [config({}, { "validate-as": "xml" }), /^\.content\[0\]\.validate-as `xml` needs XML Schema/],
    [config({}, { "validate-as": "soap" }), /^\.content\[0\]\.validate-as/],
    [config({}, { "schema-id": "A", "schema-ref": "#/a" }), /^\.content\[0\]\.schema-ref/],
    [config({ "max-size": 0 }), /^\.max-size/],
    [config({ "size-exceeded-action": "warn" }), /^\.size-exceeded-action/],
    [{}, /^\.unspecified-content-type-action/],
  ];
  for (const [given, why] of table) {
    const [first] = mistakesOf(validateContent, given);
    assert.match(`${first?.path} ${first?.message}`, why);
  }
});
