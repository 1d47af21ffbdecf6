import assert from "node:assert/strict";
import { test } from "node:test";
import { createCustomMetricSums, createCustomMetrics } from "./custom-metrics.ts";
import { prometheusText } from "./prometheus.ts";

test("threads add up, and the text has a count and a sum", () => {
  const sums = createCustomMetricSums();
  for (const values of [[1, 2], [4]]) {
    const thread = createCustomMetrics();
    const add = thread.metric("shop_orders", "Orders.", ["plan"]);
    for (const value of values) add(["gold"], value);
    sums.add(thread.take());
    assert.deepEqual(thread.take(), []);
  }
  const text = prometheusText(sums.families());
  assert.match(text, /^shop_orders_count\{plan="gold"\} 3$/m);
  assert.match(text, /^shop_orders_sum\{plan="gold"\} 7$/m);
});

test("label sets are bounded in a thread and over all: the rest is other", () => {
  const sums = createCustomMetricSums();
  for (let t = 0; t < 2; t++) {
    const thread = createCustomMetrics();
    const add = thread.metric("m", "M.", ["who"]);
    for (let at = 0; at < 700; at++) add([`${t}-${at}`], 1);
    // What is known keeps its label over many turns, and the bound does not begin anew.
    sums.add(thread.take());
    add(["late"], 1);
    sums.add(thread.take());
  }
  const [family] = sums.families();
  const rows = family?.type === "histogram" ? family.rows : [];
  assert.equal(rows.length, 501);
  assert.equal(
    rows.reduce((all, row) => all + (row.counts[0] ?? 0), 0),
    1402,
  );
  assert.ok((rows.find((row) => row.labels.who === "other")?.counts[0] ?? 0) >= 402);
});

test("a value that is no number adds nothing, a label that is too long is cut", () => {
  const thread = createCustomMetrics();
  const add = thread.metric("m", "M.", ["who"]);
  add(["a"], Number.NaN);
  add(["b".repeat(500)], 1);
  assert.deepEqual(
    thread.take().map(({ values, count }) => [values[0]?.length, count]),
    [[100, 1]],
  );
});
