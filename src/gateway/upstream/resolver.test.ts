import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "../../base/clock.ts";
import { createResolver, type Lookup } from "./resolver.ts";

const scripted = (answers: (readonly string[] | Error)[]): { lookup: Lookup; asked: () => number } => {
  let asked = 0;
  return {
    asked: () => asked,
    lookup: async () => {
      const answer = answers[Math.min(asked++, answers.length - 1)] ?? [];
      if (answer instanceof Error) throw answer;
      return { addresses: answer.map((address) => ({ address, family: 4 as const })), ttlMs: 1_000 };
    },
  };
};

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a name is asked for once while it is fresh; afterwards the old answer serves until the new one is there", async () => {
  const clock = manualClock();
  const { lookup, asked } = scripted([["1.1.1.1"], ["2.2.2.2", "3.3.3.3"]]);
  const resolver = createResolver(clock, lookup);
  const [first, second] = await Promise.all([resolver.resolve("a"), resolver.resolve("a")]);
  assert.deepEqual(first, second);
  assert.equal(asked(), 1);
  clock.advance(1_001);
  assert.deepEqual(resolver.resolve("a"), [{ address: "1.1.1.1", family: 4 }]);
  await settle();
  assert.deepEqual(resolver.resolve("a"), [
    { address: "2.2.2.2", family: 4 },
    { address: "3.3.3.3", family: 4 },
  ]);
  assert.equal(asked(), 2);
});

test("a name server that is away stops nobody for a while, and then says so", async () => {
  const clock = manualClock();
  const { lookup } = scripted([["1.1.1.1"], new Error("away")]);
  const resolver = createResolver(clock, lookup);
  await resolver.resolve("a");
  clock.advance(30_000);
  assert.deepEqual(resolver.resolve("a"), [{ address: "1.1.1.1", family: 4 }]);
  await settle();
  clock.advance(60_000);
  await assert.rejects(async () => resolver.resolve("a"), /away/);
});

test("no address is an error; an address is its own", async () => {
  const resolver = createResolver(manualClock(), scripted([[]]).lookup);
  await assert.rejects(async () => resolver.resolve("a"), /no address/);
  assert.deepEqual(resolver.resolve("::1"), [{ address: "::1", family: 6 }]);
});
