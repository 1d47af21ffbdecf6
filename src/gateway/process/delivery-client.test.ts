import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeliveryMessage } from "../../model/snapshot.ts";
import { testUnit } from "../testing-unit.ts";
import { type Commit, collectCommits } from "./delivery-client.ts";

const a = testUnit({ api: "a", path: "/a" });
const b = testUnit({ api: "b", path: "/b" });

const collect = (
  held: Readonly<Record<string, string>>,
  ...messages: readonly DeliveryMessage[]
): readonly Commit[] => {
  const commits: Commit[] = [];
  const take = collectCommits(new Map(Object.entries(held)), (commit) => commits.push(commit));
  for (const message of messages) take(message);
  return commits;
};
const commit = (revision: number): DeliveryMessage => ({ type: "commit", revision, hash: "h" });

test("nothing takes effect before its commit", () => {
  const messages: readonly DeliveryMessage[] = [
    { type: "unit", unit: a },
    { type: "beat", nowMs: 1 },
  ];
  assert.deepEqual(collect({}, ...messages), []);
  assert.deepEqual(collect({}, ...messages, commit(3)), [
    { revision: 3, hash: "h", units: [a], removed: [], access: [] },
  ]);
});

test("what a manifest does not name is removed, also a unit that came in the same commit", () => {
  const [first] = collect(
    { old: "x", b: b.hash },
    { type: "unit", unit: a },
    { type: "manifest", units: { b: b.hash } },
    commit(1),
  );
  assert.deepEqual([first?.units, [...(first?.removed ?? [])].sort()], [[], ["a", "old"]]);
});

test("a manifest that names what was neither held nor sent breaks the connection", () => {
  assert.throws(() => collect({}, { type: "manifest", units: { a: a.hash } }, commit(1)), /no unit a/);
  assert.throws(() => collect({ a: "old" }, { type: "manifest", units: { a: a.hash } }, commit(1)), /no unit a/);
});

test("a later commit carries only what came after the one before", () => {
  const commits = collect(
    {},
    { type: "unit", unit: a },
    commit(1),
    { type: "remove-unit", api: "a" },
    { type: "unit", unit: b },
    commit(2),
  );
  assert.deepEqual(
    commits.map((one) => [one.units.map((unit) => unit.api), one.removed]),
    [
      [["a"], []],
      [["b"], ["a"]],
    ],
  );
});

test("the last word on a unit within a commit counts", () => {
  const [again] = collect({ a: "x" }, { type: "remove-unit", api: "a" }, { type: "unit", unit: a }, commit(1));
  assert.deepEqual([again?.units, again?.removed], [[a], []]);
  const [gone] = collect({ a: "x" }, { type: "unit", unit: a }, { type: "remove-unit", api: "a" }, commit(1));
  assert.deepEqual([gone?.units, gone?.removed], [[], ["a"]]);
});
