import assert from "node:assert/strict";
import { test } from "node:test";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { failover } from "./failover.ts";

test("one backend or several; silence means the defaults", () => {
  const x = testExchange();
  buildPolicy(failover, "west", testTools({ target: { backends: ["main", "west"] } })).step(x);
  assert.deepEqual(x.forwarding?.failover, {
    backends: ["west"],
    on: new Set(["connect", "reset", "timeout", "overloaded"]),
    statuses: new Set([502, 503, 504]),
    idempotent: "methods",
    bodyBytesMax: 65_536,
  });
});

test("mistakes are named with their path", () => {
  for (const [config, path] of [
    [{}, ".to"],
    [{ to: "nowhere" }, ".to"],
    [{ to: ["main", "nowhere"] }, ".to[1]"],
    [{ to: "main", on: ["rain"] }, ".on[0]"],
    [{ to: "main", statuses: [] }, ".statuses"],
    [{ to: "main", nope: 1 }, ""],
  ] as const)
    assert.equal(mistakesOf(failover, config)[0]?.path, path, JSON.stringify(config));
});
