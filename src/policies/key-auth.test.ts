import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { KeyFacts } from "../exchange/policy.ts";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, runPolicy, testTools } from "../exchange/testing-tools.ts";
import { keyAuth } from "./key-auth.ts";

const facts: KeyFacts = {
  subscription: "sub-1",
  state: "active",
  product: "shop",
  plan: "gold",
  application: "app-1",
  organization: "acme",
};
const keys = { good: facts, sleeping: { ...facts, state: "suspended" }, other: { ...facts, product: "bank" } };
const tools = () =>
  testTools({ keys, products: ["shop"], target: { keyHeaders: ["x-doc-key"], keyQueryParameters: ["api_key"] } });
const refusal = (headers: Record<string, string>, path = "/", config: unknown = {}) => {
  const reply = runPolicy(keyAuth, config, testExchange({ headers, path }), tools());
  assert.ok(reply !== undefined && !(reply instanceof Promise));
  return reply ?? assert.fail("passed");
};

describe("401", () => {
  test("a call without a key is told where the key goes", () => {
    const reply = refusal({});
    assert.equal(reply.status, 401);
    assert.equal(reply.problem?.code, "key.missing");
    assert.match(reply.problem?.detail ?? "", /X-API-Key/);
    assert.deepEqual(reply.headers, [["WWW-Authenticate", 'ApiKey header="X-API-Key"']]);
  });
  test("unknown, empty and inherited names are no keys", () => {
    for (const key of ["nope", "", "constructor", "__proto__"]) {
      const reply = refusal({ "x-api-key": key });
      assert.equal(reply.problem?.code, "key.invalid", key);
      assert.equal(reply.headers[0]?.[0], "WWW-Authenticate");
    }
  });
  test("a wrong key is refused although keys are optional", () => {
    assert.equal(refusal({ "x-api-key": "nope" }, "/", { optional: true }).problem?.code, "key.invalid");
  });
  test("the first key found counts: a good one behind a bad one does not help", () => {
    assert.equal(refusal({ "x-api-key": "nope", "x-doc-key": "good" }).problem?.code, "key.invalid");
  });
});

describe("403", () => {
  test("a subscription that is not active may not call", () => {
    assert.equal(refusal({ "x-api-key": "sleeping" }).problem?.code, "subscription.inactive");
  });
  test("a key of a product without this API may not call", () => {
    const reply = refusal({ "x-api-key": "other" });
    assert.equal(reply.status, 403);
    assert.equal(reply.problem?.code, "subscription.forbidden");
  });
});

describe("passes", () => {
  test("a good key tells who calls and does not reach the backend", () => {
    const x = testExchange({
      path: "/?api_key=good&q=1",
      headers: { "X-Api-Key": "good", "x-doc-key": "good", a: "b" },
    });
    assert.equal(buildPolicy(keyAuth, {}, tools()).step(x), undefined);
    assert.deepEqual(x.caller, {
      kind: "key",
      subscription: "sub-1",
      application: "app-1",
      organization: "acme",
      product: "shop",
      plan: "gold",
      subject: "",
      claims: {},
    });
    assert.deepEqual(
      x.request.headers.entries().map(([name]) => name),
      ["host", "a"],
    );
    assert.equal(x.request.upstreamQuery, "q=1");
  });
  test("the document's header and query parameter work as well", () => {
    for (const x of [testExchange({ headers: { "X-Doc-Key": "good" } }), testExchange({ path: "/?api_key=good" })]) {
      assert.equal(runPolicy(keyAuth, {}, x, tools()), undefined);
      assert.equal(x.caller?.subscription, "sub-1");
    }
  });
  test("an optional key may be absent; a forwarded one stays", () => {
    const anonymous = testExchange();
    assert.equal(runPolicy(keyAuth, { optional: true }, anonymous, tools()), undefined);
    assert.equal(anonymous.caller, null);
    const forwarding = testExchange({ headers: { key: "good" } });
    assert.equal(runPolicy(keyAuth, { "header-name": "key", "forward-key": true }, forwarding, tools()), undefined);
    assert.equal(forwarding.request.headers.get("key"), "good");
  });
});

test("mistakes are named with their path", () => {
  assert.match(mistakesOf(keyAuth, { "header-name": "a b" })[0]?.path ?? "", /\.header-name/);
  assert.match(mistakesOf(keyAuth, { headr: "x" })[0]?.message ?? "", /headr/);
});
