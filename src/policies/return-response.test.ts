import assert from "node:assert/strict";
import { test } from "node:test";
import { heldResponse } from "../exchange/held-response.ts";
import type { Reply } from "../exchange/reply.ts";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { returnResponse } from "./return-response.ts";

const run = (config: unknown): Reply => {
  const reply = buildPolicy(returnResponse, config).step(testExchange({ path: "/a?b=1", headers: { n: "5" } }));
  assert.ok(reply !== undefined && !(reply instanceof Promise));
  return reply ?? assert.fail("no reply");
};

test("silence is an empty 200", () => {
  assert.deepEqual(run({}), { status: 200, headers: [], body: null });
});

test("status, headers and body, literal and computed", () => {
  assert.deepEqual(
    run({
      "set-status": { code: "=200 + int(request.headers.n) * 10", reason: "=request.method" },
      "set-header": [
        { name: "a", value: ["1", "2"] },
        { name: "a", "exists-action": "append", value: "=request.path" },
        { name: "gone", value: "x" },
        { name: "gone", "exists-action": "delete" },
      ],
      "set-body": "=request.query.b + '!'",
    }),
    {
      status: 250,
      reason: "GET",
      headers: [
        ["a", "1"],
        ["a", "2"],
        ["a", "/a"],
        ["content-type", "text/plain; charset=utf-8"],
      ],
      body: "1!",
    },
  );
});

test("JSON bodies say so unless the configuration says something else; 204 and 304 have none", () => {
  assert.deepEqual(run({ "set-body": { a: 1 } }), {
    status: 200,
    headers: [["content-type", "application/json"]],
    body: '{"a":1}',
  });
  assert.equal(run({ "set-body": { value: "x" } }).body, "x");
  assert.equal(run({ "set-body": { value: { a: 1 }, b: 2 } }).body, '{"value":{"a":1},"b":2}');
  const typed = run({ "set-header": { name: "Content-Type", value: "text/html" }, "set-body": "<p>" });
  assert.deepEqual(typed.headers, [["Content-Type", "text/html"]]);
  for (const status of [204, 304])
    assert.deepEqual(run({ "set-status": status, "set-body": "x" }), { status, headers: [], body: null });
});

test("mistakes are named with their path", () => {
  const table: readonly (readonly [unknown, RegExp])[] = [
    [{ "set-status": 99 }, /^\.set-status a whole number/],
    [{ "set-status": { code: 700 } }, /^\.set-status\.code/],
    [{ "set-status": { code: 200, reason: "a\nb" } }, /^\.set-status\.reason/],
    [
      {
        "set-header": [
          { name: "a", value: "x" },
          { name: "Content-Length", value: "1" },
        ],
      },
      /^\.set-header\[1\]\.name/,
    ],
    [{ "set-header": { name: "a" } }, /^\.set-header\[0\]\.value/],
    [{ "set-body": "=nope" }, /^\.set-body expression/],
  ];
  for (const [config, message] of table) {
    const [first] = mistakesOf(returnResponse, config);
    assert.match(`${first?.path} ${first?.message}`, message, JSON.stringify(config));
  }
});

test("the answer of send-request can be the reply, with its fields changed", async () => {
  const held = heldResponse({
    status: 418,
    headers: new Map([
      ["content-type", "text/plain"],
      ["x-a", "1"],
      ["content-length", "3"],
      ["set-cookie", "a=b"],
    ]),
    body: Buffer.from("tea"),
  });
  const x = testExchange({ variables: { held, other: { status: 200 } } });
  const config = { "response-variable-name": "held", "set-header": { name: "x-b", value: "2" } };
  const reply = await buildPolicy(returnResponse, config, testTools()).step(x);
  assert.ok(reply);
  assert.equal(reply.status, 418);
  assert.deepEqual(Object.fromEntries(reply.headers), { "content-type": "text/plain", "x-a": "1", "x-b": "2" });
  assert.equal(Buffer.from(reply.body as Uint8Array).toString(), "tea");
  const changed = { "response-variable-name": "held", "set-status": 200, "set-body": "coffee" };
  const second = await buildPolicy(returnResponse, changed, testTools()).step(x);
  assert.deepEqual([second?.status, second?.body], [200, "coffee"]);
  for (const name of ["other", "none"])
    assert.throws(
      () => buildPolicy(returnResponse, { "response-variable-name": name }, testTools()).step(x),
      /holds no answer/,
    );
});
