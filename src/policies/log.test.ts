import assert from "node:assert/strict";
import { test } from "node:test";
import { callerOf } from "../exchange/exchange.ts";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { logPolicy } from "./log.ts";

const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJyb290In0.c2lnbmF0dXJl";
const line = (config: unknown): Readonly<Record<string, unknown>> => {
  const tools = testTools();
  const x = testExchange({
    headers: {
      authorization: `Bearer ${jwt}`,
      cookie: "s=1",
      note: `see ${jwt} and ptk_AbCdEfGhIjKl`,
      long: "x".repeat(5000),
    },
    caller: callerOf({
      kind: "jwt",
      organization: "acme",
      claims: { name: "Ann", access_token: "t", nested: { password: "p", ok: 1 } },
    }),
  });
  assert.equal(buildPolicy(logPolicy, config, tools).step(x), undefined);
  return tools.lines[0] ?? assert.fail("no line");
};

test("a line tells where it comes from, its level and its fields", () => {
  const { time, ...rest } = line({
    message: "='by ' + caller.organization",
    level: "warn",
    fields: { n: "=1 + 1", text: "t", list: [1, "a"] },
  });
  assert.ok(time);
  assert.deepEqual(rest, {
    level: "warn",
    message: "by acme",
    requestId: "test-1",
    api: "orders",
    operation: "listOrders",
    fields: { n: 2, text: "t", list: [1, "a"] },
  });
  assert.equal(line({ message: "m" }).level, "info");
});

test("secrets are not written, by name and by look, at any depth", () => {
  const text = JSON.stringify(
    line({
      message: "='auth: ' + request.headers.authorization",
      fields: {
        authorization: "=request.headers.authorization",
        "x-api-key": "=request.headers.note",
        claims: "=caller.claims",
        note: "=request.headers.note",
        cookies: "=request.headers.cookie",
        headers: "={'a': request.headers.authorization}",
      },
    }),
  );
  for (const secret of [jwt, "s=1", "ptk_Ab", '"p"', '"t"']) assert.ok(!text.includes(secret), `${secret} in ${text}`);
  assert.match(text, /"name":"Ann"/);
  assert.match(text, /"ok":1/);
});

test("long texts are cut, and a failing expression goes by the policy's rule: the call goes on", () => {
  assert.ok(String(Object(line({ message: "m", fields: { v: "=request.headers.long" } }).fields).v).length < 2100);
  assert.equal(logPolicy.onFault, "continue");
  assert.throws(() => line({ message: "=request.headers.nope" }));
});

test("mistakes are named with their path", () => {
  for (const [config, path] of [
    [{}, ".message"],
    [{ message: "m", level: "loud" }, ".level"],
    [{ message: "m", fields: { a: "=nope" } }, ".fields.a"],
    [{ message: "m", fields: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`f${i}`, 1])) }, ".fields"],
  ] as const)
    assert.equal(mistakesOf(logPolicy, config)[0]?.path, path);
});
