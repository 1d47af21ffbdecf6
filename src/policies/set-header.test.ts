import assert from "node:assert/strict";
import { test } from "node:test";
import type { Section } from "../exchange/policy.ts";
import { type TestExchange, testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { setHeader } from "./set-header.ts";

const start = (): TestExchange =>
  testExchange({
    host: "h",
    headers: [
      ["a", "1"],
      ["A", "2"],
      ["b", "3"],
    ],
    reply: { headers: [["a", "9"]] },
  });
const run = (config: unknown, section: Section = "inbound", x: TestExchange = start()): TestExchange => {
  assert.equal(buildPolicy(setHeader, config, testTools({ section })).step(x), undefined);
  return x;
};

test("the four actions, where the header is there and where it is not", () => {
  const table: readonly (readonly [unknown, readonly string[]])[] = [
    [{ name: "a", value: "x" }, ["x"]],
    [{ name: "a", value: ["x", "y"] }, ["x", "y"]],
    [{ name: "a", "exists-action": "skip", value: "x" }, ["1", "2"]],
    [{ name: "a", "exists-action": "append", value: ["x", "y"] }, ["1", "2", "x", "y"]],
    [{ name: "a", "exists-action": "delete" }, []],
    [{ name: "n", value: "x" }, ["x"]],
    [{ name: "n", "exists-action": "skip", value: ["x", "y"] }, ["x", "y"]],
    [{ name: "n", "exists-action": "append", value: "x" }, ["x"]],
    [{ name: "n", "exists-action": "delete" }, []],
    [{ name: "='n'", value: "='v' + request.headers.b" }, ["v3"]],
    [{ name: "n", value: 7 }, ["7"]],
  ];
  for (const [config, want] of table) {
    const name = JSON.stringify(config).includes('"a"') ? "a" : "n";
    assert.deepEqual(run(config).request.headers.getAll(name), want, JSON.stringify(config));
  }
});

test("inbound and backend change the request, outbound and on-error the reply", () => {
  for (const section of ["inbound", "backend"] as const) {
    const x = run({ name: "a", value: "x" }, section);
    assert.deepEqual([x.request.headers.get("a"), x.reply?.headers.get("a")], ["x", "9"]);
  }
  for (const section of ["outbound", "on-error"] as const) {
    const x = run({ name: "a", value: "x" }, section);
    assert.deepEqual([x.request.headers.get("a"), x.reply?.headers.get("a")], ["1", "x"]);
  }
});

test("on-error without a reply sets the field on the one that will be made", () => {
  const x = run({ name: "a", value: "x" }, "on-error", testExchange());
  assert.equal(x.lateHeaders.get("a"), "x");
  assert.equal(run({ name: "a", "exists-action": "delete" }, "on-error", testExchange()).lateHeaders.size, 0);
});

test("a value that would break the message is a fault, and nothing is set", () => {
  const x = testExchange({ path: "/?v=a%0d%0aset-cookie:%20x" });
  assert.throws(() => run({ name: "a", value: "=request.query.v" }, "inbound", x), RangeError);
  assert.equal(x.request.headers.has("a"), false);
  assert.throws(() => run({ name: "=request.query.v", value: "1" }, "inbound", x), RangeError);
  assert.throws(() => run({ name: "='content-' + 'length'", value: "1" }, "inbound", x), RangeError);
});

test("mistakes are named with their path", () => {
  const table: readonly (readonly [unknown, RegExp])[] = [
    [{ value: "x" }, /^\.name/],
    [{ name: "a b", value: "x" }, /^\.name not a legal/],
    [{ name: "a" }, /^\.value `override` needs a value/],
    [{ name: "a", "exists-action": "append", value: [] }, /^\.value `append` needs/],
    [{ name: "a", "exists-action": "delete", value: "x" }, /^\.value `delete` takes no value/],
    [{ name: "a", "exists-action": "replace", value: "x" }, /^\.exists-action/],
    [{ name: "a", value: ["x", "=nope"] }, /^\.value\[1\] expression 1:2/],
    ...["Host", "Content-Length", "transfer-encoding", "Connection", "TE", "upgrade"].map(
      (name) => [{ name, value: "x" }, /^\.name .* belongs to the engine/] as const,
    ),
  ];
  for (const [config, message] of table) {
    const [first] = mistakesOf(setHeader, config);
    assert.match(`${first?.path} ${first?.message}`, message, JSON.stringify(config));
  }
});
