import assert from "node:assert/strict";
import { test } from "node:test";
import { type TestExchangeOptions, testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf } from "../exchange/testing-tools.ts";
import { jsonThreat } from "./json-threat.ts";
import { bodyLimit, requestSize } from "./request-size.ts";

const run = async (options: TestExchangeOptions, config: unknown = {}) => {
  const x = testExchange({ method: "POST", headers: { "content-type": "application/problem+json" }, ...options });
  const reply = await buildPolicy(jsonThreat, config).step(x);
  return { x, status: reply?.status, detail: reply?.problem?.detail };
};

test("deep, wide, doubled and broken JSON is refused; what passes keeps its bytes", async () => {
  const passed = await run({ body: '{"a": [1, {"b": null}]}' });
  assert.deepEqual([passed.status, await passed.x.request.body.text()], [undefined, '{"a": [1, {"b": null}]}']);
  assert.match((await run({ body: "[".repeat(100_000) })).detail ?? "", /nested/);
  assert.match((await run({ body: '{"role":"user","role":"admin"}' })).detail ?? "", /twice/);
  assert.equal((await run({ body: "{'a':1}" })).status, 400);
  assert.equal((await run({ body: `"${"x".repeat(100)}"` }, { "max-size": 50 })).status, 413);
  assert.equal((await run({ body: "[".repeat(100), headers: { "content-type": "text/plain" } })).status, undefined);
});

test("limits that are none are refused", () => {
  assert.match(mistakesOf(jsonThreat, { "max-depth": 0 })[0]?.path ?? "", /^\.max-depth/);
});

test("a body over the limit is refused, declared or not; one at the limit passes whole", async () => {
  async function* chunks() {
    yield new Uint8Array(6);
    yield new Uint8Array(5);
  }
  for (const policy of [requestSize, bodyLimit]) {
    const { step } = buildPolicy(policy, { "max-size": 10 });
    for (const [body, want] of [
      ["0123456789", undefined],
      ["01234567890", 413],
      [null, undefined],
      [chunks(), 413],
    ] as const)
      assert.equal((await step(testExchange({ body })))?.status, want);
  }
  assert.match(mistakesOf(requestSize, { "max-size": -1 })[0]?.path ?? "", /^\.max-size/);
});
