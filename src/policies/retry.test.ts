import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { forwardRequest } from "./forward-request.ts";
import { retry } from "./retry.ts";

const inBackend = () => testTools({ section: "backend", policies: [forwardRequest] });
const block = (more: object = {}) => ({
  condition: "=response.status == 0 || response.status >= 500",
  count: 3,
  interval: "1ms",
  steps: [{ "forward-request": {} }],
  ...more,
});
const answering = (...statuses: readonly (number | Error)[]) => {
  let turn = 0;
  return testExchange({
    backend: () => {
      const status = statuses[Math.min(turn++, statuses.length - 1)] ?? 200;
      if (status instanceof Error) throw status;
      return { status, headers: [], body: null };
    },
  });
};
const run = async (config: object, x: ReturnType<typeof testExchange>) =>
  buildPolicy(retry, config, inBackend()).step(x);

describe("as a block", () => {
  test("runs once, and again while the condition holds", async () => {
    const x = answering(500, 503, 200);
    await run(block(), x);
    assert.equal(x.forwarded.length, 3);
    assert.equal(x.reply?.status, 200);
  });

  test("ends after count repetitions with what the last one brought", async () => {
    const x = answering(500);
    await run(block({ count: 2 }), x);
    assert.equal(x.forwarded.length, 3);
    assert.equal(x.reply?.status, 500);
  });

  test("a backend that does not answer is asked again where the condition says so, and its failure stands at last", async () => {
    const down = new Error("down");
    const x = answering(down, 200);
    await run(block(), x);
    assert.equal(x.forwarded.length, 2);
    await assert.rejects(async () => run(block({ count: 1 }), answering(down)), /down/);
    const once = answering(down, 200);
    await assert.rejects(async () => run(block({ condition: "=response.status >= 500" }), once), /down/);
    assert.equal(once.forwarded.length, 1);
  });

  test("a reply of a step ends it", async () => {
    const x = answering(200);
    const result = await run(block({ condition: true, steps: [{ "refuse-test": 418 }] }), x);
    assert.equal(Object(result).status, 418);
  });

  test("a wait ends with the exchange", async () => {
    const x = answering(500);
    const running = run(block({ interval: 300 }), x);
    await new Promise((resolve) => setImmediate(resolve));
    x.finish();
    await running;
    assert.equal(x.forwarded.length, 1);
  });
});

describe("as a rule", () => {
  test("silence means the defaults; what policies before it asked stays", () => {
    const x = testExchange();
    x.forwarding = { totalTimeoutMs: 5 };
    buildPolicy(retry, {}, inBackend()).step(x);
    const { budget, ...rest } = x.forwarding;
    assert.ok(budget);
    assert.deepEqual(rest, {
      totalTimeoutMs: 5,
      retry: {
        attempts: 2,
        on: new Set(["connect", "reset"]),
        statuses: new Set([502, 503, 504]),
        idempotent: "methods",
        backoffMs: 50,
        backoffMsMax: 1_000,
        retryAfterMsMax: 2_000,
        bodyBytesMax: 65_536,
      },
    });
  });

  test("ranges of statuses", () => {
    const x = testExchange();
    buildPolicy(retry, { statuses: ["500-502", 429] }, inBackend()).step(x);
    assert.deepEqual([...(x.forwarding?.retry?.statuses ?? [])], [500, 501, 502, 429]);
  });
});

test("mistakes are named with their path", () => {
  for (const [config, path] of [
    [{ attempts: 0 }, ".attempts"],
    [{ attempts: 11 }, ".attempts"],
    [{ on: ["weather"] }, ".on[0]"],
    [{ statuses: ["5xx"] }, ".statuses[0]"],
    [{ statuses: [700] }, ".statuses[0]"],
    [{ idempotent: "sometimes" }, ".idempotent"],
    [{ budget: 101 }, ".budget"],
    [{ "body-max": -1 }, ".body-max"],
    [{ count: 3 }, ".count"],
    [{ nope: 1 }, ""],
    [block({ count: 51 }), ".count"],
    [block({ condition: "=nope" }), ".condition"],
    [block({ "max-interval": 5 }), ".max-interval"],
    [block({ attempts: 1 }), ".attempts"],
    [{ condition: true, steps: [] }, ".count"],
    [block({ steps: [{ nope: 1 }] }), ".steps[0]"],
  ] as const)
    assert.equal(mistakesOf(retry, config, inBackend())[0]?.path, path, JSON.stringify(config));
  assert.equal(mistakesOf(retry, {}, testTools({ section: "outbound" })).length, 1);
});
