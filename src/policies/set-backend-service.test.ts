import assert from "node:assert/strict";
import { test } from "node:test";
import { callerOf } from "../exchange/exchange.ts";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { setBackendService } from "./set-backend-service.ts";

const tools = () => testTools({ target: { backends: ["main", "fast"] } });
const run = (config: unknown, plan = "") => {
  const x = testExchange({ caller: callerOf({ kind: "key", plan }), headers: { to: plan } });
  x.backendUrl = "http://before";
  assert.equal(buildPolicy(setBackendService, config, tools()).step(x), undefined);
  return [x.backend, x.backendUrl];
};

test("a backend by name, literal or computed, replaces a URL set before", () => {
  assert.deepEqual(run({ "backend-id": "fast" }), ["fast", null]);
  assert.deepEqual(run({ "backend-id": "=caller.plan == 'gold' ? 'fast' : 'main'" }, "gold"), ["fast", null]);
  assert.throws(() => run({ "backend-id": "=caller.plan" }, "other"), /no backend is called "other"/);
});

test("a URL, literal or computed; anything else is a fault", () => {
  assert.deepEqual(run({ "base-url": "https://b.example/v2" }), [null, "https://b.example/v2"]);
  assert.deepEqual(run({ "base-url": "='http://' + caller.plan" }, "b:8080"), [null, "http://b:8080"]);
  for (const url of ["file:///etc/passwd", "http://u:p@b", "http://b?x", "nope", "javascript:1"])
    assert.throws(() => run({ "base-url": "=request.headers.to" }, url), /base-url is not/, url);
});

test("mistakes are named with their path", () => {
  const table: readonly (readonly [unknown, RegExp])[] = [
    [{}, /^ give either/],
    [{ "backend-id": "main", "base-url": "http://b" }, /^ give either/],
    [{ "backend-id": "nope" }, /^\.backend-id no backend is called "nope"/],
    [{ "base-url": "ftp://b" }, /^\.base-url an http or https URL/],
    [{ "base-url": "http://b/?q" }, /^\.base-url/],
    [{ "sf-partition-key": "1", "backend-id": "main" }, /^\.sf-partition-key `sf-partition-key` is not available/],
    [{ "dapr-app-id": "a", "backend-id": "main" }, /^\.dapr-app-id/],
  ];
  for (const [config, message] of table) {
    const [first] = mistakesOf(setBackendService, config, tools());
    assert.match(`${first?.path} ${first?.message}`, message, JSON.stringify(config));
  }
});
