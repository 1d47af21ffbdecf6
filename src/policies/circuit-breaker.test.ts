import assert from "node:assert/strict";
import { test } from "node:test";
import type { BreakerRule } from "../exchange/delivery-rules.ts";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { circuitBreaker } from "./circuit-breaker.ts";

test("its breaker is found by API and place; several stand beside each other", () => {
  const made: { name: string; rule: BreakerRule }[] = [];
  const tools = testTools({
    breaker: (name, rule) => {
      made.push({ name, rule });
      return { rule, admit: () => 1, ended: () => {}, opensForMs: 0, dispose: () => {} };
    },
  });
  const x = testExchange();
  buildPolicy(circuitBreaker, {}, tools).step(x);
  buildPolicy(circuitBreaker, { ratio: 0.5, open: "1m", statuses: [503] }, tools).step(x);
  assert.equal(x.forwarding?.breakers?.length, 2);
  assert.match(made[0]?.name ?? "", /^circuit-breaker orders apis\/orders\/policy\.yaml/);
  assert.deepEqual(
    { ...made[0]?.rule, statuses: made[0]?.rule.statuses.size },
    {
      failures: 5,
      ratio: 0,
      callsMin: 20,
      intervalMs: 10_000,
      openMs: 10_000,
      openMsMax: 300_000,
      halfOpenCalls: 1,
      statuses: 100,
      acceptsRetryAfter: false,
    },
  );
  assert.equal(made[1]?.rule.failures, 0);
  assert.equal(made[1]?.rule.openMs, 60_000);
});

test("mistakes are named with their path", () => {
  for (const [config, path] of [
    [{ failures: 0 }, ""],
    [{ failures: -1 }, ".failures"],
    [{ ratio: 2 }, ".ratio"],
    [{ open: "soon" }, ".open"],
    [{ statuses: ["all"] }, ".statuses[0]"],
    [{ "half-open-calls": 0 }, ".half-open-calls"],
    [{ nope: 1 }, ""],
  ] as const)
    assert.equal(mistakesOf(circuitBreaker, config)[0]?.path, path, JSON.stringify(config));
});
