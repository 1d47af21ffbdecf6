import assert from "node:assert/strict";
import { test } from "node:test";
import { callerOf } from "../exchange/exchange.ts";
import { testExchange } from "../exchange/testing-exchange.ts";
import { mistakesOf, runPolicy, testTools } from "../exchange/testing-tools.ts";
import { emitMetric } from "./emit-metric.ts";

test("the metric has its namespace, its value, and its dimensions as labels", async () => {
  const tools = testTools();
  const x = testExchange({
    isRecorded: true,
    caller: callerOf({ kind: "key", organization: "acme", product: "shop" }),
  });
  const config = {
    name: "order lines",
    namespace: "shop-1",
    value: "=2 + 3",
    dimension: [{ name: "organization", value: "=caller.organization" }, { name: "Product ID" }, { name: "API ID" }],
  };
  await runPolicy(emitMetric, config, x, tools);
  assert.deepEqual(tools.measured, [
    { metric: "shop_1_order_lines", labels: { organization: "acme", product_id: "shop", api_id: "orders" }, value: 5 },
  ]);
  assert.deepEqual(x.notes, [{ name: "shop_1_order_lines", value: 5 }]);
});

test("without more it counts calls", async () => {
  const tools = testTools();
  await runPolicy(emitMetric, { name: "calls" }, testExchange(), tools);
  assert.deepEqual(tools.measured, [{ metric: "portico_calls", labels: {}, value: 1 }]);
});

test("a dimension without a value, twice the same, or named like a secret is refused where it is configured", () => {
  const dimension = (...list: object[]): string =>
    JSON.stringify(mistakesOf(emitMetric, { name: "m", dimension: list }));
  assert.match(dimension({ name: "plan" }), /value/);
  assert.match(dimension({ name: "a b", value: "1" }, { name: "A-b", value: "2" }), /same name/);
  assert.match(dimension({ name: "api-key", value: "=request.ip" }), /secret/);
  assert.match(JSON.stringify(mistakesOf(emitMetric, { name: "m", value: "7" })), /value/);
});
