import assert from "node:assert/strict";
import { test } from "node:test";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { sample } from "./sample.ts";

const steps = [{ "set-test-variable": { name: "in", value: true } }];

const inOf = async (config: object, options: Parameters<typeof testExchange>[0]): Promise<boolean> => {
  const x = testExchange(options);
  await buildPolicy(sample, { steps, ...config }).step(x);
  return x.variables.has("in");
};

test("so many of a hundred calls are in, by their ids", async () => {
  const built = buildPolicy(sample, { percentage: 25, steps });
  let count = 0;
  for (let at = 0; at < 4_000; at++) {
    const x = testExchange({ id: `prefix-${at.toString(36)}` });
    await built.step(x);
    if (x.variables.has("in")) count += 1;
  }
  assert.ok(count > 880 && count < 1_120, `${count} of 4000`);
});

test("0 takes none, 100 takes all", async () => {
  for (let at = 0; at < 200; at++) {
    assert.equal(await inOf({ percentage: 0 }, { id: `a${at}` }), false);
    assert.equal(await inOf({ percentage: 100 }, { id: `a${at}` }), true);
  }
});

test("calls of one trace are in or out together; `by` says what decides instead", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const traced = new Set<boolean>();
  const byHeader = new Set<boolean>();
  for (let at = 0; at < 50; at++) {
    traced.add(await inOf({ percentage: 50 }, { id: `a${at}`, headers: { traceparent } }));
    byHeader.add(
      await inOf({ percentage: 50, by: "=request.headers['who']" }, { id: `a${at}`, headers: { who: "me" } }),
    );
  }
  assert.deepEqual([traced.size, byHeader.size], [1, 1]);
});

test("the record says whether the call is in", async () => {
  const x = testExchange({ isRecorded: true });
  await buildPolicy(sample, { percentage: 100, steps }).step(x);
  assert.deepEqual(x.notes, [{ name: "sampled", value: true }]);
});

test("a percentage outside 0 to 100, and no steps, are refused where they are configured", () => {
  assert.match(JSON.stringify(mistakesOf(sample, { percentage: 101, steps }, testTools())), /percentage/);
  assert.match(JSON.stringify(mistakesOf(sample, { percentage: -1, steps }, testTools())), /percentage/);
  assert.match(JSON.stringify(mistakesOf(sample, { percentage: 1, steps: [] }, testTools())), /steps/);
});
