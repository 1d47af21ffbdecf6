import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import type { ReplyBody } from "../exchange/reply.ts";
import { testContract } from "../exchange/testing-contract.ts";
import { type TestExchange, type TestExchangeOptions, testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, type TestTools, testTools } from "../exchange/testing-tools.ts";
import { validateRequest } from "./validate-request.ts";

const order = {
  type: "object",
  required: ["id", "name"],
  properties: {
    id: { type: "string", readOnly: true },
    name: { type: "string", pattern: "^(a+)+$" },
    parts: { type: "array", uniqueItems: true, items: { $ref: "#/components/schemas/Order" } },
  },
};
const contract = testContract(
  {
    "/orders/{n}": {
      post: {
        operationId: "create",
        parameters: [
          { name: "n", in: "path", required: true, schema: { type: "integer" } },
          {
            name: "tags",
            in: "query",
            required: true,
            schema: { type: "array", maxItems: 2, items: { enum: ["a", "b"] } },
          },
        ],
        requestBody: {
          required: true,
          content: {
            "application/json": { schema: { $ref: "#/components/schemas/Order" } },
            "application/x-www-form-urlencoded": { schema: { type: "object", properties: { n: { type: "integer" } } } },
          },
        },
        responses: { 200: { description: "ok" } },
      },
    },
  },
  { Order: order },
);
const route = { operation: "create", pathTemplate: "/orders/{n}" };
const target = { operation: "" };

const run = async (
  options: TestExchangeOptions,
  config: unknown = {},
  tools: TestTools = testTools({ contract, target }),
) => {
  const x = testExchange({
    method: "POST",
    path: "/orders/7?tags=a",
    params: { n: "7" },
    headers: { "content-type": "application/json" },
    body: '{"name":"a"}',
    ...options,
    route,
  });
  const reply = await buildPolicy(validateRequest, config, tools).step(x);
  return { x, status: reply?.status, code: reply?.problem?.code, errors: reply?.problem?.errors };
};
const bodyOf = (x: TestExchange) => x.request.body.text();

test("a request that is what the document says goes on with the same bytes", async () => {
  const body = '{ "name" :"aa",  "parts":[{"name":"a"}] }';
  const { x, status } = await run({ body });
  assert.equal(status, undefined);
  assert.equal(await bodyOf(x), body);
  const coded = gzipSync(body);
  const packed = await run({
    body: coded,
    headers: { "content-type": "application/json", "content-encoding": "gzip" },
  });
  assert.equal(packed.status, undefined);
  assert.deepEqual(packed.x.request.body.content, coded);
});

test("parameters that are missing or not valid are refused with 400, each by its name and pointer", async () => {
  assert.deepEqual((await run({ path: "/orders/x?tags=a&tags=c", params: { n: "x" } })).errors, [
    { in: "path", name: "n", pointer: "", detail: "must be integer" },
    { in: "query", name: "tags", pointer: "/1", detail: "must be equal to one of the allowed values" },
  ]);
  const missing = await run({ path: "/orders/7" });
  assert.deepEqual([missing.status, missing.code], [400, "request.parameters_invalid"]);
  assert.deepEqual(missing.errors, [{ in: "query", name: "tags", pointer: "", detail: "is required" }]);
});

test("an unknown query parameter passes, or is refused where the policy says so", async () => {
  const path = "/orders/7?tags=a&tgas=b";
  assert.equal((await run({ path })).status, undefined);
  const refused = await run({ path }, { "unknown-query-parameters": "refuse" });
  assert.deepEqual(refused.errors, [
    { in: "query", name: "tgas", pointer: "", detail: "is not a parameter of the operation" },
  ]);
});

test("a body that is missing, no JSON or not valid is refused with 422 and pointers, never with its values", async () => {
  const table: readonly (readonly [ReplyBody, readonly unknown[]])[] = [
    [null, [{ in: "body", pointer: "", detail: "is required" }]],
    ['{"name":"secret', [{ in: "body", pointer: "", detail: "is not JSON in UTF-8" }]],
    [new Uint8Array([0x22, 0xff, 0x22]), [{ in: "body", pointer: "", detail: "is not JSON in UTF-8" }]],
    ["{}", [{ in: "body", pointer: "", detail: "must have required property 'name'" }]],
    [
      '{"name":"a","parts":[{"name":"a"},{"name":"a"},{"name":4711}]}',
      [
        { in: "body", pointer: "/parts/2/name", detail: "must be string" },
        { in: "body", pointer: "/parts", detail: "must NOT have duplicate items" },
      ],
    ],
  ];
  for (const [body, errors] of table) {
    const refused = await run({ body });
    assert.deepEqual([refused.status, refused.code], [422, "request.content_invalid"], String(body));
    assert.deepEqual(
      [...(refused.errors ?? [])].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? 1 : -1)),
      [...errors].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? 1 : -1)),
    );
    assert.ok(!JSON.stringify(refused.errors).match(/secret|4711/));
  }
});

test("a media type that the document does not have is refused with 415, a larger body with 413", async () => {
  const other = await run({ headers: { "content-type": "text/csv" } });
  assert.deepEqual([other.status, other.code], [415, "request.media_type_unsupported"]);
  const large = await run({ body: `{"name":"${"a".repeat(100)}"}` }, { "max-size": 50 });
  assert.deepEqual([large.status, large.code], [413, "request.body_too_large"]);
});

test("forms are checked by what their texts stand for", async () => {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  assert.equal((await run({ headers, body: "n=7" })).status, undefined);
  assert.deepEqual((await run({ headers, body: "n=x" })).errors, [
    { in: "body", pointer: "/n", detail: "must be integer" },
  ]);
});

test("detect lets pass and tells in log, variable and metric; a larger body of unknown length is not held and passes whole", async () => {
  const tools = testTools({ contract, target });
  const { x, status } = await run({ body: "{}" }, { mode: "detect", "errors-variable-name": "found" }, tools);
  assert.equal(status, undefined);
  assert.deepEqual(x.variables.get("found"), [
    { in: "body", pointer: "", detail: "must have required property 'name'" },
  ]);
  assert.equal(tools.lines.length, 1);
  assert.deepEqual(tools.measured[0]?.labels, {
    api: "orders",
    operation: "create",
    policy: "validate-request",
    in: "body",
  });
  async function* chunks() {
    for (let index = 0; index < 10; index++) yield new TextEncoder().encode("0123456789");
  }
  const long = await run({ body: chunks() }, { mode: "detect", "max-size": 25 });
  assert.equal(await bodyOf(long.x), "0123456789".repeat(10));
});

test("mistakes are named when configured: attributes, and schemas that cannot be checked", () => {
  assert.match(mistakesOf(validateRequest, { mode: "warn" })[0]?.path ?? "", /^\.mode/);
  const bad = testContract({
    "/": {
      get: {
        operationId: "a",
        parameters: [{ name: "q", in: "query", schema: { type: "string", pattern: "(a)\\1" } }],
        responses: { 200: { description: "ok" } },
      },
    },
  });
  assert.match(
    mistakesOf(validateRequest, {}, testTools({ contract: bad, target }))[0]?.message ?? "",
    /operation "a" cannot be used: .*back references/,
  );
});

test("without a contract of the operation the call is denied", async () => {
  await assert.rejects(async () => run({}, {}, testTools({ target })), /no contract/);
});

test("a large API compiles an operation at its first call, and serves it from then on at once", async () => {
  const paths = Object.fromEntries(
    Array.from({ length: 300 }, (_, index) => [
      `/p${index}`,
      {
        post: {
          operationId: `p${index}`,
          requestBody: { content: { "application/json": { schema: { type: "object", required: [`f${index}`] } } } },
          responses: { 200: { description: "ok" } },
        },
      },
    ]),
  );
  const { step } = buildPolicy(validateRequest, {}, testTools({ contract: testContract(paths), target }));
  for (const turn of [1, 2]) {
    const x = testExchange({
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
      route: { operation: "p7" },
    });
    const reply = await step(x);
    assert.equal(reply?.status, 422, String(turn));
  }
});
