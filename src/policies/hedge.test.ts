import assert from "node:assert/strict";
import { test } from "node:test";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf } from "../exchange/testing-tools.ts";
import { hedge } from "./hedge.ts";

test("the rule reaches the next forward; a bare value is `after`", () => {
  const x = testExchange();
  buildPolicy(hedge, "200ms").step(x);
  assert.deepEqual(x.forwarding?.hedge, { afterMs: 200, attempts: 1, idempotent: "methods", bodyBytesMax: 65_536 });
});

test("mistakes are named with their path", () => {
  for (const [config, path] of [
    [{}, ".after"],
    [{ after: 0 }, ".after"],
    [{ after: 1, attempts: 4 }, ".attempts"],
    [{ after: 1, idempotent: true }, ".idempotent"],
    [{ after: 1, nope: 1 }, ""],
  ] as const)
    assert.equal(mistakesOf(hedge, config)[0]?.path, path, JSON.stringify(config));
});
