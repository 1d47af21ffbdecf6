import assert from "node:assert/strict";
import { test } from "node:test";
import { type TestExchange, testExchange, textOf } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { jsonp } from "./jsonp.ts";

const run = async (
  path: string,
  more: { method?: string; type?: string; body?: string } = {},
): Promise<TestExchange> => {
  const headers = { "content-type": more.type ?? "application/json" };
  const x = testExchange({ path, method: more.method ?? "GET", reply: { headers, body: more.body ?? '{"a":1}' } });
  await buildPolicy(jsonp, { "callback-parameter-name": "cb" }, testTools({ section: "outbound" })).step(x);
  return x;
};
const body = (x: TestExchange): Promise<string> => textOf(x.reply?.body.content ?? null);

test("JSON becomes a call of the named function", async () => {
  const x = await run("/?cb=jQuery17_1.done[2]");
  assert.equal(await body(x), '/**/jQuery17_1.done[2]({"a":1});');
  assert.equal(x.reply?.headers.get("content-type"), "application/javascript; charset=utf-8");
  assert.equal(x.lateHeaders.get("x-content-type-options"), "nosniff");
  assert.equal(await body(await run("/?cb=f", { body: '"\u2028"' })), '/**/f("\\u2028");');
});

test("no callback, no JSON, no GET, and names that are none leave the reply alone", async () => {
  for (const x of [
    await run("/"),
    await run("/?cb=f", { type: "text/html" }),
    await run("/?cb=f", { method: "POST" }),
    await run("/?cb=alert(1)//"),
    await run("/?cb=a;b"),
    await run(`/?cb=${"a".repeat(200)}`),
  ])
    assert.equal(await body(x), '{"a":1}');
});

test("mistakes are named with their path", () => {
  assert.equal(mistakesOf(jsonp, {})[0]?.path, ".callback-parameter-name");
});
