import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Reply } from "../exchange/reply.ts";
import { type TestExchangeOptions, testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf } from "../exchange/testing-tools.ts";
import { rewriteUri } from "./rewrite-uri.ts";

const run = (config: unknown, options: TestExchangeOptions): { target: string; reply: Reply | undefined } => {
  const x = testExchange(options);
  const reply = buildPolicy(rewriteUri, config).step(x);
  assert.ok(!(reply instanceof Promise));
  const { upstreamPath, upstreamQuery } = x.request;
  return {
    target: upstreamQuery === "" ? upstreamPath : `${upstreamPath}?${upstreamQuery}`,
    reply: reply ?? undefined,
  };
};
const call = { path: "/orders/a%2Fb?x=1&y=%20&expand=all", params: { id: "a/b" } };

test("path and query parameters fill the template, encoded anew", () => {
  const table: readonly (readonly [unknown, string])[] = [
    [{ template: "/v2/order/{id}" }, "/v2/order/a%2Fb?x=1&y=%20&expand=all"],
    [{ template: "/v2/order/{id}", "copy-unmatched-params": false }, "/v2/order/a%2Fb"],
    [{ template: "/order?id={id}&e={expand}" }, "/order?id=a%2Fb&e=all&x=1&y=%20"],
    [{ template: "/order?x=2" }, "/order?x=2&y=%20&expand=all"],
    [{ template: "/order?n={nope}&m=", "copy-unmatched-params": false }, "/order?m="],
    [{ template: "/{x}/{id}-{y}", "copy-unmatched-params": false }, "/1/a%2Fb-%20"],
    [{ template: "='/' + request.method + '/{id}'", "copy-unmatched-params": false }, "/GET/a%2Fb"],
    [{ template: "/" }, "/?x=1&y=%20&expand=all"],
  ];
  for (const [config, want] of table) assert.equal(run(config, call).target, want, JSON.stringify(config));
});

describe("400", () => {
  test("a value never makes a dot segment", () => {
    for (const id of [".", ".."]) {
      const { reply, target } = run({ template: "/files/{id}/x" }, { path: "/a", params: { id } });
      assert.deepEqual([reply?.status, reply?.problem?.code], [400, "request.path_invalid"]);
      assert.equal(target, "/a");
    }
  });
  test("whatever the values, the path keeps its segments and holds no dot segment", () => {
    const value = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constantFrom(".", "..", "../x", "%2e%2e", "a/../..", "\\..", "?x", "#", "\r\n"),
    );
    fc.assert(
      fc.property(value, value, (id, name) => {
        const { reply, target } = run(
          { template: "/f/{id}/{name}", "copy-unmatched-params": false },
          { params: { id, name } },
        );
        if (reply) return;
        const segments = target.split("/");
        assert.equal(segments.length, 4, target);
        assert.ok(!segments.some((segment) => /^(\.|%2e){1,2}$/i.test(segment)), target);
        assert.match(target, /^[\x21-\x7e]*$/);
        assert.ok(!/[?#]/.test(target), target);
      }),
      { interruptAfterTimeLimit: 3000, numRuns: 2000 },
    );
  });
});

test("an absent parameter in the path is a fault, and so is an expression that gives no path", () => {
  assert.throws(() => run({ template: "/{nope}" }, call), /no parameter nope/);
  assert.throws(() => run({ template: "='no slash'" }, call), /gave no path/);
});

test("mistakes are named with their path", () => {
  for (const template of ["orders", "/a b", "/{", "/}", "/{a b}", "/a#b", "/é"])
    assert.match(`${mistakesOf(rewriteUri, { template })[0]?.path}`, /^\.template$/, template);
  assert.equal(mistakesOf(rewriteUri, {})[0]?.path, ".template");
  assert.equal(
    mistakesOf(rewriteUri, { template: "/", "copy-unmatched-params": "no" })[0]?.path,
    ".copy-unmatched-params",
  );
});
