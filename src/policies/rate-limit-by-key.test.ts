import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Reply } from "../exchange/reply.ts";
import { type TestExchange, type TestExchangeOptions, testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, type TestTools, testTools } from "../exchange/testing-tools.ts";
import { createLocalCounters } from "../gateway/shared/counters.ts";
import { rateLimitByKey } from "./rate-limit-by-key.ts";

const withCounters = () => testTools({ counters: createLocalCounters() });
const start = (config: Record<string, unknown>, tools: TestTools = withCounters()) => {
  const { step } = buildPolicy(rateLimitByKey, { "counter-key": "k", ...config }, tools);
  return (options: TestExchangeOptions = {}): { x: TestExchange; reply: Reply | undefined } => {
    const x = testExchange(options);
    const reply = step(x);
    assert.ok(!(reply instanceof Promise));
    return { x, reply: reply ?? undefined };
  };
};

describe("429", () => {
  test("the key decides; Retry-After tells the wait", () => {
    const call = start({ "counter-key": "=request.ip", calls: 1, "renewal-period": 60 });
    assert.equal(call({ clientIp: "10.0.0.1" }).reply, undefined);
    assert.equal(call({ clientIp: "10.0.0.2" }).reply, undefined);
    const { reply, x } = call({ clientIp: "10.0.0.1" });
    assert.equal(reply?.problem?.code, "limit.rate_exceeded");
    assert.deepEqual(reply?.headers, [["Retry-After", "60"]]);
    assert.equal(x.lateHeaders.get("ratelimit-policy"), '"rate-limit-by-key";q=1;w=60');
  });
  test("one counter per key over all places", () => {
    const tools = withCounters();
    const here = start({ calls: 1, window: "1m" }, tools);
    const there = start({ calls: 1, window: "1m" }, { ...tools, at: "portico.yaml inbound[3]" });
    assert.equal(here().reply, undefined);
    assert.equal(there().reply?.status, 429);
  });
  test("calls and window may be expressions; the counter is one", () => {
    const call = start({ calls: "=int(request.headers.limit)", window: "=request.headers.window" });
    const ask = (limit: string) => call({ headers: { limit, window: "60" } });
    assert.equal(ask("1").reply, undefined);
    assert.equal(ask("1").reply?.status, 429);
    assert.equal(ask("2").reply, undefined);
    assert.equal(ask("2").reply?.status, 429);
    assert.throws(() => ask("0"), /gave no limit/);
  });
  test("increment-count takes more than one", () => {
    const call = start({ calls: 10, window: "1m", "increment-count": "=int(request.headers.cost)" });
    assert.equal(call({ headers: { cost: "7" } }).reply, undefined);
    assert.equal(call({ headers: { cost: "4" } }).reply?.status, 429);
    assert.equal(call({ headers: { cost: "3" } }).reply, undefined);
    assert.throws(() => call({ headers: { cost: "-1" } }), /increment-count gave -1/);
  });
});

describe("counted after the reply", () => {
  const failed = { reply: { status: 401 } };
  test("only what the condition names counts", () => {
    const call = start({ calls: 2, window: "1m", "increment-condition": "=response.status == 401" });
    for (let i = 0; i < 5; i++) {
      const { x, reply } = call({ reply: { status: 200 } });
      assert.equal(reply, undefined);
      x.finish();
    }
    for (let i = 0; i < 2; i++) {
      const { x, reply } = call(failed);
      assert.equal(reply, undefined);
      x.finish();
    }
    assert.equal(call(failed).reply?.status, 429);
  });
  test("increment-after-response counts what ended", () => {
    const call = start({ calls: 1, window: "1m", "increment-after-response": true });
    const first = call();
    assert.equal(call().reply, undefined);
    first.x.finish();
    assert.equal(call().reply?.status, 429);
  });
  test("a cost beyond what is left uses it up instead of being lost", () => {
    const call = start({ calls: 10, window: "1m", "increment-after-response": true, "increment-count": 7 });
    for (let i = 0; i < 2; i++) call().x.finish();
    assert.equal(call().reply?.status, 429);
  });
  test("a failing condition counts, and the log says so", () => {
    const tools = withCounters();
    const call = start({ calls: 1, window: "1m", "increment-condition": "=response.headers['x'] == ''" }, tools);
    call({ reply: {} }).x.finish();
    assert.equal(call().reply?.status, 429);
    assert.match(JSON.stringify(tools.lines), /could not tell/);
  });
});

test("mistakes are named with their path", () => {
  const table: readonly (readonly [unknown, RegExp])[] = [
    [{ calls: 1, window: 1 }, /^\.counter-key/],
    [{ "counter-key": "k", calls: 0, window: 1 }, /^\.calls a whole number/],
    [{ "counter-key": "k", calls: "=caller.plan", window: 1 }, /^\.calls .*number is needed/],
    [{ "counter-key": "k", calls: 1 }, /give either/],
    [{ "counter-key": "k", calls: 1, "renewal-period": 301 }, /^\.renewal-period a duration of at most/],
    [{ "counter-key": "k", calls: 1, window: "soon" }, /^\.window a duration/],
    [{ "counter-key": "k", calls: 1, window: 1, "increment-count": -1 }, /^\.increment-count/],
    [{ "counter-key": "k", calls: 1, window: 1, "increment-condition": "=1" }, /^\.increment-condition .*bool/],
  ];
  for (const [config, message] of table) {
    const [first] = mistakesOf(rateLimitByKey, config);
    assert.match(`${first?.path} ${first?.message}`, message, JSON.stringify(config));
  }
});
