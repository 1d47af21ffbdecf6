import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type TestExchange, testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, type TestTools, testTools } from "../exchange/testing-tools.ts";
import { createLocalCounters } from "../gateway/shared/counters.ts";
import { forwardRequest } from "./forward-request.ts";
import { limitConcurrency } from "./limit-concurrency.ts";

const withCounters = (): TestTools => testTools({ counters: createLocalCounters(), policies: [forwardRequest] });
const start = (config: object, tools: TestTools = withCounters()) => {
  const { step } = buildPolicy(limitConcurrency, { key: "k", "max-count": 2, ...config }, tools);
  return (x: TestExchange = testExchange()) => ({ x, result: step(x) });
};

describe("429", () => {
  test("without steps a place is held until the call's end", () => {
    const call = start({});
    const first = call();
    call();
    const { result } = call();
    assert.ok(result !== undefined && !(result instanceof Promise) && result);
    assert.deepEqual(
      [result.status, result.problem?.code, result.headers],
      [429, "limit.concurrency_exceeded", [["Retry-After", "1"]]],
    );
    first.x.finish();
    assert.equal(call().result, undefined);
  });

  test("around forward-request a place is held until the backend has answered", async () => {
    const call = start({ "max-count": 1, steps: [{ "forward-request": {} }] });
    let answer: () => void = () => {};
    const waiting = testExchange({
      backend: () => new Promise((resolve) => (answer = () => resolve({ status: 200, headers: [], body: null }))),
    });
    const first = call(waiting);
    assert.ok(first.result instanceof Promise);
    assert.ok(call().result);
    await new Promise((resolve) => setImmediate(resolve));
    answer();
    assert.equal(await first.result, undefined);
    const second = call();
    assert.ok(second.result instanceof Promise);
    await second.result;
  });

  test("a place is given back when the block replies, throws or rejects", async () => {
    const replying = start({ "max-count": 1, steps: [{ "refuse-test": 418 }] });
    for (let i = 0; i < 3; i++) assert.equal(Object(replying().result).status, 418);
    const failing = start({ "max-count": 1, steps: [{ "forward-request": {} }] });
    for (let i = 0; i < 3; i++) {
      const { result } = failing(testExchange({ backend: () => Promise.reject(new Error("down")) }));
      await assert.rejects(Promise.resolve(result), /down/);
    }
  });

  test("one bound for one key over all places, apart for different keys", () => {
    const tools = withCounters();
    const here = start({ key: "=request.headers.k", "max-count": 1 }, tools);
    const there = start({ key: "=request.headers.k", "max-count": 1 }, { ...tools, at: "elsewhere" });
    assert.equal(here(testExchange({ headers: { k: "a" } })).result, undefined);
    assert.ok(there(testExchange({ headers: { k: "a" } })).result);
    assert.equal(there(testExchange({ headers: { k: "b" } })).result, undefined);
  });
});

test("mistakes are named with their path", () => {
  for (const [config, path] of [
    [{ "max-count": 1 }, ".key"],
    [{ key: "k" }, ".max-count"],
    [{ key: "k", "max-count": 0 }, ".max-count"],
    [{ key: "=nope", "max-count": 1 }, ".key"],
    [{ key: "k", "max-count": 1, steps: [{ nope: 1 }] }, ".steps[0]"],
  ] as const)
    assert.equal(mistakesOf(limitConcurrency, config)[0]?.path, path, JSON.stringify(config));
});
