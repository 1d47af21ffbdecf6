import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { callerOf } from "../exchange/exchange.ts";
import type { Policy } from "../exchange/policy.ts";
import type { Reply } from "../exchange/reply.ts";
import { type TestExchange, type TestExchangeOptions, testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { createLocalCounters } from "../gateway/shared/counters.ts";
import { quota } from "./quota.ts";
import { quotaByKey } from "./quota-by-key.ts";

const dayMs = 86_400_000;
const caller = callerOf({ kind: "key", subscription: "s1" });
const start = (policy: Policy, config: unknown) => {
  const tools = testTools({ counters: createLocalCounters() });
  const { step } = buildPolicy(policy, config, tools);
  const call = (options: TestExchangeOptions = { caller }): { x: TestExchange; reply: Reply | undefined } => {
    const x = testExchange(options);
    const reply = step(x);
    assert.ok(!(reply instanceof Promise));
    return { x, reply: reply ?? undefined };
  };
  return { call, clock: tools.clock };
};

describe("403", () => {
  test("calls beyond the volume are refused until the period ends, at midnight UTC for days", () => {
    const { call, clock } = start(quota, { calls: 2, "renewal-period": "1d" });
    const untilMidnight = Math.ceil((dayMs - (clock.nowMs() % dayMs)) / 1000);
    const first = call();
    assert.equal(first.x.lateHeaders.get("ratelimit-policy"), '"quota";q=2;w=86400');
    assert.equal(first.x.lateHeaders.get("ratelimit"), `"quota";r=1;t=${untilMidnight}`);
    assert.equal(call().reply, undefined);
    const { reply } = call();
    assert.deepEqual([reply?.status, reply?.problem?.code], [403, "quota.exceeded"]);
    assert.deepEqual(reply?.headers, [["Retry-After", String(untilMidnight)]]);
    clock.advance(untilMidnight * 1000);
    assert.equal(call().reply, undefined);
  });

  test("bandwidth counts both directions when calls end; the call that passes it is the last", () => {
    const { call } = start(quota, { bandwidth: 1, "renewal-period": "1h" });
    const first = call();
    assert.equal(first.x.lateHeaders.get("ratelimit-policy"), '"quota-bandwidth";q=1024;qu="content-bytes";w=3600');
    first.x.finish({ requestBytes: 500, responseBytes: 523 });
    const second = call();
    assert.equal(second.reply, undefined);
    second.x.finish({ requestBytes: 1, responseBytes: 5000 });
    assert.equal(call().reply?.problem?.code, "quota.exceeded");
  });

  test("a lifetime quota never renews and promises nothing", () => {
    const { call, clock } = start(quota, { calls: 1, "renewal-period": 0 });
    assert.equal(call().reply, undefined);
    clock.advance(366 * dayMs);
    const { x, reply } = call();
    assert.deepEqual(reply?.headers, []);
    assert.equal(x.lateHeaders.get("ratelimit"), '"quota";r=0');
    assert.equal(x.lateHeaders.get("ratelimit-policy"), '"quota";q=1');
  });

  test("quotas of an operation apply beside the whole, and refusals there cost nothing of it", () => {
    const { call } = start(quota, {
      calls: 3,
      "renewal-period": "1d",
      api: [{ name: "orders", operation: { id: "createOrder", calls: 1 } }],
    });
    const create = { caller, route: { api: "orders", operation: "createOrder" } };
    const list = { caller, route: { api: "orders", operation: "listOrders" } };
    assert.equal(call(create).reply, undefined);
    for (let i = 0; i < 5; i++) assert.equal(call(create).reply?.status, 403);
    assert.deepEqual([call(list).reply, call(list).reply, call(list).reply?.status], [undefined, undefined, 403]);
  });

  test("by key: the key decides, and periods begin where the configuration says", () => {
    const { call, clock } = start(quotaByKey, {
      "counter-key": "=request.ip",
      calls: 1,
      "renewal-period": "1h",
      "first-period-start": "2025-01-01T00:20:00Z",
    });
    assert.equal(call({ clientIp: "10.0.0.1" }).reply, undefined);
    assert.equal(call({ clientIp: "10.0.0.2" }).reply, undefined);
    const { reply } = call({ clientIp: "10.0.0.1" });
    const seconds = Number(reply?.headers[0]?.[1]);
    assert.equal((clock.nowMs() + seconds * 1000) % 3_600_000, 20 * 60_000);
  });

  test("by key: what the condition leaves out is free, late counts are kept", () => {
    const { call } = start(quotaByKey, {
      "counter-key": "k",
      calls: 4,
      bandwidth: 100,
      "renewal-period": 0,
      "increment-condition": "=response.status < 400",
      "increment-count": 3,
    });
    for (let i = 0; i < 3; i++) call({ reply: { status: 500 } }).x.finish({ responseBytes: 1_000_000 });
    for (let i = 0; i < 2; i++) {
      const { x, reply } = call({ reply: { status: 200 } });
      assert.equal(reply, undefined);
      x.finish();
    }
    assert.equal(call().reply?.status, 403);
  });

  test("by key: an immediate count may be more than one", () => {
    const { call } = start(quotaByKey, { "counter-key": "k", calls: 5, "renewal-period": 60, "increment-count": 3 });
    assert.equal(call().reply, undefined);
    assert.equal(call().reply?.status, 403);
  });
});

test("mistakes are named with their path", () => {
  const table: readonly (readonly [Policy, unknown, RegExp])[] = [
    [quota, { "renewal-period": 60 }, /^ give `calls`, `bandwidth`/],
    [quota, { calls: 1 }, /^\.renewal-period/],
    [quota, { calls: 0, "renewal-period": 60 }, /^\.calls/],
    [quota, { calls: 1, "renewal-period": 60, api: { calls: 1 } }, /^\.api\[0\] give its/],
    [quota, { calls: 1, "renewal-period": 60, operation: { id: "a" } }, /^\.operation\[0\] give `calls`/],
    [quotaByKey, { calls: 1, "renewal-period": 60 }, /^\.counter-key/],
    [
      quotaByKey,
      { "counter-key": "k", calls: 1, "renewal-period": 60, "first-period-start": "today" },
      /^\.first-period-start/,
    ],
  ];
  for (const [policy, config, message] of table) {
    const [first] = mistakesOf(policy, config);
    assert.match(`${first?.path} ${first?.message}`, message, JSON.stringify(config));
  }
});
