import assert from "node:assert/strict";
import { test } from "node:test";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { mirror } from "./mirror.ts";

test("the rule reaches the next forward, beside others; a share of nothing copies nothing", () => {
  const tools = testTools({ target: { backends: ["next", "audit"] } });
  const x = testExchange();
  buildPolicy(mirror, "next", tools).step(x);
  buildPolicy(mirror, { to: "audit", "body-max": 0, "running-max": 1, timeout: 1 }, tools).step(x);
  buildPolicy(mirror, { to: "audit", percent: 0 }, tools).step(x);
  assert.deepEqual(x.forwarding?.mirrors, [
    { backend: "next", bodyBytesMax: 65_536, runningMax: 100, timeoutMs: 30_000 },
    { backend: "audit", bodyBytesMax: 0, runningMax: 1, timeoutMs: 1_000 },
  ]);
});

test("mistakes are named with their path", () => {
  for (const [config, path] of [
    [{}, ".to"],
    [{ to: "nowhere" }, ".to"],
    [{ to: "main", percent: 101 }, ".percent"],
    [{ to: "main", "running-max": 0 }, ".running-max"],
    [{ to: "main", nope: 1 }, ""],
  ] as const)
    assert.equal(mistakesOf(mirror, config)[0]?.path, path, JSON.stringify(config));
});
