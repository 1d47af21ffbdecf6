import assert from "node:assert/strict";
import { test } from "node:test";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf } from "../exchange/testing-tools.ts";
import { setQueryParameter } from "./set-query-parameter.ts";

const run = (config: unknown): string => {
  const x = testExchange({ path: "/?a=1&b=%20x&a=2" });
  assert.equal(buildPolicy(setQueryParameter, config).step(x), undefined);
  return x.request.upstreamQuery;
};

test("the four actions; other parameters keep their bytes", () => {
  assert.equal(run({ name: "a", value: "x&y" }), "b=%20x&a=x%26y");
  assert.equal(run({ name: "a", value: ["x", "=request.query.b"] }), "b=%20x&a=x&a=%20x");
  assert.equal(run({ name: "a", "exists-action": "skip", value: "x" }), "a=1&b=%20x&a=2");
  assert.equal(run({ name: "n", "exists-action": "skip", value: "x" }), "a=1&b=%20x&a=2&n=x");
  assert.equal(run({ name: "a", "exists-action": "append", value: "3" }), "b=%20x&a=1&a=2&a=3");
  assert.equal(run({ name: "a", "exists-action": "delete" }), "b=%20x");
  assert.equal(run({ name: "='n'", value: 1 }), "a=1&b=%20x&a=2&n=1");
});

test("mistakes are named with their path", () => {
  for (const [config, path] of [
    [{ value: "x" }, ".name"],
    [{ name: "a" }, ".value"],
    [{ name: "a", "exists-action": "delete", value: "x" }, ".value"],
    [{ name: "a", "exists-action": "nope", value: "x" }, ".exists-action"],
    [{ name: "a", value: "=nope" }, ".value[0]"],
  ] as const)
    assert.equal(mistakesOf(setQueryParameter, config)[0]?.path, path, JSON.stringify(config));
});
