import assert from "node:assert/strict";
import { test } from "node:test";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf } from "../exchange/testing-tools.ts";
import { setVariable } from "./set-variable.ts";

test("literals of any kind and results are kept, and later expressions can count with them", () => {
  const x = testExchange({ headers: { a: "1" } });
  for (const [name, value] of [
    ["text", "t"],
    ["n", 2],
    ["list", [1, { a: true }]],
    ["header", "=request.headers.a"],
    ["sum", "=variables.n + 40"],
    ["twice", "=variables.sum * 2"],
    ["big", "=9007199254740993"],
    ["no", false],
  ] as const)
    assert.equal(buildPolicy(setVariable, { name, value }).step(x), undefined);
  assert.deepEqual(Object.fromEntries(x.variables), {
    text: "t",
    n: 2,
    list: [1, { a: true }],
    header: "1",
    sum: 42,
    twice: 84,
    big: 9007199254740993n,
    no: false,
  });
});

test("mistakes are named with their path", () => {
  for (const [config, path] of [
    [{ value: 1 }, ".name"],
    [{ name: "a b", value: 1 }, ".name"],
    [{ name: "=limits", value: 1 }, ".name"],
    [{ name: "a" }, ".value"],
    [{ name: "a", value: "=nope" }, ".value"],
  ] as const)
    assert.equal(mistakesOf(setVariable, config)[0]?.path, path, JSON.stringify(config));
});
