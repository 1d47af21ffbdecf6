import assert from "node:assert/strict";
import { test } from "node:test";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf } from "../exchange/testing-tools.ts";
import { setMethod } from "./set-method.ts";

const run = (config: unknown): string => {
  const x = testExchange({ headers: { "x-http-method-override": "PATCH", bad: "A B" } });
  assert.equal(buildPolicy(setMethod, config).step(x), undefined);
  return x.request.method;
};

test("literal and computed", () => {
  assert.equal(run("POST"), "POST");
  assert.equal(run({ method: "=request.headers['x-http-method-override']" }), "PATCH");
});

test("a computed method that is none, CONNECT and TRACE are faults", () => {
  for (const method of ["=request.headers.bad", "='TR' + 'ACE'", "='connect'", "=''"])
    assert.throws(() => run(method), RangeError, method);
});

test("mistakes are named with their path", () => {
  for (const config of [{}, "", "A B", "TRACE", "connect", "=nope"])
    assert.equal(mistakesOf(setMethod, config)[0]?.path, ".method", JSON.stringify(config));
});
