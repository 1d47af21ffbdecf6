import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { plainHeaders } from "../exchange/headers.ts";
import { createSharedState } from "./shared-state.ts";
import { createSwap, joinChanges } from "./swap.ts";
import { testBackends, testCompileTools, testOperation, testPolicies, testUnit } from "./testing-unit.ts";

const run = promisify(execFile);

const ask = (swap: ReturnType<typeof createSwap>, path: string): string | undefined =>
  swap.table()?.index.find({ host: "h", path, headers: plainHeaders(), queryParameter: () => undefined })?.name;

const at = (api: string, path: string, note = "x") =>
  testUnit({
    api,
    path,
    policies: {
      products: {},
      operations: {},
      api: { document: { inbound: [{ note }] }, file: `apis/${api}/policy.yaml` },
    },
  });

test("units that did not change are not compiled again", async () => {
  const life = { built: 0, disposed: 0 };
  const tools = testCompileTools();
  const swap = createSwap({
    ...tools,
    lists: { ...tools.lists, policies: testPolicies(life), backends: testBackends() },
  });
  await swap.apply({ revision: 1, hash: "1", units: [at("a", "/a"), at("b", "/b")], removed: [] });
  assert.deepEqual(life, { built: 2, disposed: 0 });
  await swap.apply({ revision: 2, hash: "2", units: [at("a", "/a"), at("b", "/b", "y")], removed: [] });
  assert.deepEqual(life, { built: 3, disposed: 1 });
  assert.equal(swap.table()?.revision, 2);
});

test("changes that come while one is compiled are joined: all settle, the newest serves, the others are not built", async () => {
  const life = { built: 0, disposed: 0 };
  const tools = testCompileTools();
  const swap = createSwap({
    ...tools,
    lists: { ...tools.lists, policies: testPolicies(life), backends: testBackends() },
  });
  const all = Array.from({ length: 50 }, (_, n) =>
    swap.apply({
      revision: n + 1,
      hash: String(n),
      units: [at("a", n === 49 ? "/last" : `/n${n}`, `v${n}`)],
      removed: [],
    }),
  );
  await Promise.all(all);
  assert.deepEqual([ask(swap, "/last"), ask(swap, "/n48"), swap.table()?.revision], ["a", undefined, 50]);
  assert.ok(life.built <= 2, `${life.built} built`);
});

test("a removal after an addition removes, an addition after a removal adds", () => {
  const change = (revision: number, units: readonly string[], removed: readonly string[]) => ({
    revision,
    hash: "",
    units: units.map((api) => ({ api })),
    removed,
  });
  const joined = joinChanges(change(1, ["a", "b"], ["c"]), change(2, ["c"], ["a"]));
  assert.deepEqual(joined, change(2, ["b", "c"], ["a"]));
});

test("two APIs change places in one step", async () => {
  const swap = createSwap(testCompileTools());
  await swap.apply({ revision: 1, hash: "1", units: [at("a", "/one"), at("b", "/two")], removed: [] });
  const errors = await swap.apply({ revision: 2, hash: "2", units: [at("a", "/two"), at("b", "/one")], removed: [] });
  assert.deepEqual([errors, ask(swap, "/one"), ask(swap, "/two")], [[], "b", "a"]);
});

test("an API whose new place is taken keeps its old one, and moves when the place becomes free", async () => {
  const swap = createSwap(testCompileTools());
  await swap.apply({ revision: 1, hash: "1", units: [at("a", "/one"), at("b", "/two")], removed: [] });
  const errors = await swap.apply({ revision: 2, hash: "2", units: [at("a", "/two")], removed: [] });
  assert.match(errors[0]?.message ?? "", /API a asks for any host, path \/two, which API b serves/);
  assert.deepEqual([ask(swap, "/one"), ask(swap, "/two")], ["a", "b"]);
  const later = await swap.apply({ revision: 3, hash: "3", units: [], removed: ["b"] });
  assert.deepEqual([later, ask(swap, "/one"), ask(swap, "/two")], [[], undefined, "a"]);
});

test("going back to the unit that serves clears the error of the one that did not compile", async () => {
  const swap = createSwap(testCompileTools());
  await swap.apply({ revision: 1, hash: "1", units: [at("a", "/one")], removed: [] });
  const bad = testUnit({ api: "a", path: "/one", operations: [testOperation("GET", "/{")] });
  assert.equal((await swap.apply({ revision: 2, hash: "2", units: [bad], removed: [] })).length, 1);
  assert.deepEqual(await swap.apply({ revision: 3, hash: "3", units: [at("a", "/one")], removed: [] }), []);
});

test("a unit whose shape is wrong harms no other", async () => {
  const swap = createSwap(testCompileTools());
  const broken = { ...at("z", "/z"), operations: null } as never;
  const errors = await swap.apply({ revision: 1, hash: "1", units: [broken, at("a", "/a")], removed: [] });
  assert.deepEqual([errors.map((error) => error.api), ask(swap, "/a")], [["z"], "a"]);
});

test("a big unit is compiled in slices: the loop turns meanwhile", async () => {
  const swap = createSwap(testCompileTools());
  const operations = Array.from({ length: 5000 }, (_, n) => testOperation("GET", `/items${n}/{id}`));
  const documents = Object.fromEntries(
    operations.map((one) => [
      one.id,
      { document: { inbound: ["base" as const, { note: "=request.path + 'x'" }] }, file: "f" },
    ]),
  );
  let turns = 0;
  const count = (): void => {
    turns += 1;
    counting = setImmediate(count);
  };
  let counting = setImmediate(count);
  const errors = await swap.apply({
    revision: 1,
    hash: "1",
    units: [testUnit({ operations, policies: { products: {}, operations: documents } })],
    removed: [],
  });
  clearImmediate(counting);
  assert.deepEqual(errors, []);
  assert.ok(turns > 20, `${turns} turns`);
});

test("state that policies share outlives a swap and goes with its last user", async () => {
  const shared = createSharedState();
  let disposed = 0;
  const value = shared.take("k", () => ({
    dispose: () => {
      disposed += 1;
    },
  }));
  assert.equal(
    shared.take("k", () => ({ dispose: () => {} })),
    value,
  );
  shared.release("k");
  assert.equal(disposed, 0);
  shared.release("k");
  assert.deepEqual([disposed, shared.size], [1, 0]);
});

test("ten thousand swaps leave nothing behind: the heap is flat", { timeout: 120_000 }, async () => {
  const { stdout } = await run(process.execPath, [
    "--expose-gc",
    fileURLToPath(new URL("./testing-swaps.ts", import.meta.url)),
  ]);
  const told = JSON.parse(stdout);
  console.log(
    `heap after each 2000 swaps: ${told.heaps.map((bytes: number) => (bytes / 1e6).toFixed(2)).join(", ")} MB`,
  );
  assert.equal(told.revision, 10_001);
  // All but the last table: one policy and one in a block, and a backend.
  assert.equal(told.built - told.disposed, 3);
  const growth = told.heaps.at(-1) - told.heaps[1];
  assert.ok(growth < 1_000_000, `the heap grew by ${growth} bytes over 8000 swaps`);
});
