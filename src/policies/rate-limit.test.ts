import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { callerOf } from "../exchange/exchange.ts";
import type { Policy } from "../exchange/policy.ts";
import type { Reply } from "../exchange/reply.ts";
import { type TestExchange, type TestExchangeOptions, testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { createLocalCounters } from "../gateway/shared/counters.ts";
import { rateLimit } from "./rate-limit.ts";

const subscriber = (subscription: string) => callerOf({ kind: "key", subscription });
const start = (config: unknown, policy: Policy = rateLimit) => {
  // The real counters: what the policy promises is what they keep.
  const tools = testTools({ counters: createLocalCounters() });
  const { step } = buildPolicy(policy, config, tools);
  const call = (
    options: TestExchangeOptions = { caller: subscriber("s1") },
  ): { x: TestExchange; reply: Reply | undefined } => {
    const x = testExchange(options);
    const reply = step(x);
    assert.ok(!(reply instanceof Promise));
    return { x, reply: reply ?? undefined };
  };
  return { call, clock: tools.clock };
};

describe("429", () => {
  test("the call beyond the limit waits exactly as told, and headers say so", () => {
    const { call, clock } = start({ calls: 2, window: "60s" });
    assert.equal(call().reply, undefined);
    clock.advance(10_500);
    const second = call();
    assert.equal(second.reply, undefined);
    assert.equal(second.x.lateHeaders.get("ratelimit-policy"), '"rate-limit";q=2;w=60');
    assert.equal(second.x.lateHeaders.get("ratelimit"), '"rate-limit";r=0;t=60');
    clock.advance(500);
    const { x, reply } = call();
    assert.equal(reply?.status, 429);
    assert.equal(reply?.problem?.code, "limit.rate_exceeded");
    assert.deepEqual(reply?.headers, [["Retry-After", "49"]]);
    // draft-11: the reset references the same point in time as Retry-After.
    assert.equal(x.lateHeaders.get("ratelimit"), '"rate-limit";r=0;t=49');
    clock.advance(49_000);
    assert.equal(call().reply, undefined);
  });
  test("header and variable names are the configured ones", () => {
    const { call } = start({
      calls: 1,
      "renewal-period": 30,
      "retry-after-header-name": "X-Wait",
      "retry-after-variable-name": "wait",
      "remaining-calls-header-name": "X-Left",
      "remaining-calls-variable-name": "left",
      "total-calls-header-name": "X-Total",
    });
    const first = call();
    assert.deepEqual([first.x.lateHeaders.get("x-left"), first.x.lateHeaders.get("x-total")], ["0", "1"]);
    assert.equal(first.x.variables.get("left"), 0);
    assert.equal(first.x.variables.has("wait"), false);
    const second = call();
    assert.deepEqual(second.reply?.headers, [["X-Wait", "30"]]);
    assert.equal(second.x.variables.get("wait"), 30);
  });
});

describe("who is counted", () => {
  test("subscriptions, subjects and addresses are apart", () => {
    const { call } = start({ calls: 1, window: "1m" });
    const jwt = (subject: string, iss: string) => callerOf({ kind: "jwt", subject, claims: { iss } });
    for (const options of [
      { caller: subscriber("s1") },
      { caller: subscriber("s2") },
      { caller: jwt("s1", "a") },
      { caller: jwt("s1", "b") },
      { clientIp: "10.0.0.1" },
      { clientIp: "10.0.0.2" },
      { clientIp: "2001:db8:0:1::1" },
      { clientIp: "2001:db8:0:2::1" },
    ])
      assert.deepEqual(
        [call(options).reply?.status, call(options).reply?.status],
        [undefined, 429],
        JSON.stringify(options),
      );
  });
  test("one client cannot get round the limit with other addresses of its network or other spellings", () => {
    const { call } = start({ calls: 1, window: "1m" });
    assert.equal(call({ clientIp: "2001:db8:0:1::1" }).reply, undefined);
    for (const clientIp of ["2001:db8:0:1:ffff::9", "2001:0DB8:0000:0001:0:0:0:1"])
      assert.equal(call({ clientIp }).reply?.status, 429);
    assert.equal(call({ clientIp: "192.0.2.7" }).reply, undefined);
    assert.equal(call({ clientIp: "::ffff:192.0.2.7" }).reply?.status, 429);
  });
  test("`key` counts by something else", () => {
    const { call } = start({ calls: 1, window: "1m", key: "=request.headers['x-team']" });
    assert.equal(call({ headers: { "x-team": "a" } }).reply, undefined);
    assert.equal(call({ headers: { "x-team": "b" } }).reply, undefined);
    assert.equal(call({ headers: { "x-team": "a" } }).reply?.status, 429);
  });
});

test("nested limits of an API and an operation apply as well, and a refusal there costs nothing elsewhere", () => {
  const { call } = start({
    calls: 10,
    window: "1m",
    api: { name: "orders", calls: 3, window: "1m", operation: { id: "createOrder", calls: 1, "renewal-period": 60 } },
  });
  const create = { caller: subscriber("s1"), route: { api: "orders", operation: "createOrder" } };
  const list = { caller: subscriber("s1"), route: { api: "orders", operation: "listOrders" } };
  const other = { caller: subscriber("s1"), route: { api: "books", operation: "createOrder" } };
  const first = call(create);
  assert.equal(first.reply, undefined);
  assert.equal(
    first.x.lateHeaders.get("ratelimit-policy"),
    '"rate-limit";q=10;w=60, "rate-limit-api-orders";q=3;w=60, "rate-limit-operation-orders-createOrder";q=1;w=60',
  );
  for (let i = 0; i < 5; i++) assert.equal(call(create).reply?.status, 429);
  assert.deepEqual([call(list).reply, call(list).reply, call(list).reply?.status], [undefined, undefined, 429]);
  // 10 calls in all: 3 went to orders, so 7 are left for others, whatever was refused.
  for (let i = 0; i < 7; i++) assert.equal(call(other).reply, undefined, String(i));
  assert.equal(call(other).reply?.status, 429);
});

test("several limiting policies of one call make one list, with names that differ", () => {
  const tools = testTools({ counters: createLocalCounters() });
  const first = buildPolicy(rateLimit, { calls: 5, window: "1s" }, tools);
  const second = buildPolicy(rateLimit, { calls: 100, window: "1h" }, { ...tools, at: "portico.yaml inbound[0]" });
  const x = testExchange();
  assert.equal(first.step(x), undefined);
  assert.equal(second.step(x), undefined);
  assert.equal(x.lateHeaders.get("ratelimit-policy"), '"rate-limit";q=5;w=1, "rate-limit-2";q=100;w=3600');
  assert.equal(x.lateHeaders.get("ratelimit"), '"rate-limit";r=4;t=1, "rate-limit-2";r=99;t=3600');
});

test("a counter belongs to its place: built anew for the same place it goes on, at another it begins", () => {
  const tools = testTools({ counters: createLocalCounters() });
  const config = { calls: 1, window: "1m" };
  assert.equal(buildPolicy(rateLimit, config, tools).step(testExchange()), undefined);
  assert.ok(buildPolicy(rateLimit, config, tools).step(testExchange()));
  assert.equal(buildPolicy(rateLimit, config, { ...tools, at: "elsewhere" }).step(testExchange()), undefined);
});

test("mistakes are named with their path", () => {
  const table: readonly (readonly [unknown, RegExp])[] = [
    [{ calls: 0, window: "1m" }, /^\.calls/],
    [{ calls: 1 }, /either `window` or `renewal-period`/],
    [{ calls: 1, window: "1m", "renewal-period": 60 }, /either/],
    [{ calls: 1, "renewal-period": 301 }, /^\.renewal-period at most 300/],
    [{ calls: 1, window: "soon" }, /^\.window write a duration/],
    [{ calls: 1, window: 0 }, /^\.window a window of no time/],
    [{ calls: 1, window: 1, api: [{ calls: 1, window: 1 }] }, /^\.api\[0\] give its `name` or `id`/],
    [
      { calls: 1, window: 1, api: { name: "a", operation: { id: "o", calls: 1 } } },
      /^\.api\[0\]\.operation\[0\] give either/,
    ],
    [{ calls: 1, window: 1, key: "=nope" }, /^\.key expression 1:2: Unknown variable/],
    [{ calls: 1, window: 1, "retry-after-header-name": "a b" }, /^\.retry-after-header-name/],
  ];
  for (const [config, message] of table) {
    const [first] = mistakesOf(rateLimit, config);
    assert.match(`${first?.path} ${first?.message}`, message, JSON.stringify(config));
  }
});
