import assert from "node:assert/strict";
import { test } from "node:test";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { setStatus } from "./set-status.ts";

const run = (config: unknown) => {
  const x = testExchange({ reply: { status: 500, reason: "Oops" }, fault: { code: "backend.timeout" } });
  assert.equal(buildPolicy(setStatus, config, testTools({ section: "outbound" })).step(x), undefined);
  return [x.reply?.status, x.reply?.reason];
};

test("code and reason, literal and computed; the old reason never stays with a new code", () => {
  assert.deepEqual(run(204), [204, ""]);
  assert.deepEqual(run("503"), [503, ""]);
  assert.deepEqual(run({ code: 418, reason: "Teapot" }), [418, "Teapot"]);
  assert.deepEqual(run({ code: "=error.code == 'backend.timeout' ? 503 : 502", reason: "=error.code" }), [
    503,
    "backend.timeout",
  ]);
});

test("a computed code that is none is a fault", () => {
  for (const code of ["=100", "=600", "=200.5", "=0 - 1"]) assert.throws(() => run({ code }), RangeError, code);
});

test("without a reply nothing happens", () => {
  const x = testExchange();
  assert.equal(buildPolicy(setStatus, 204).step(x), undefined);
  assert.equal(x.reply, null);
});

test("mistakes are named with their path", () => {
  for (const [config, path] of [
    [{}, ".code"],
    [99, ".code"],
    [600, ".code"],
    ["nope", ".code"],
    [{ code: 200, reason: "a\r\nb" }, ".reason"],
    [{ code: 200, reason: "=1 +" }, ".reason"],
  ] as const)
    assert.equal(mistakesOf(setStatus, config)[0]?.path, path, JSON.stringify(config));
});
