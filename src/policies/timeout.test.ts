import assert from "node:assert/strict";
import { test } from "node:test";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf } from "../exchange/testing-tools.ts";
import { timeout } from "./timeout.ts";

test("both times reach the next forward; a bare value is the total", () => {
  const x = testExchange();
  buildPolicy(timeout, { total: 3, try: "500ms" }).step(x);
  assert.deepEqual(x.forwarding, { totalTimeoutMs: 3_000, tryTimeoutMs: 500 });
  const bare = testExchange();
  buildPolicy(timeout, "10s").step(bare);
  assert.deepEqual(bare.forwarding, { totalTimeoutMs: 10_000 });
});

test("mistakes are named with their path", () => {
  for (const [config, path] of [
    [{}, ""],
    [{ total: "soon" }, ".total"],
    [{ total: 0 }, ".total"],
    [{ try: 0 }, ".try"],
    [{ total: 1, try: 2 }, ".try"],
    [{ connect: 1 }, ""],
  ] as const)
    assert.equal(mistakesOf(timeout, config)[0]?.path, path, JSON.stringify(config));
});
