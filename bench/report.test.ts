import assert from "node:assert/strict";
import { test } from "node:test";
import { type Figures, report } from "./report.ts";

const run = (peer: string, cpuMicrosPerRequest: number): Figures => ({
  peer,
  cpuMicrosPerRequest,
  residentMiB: 50,
  requests: 1000,
  failed: 0,
  requestsPerSecond: 20_000,
  p50Ms: 1,
  p99Ms: 2,
});

test("ratios are of the averages of all runs, and only against peers that ran", () => {
  const { ratios, text } = report("pass-through", [
    run("nginx", 30),
    run("portico", 33),
    run("portico", 36),
    run("nginx", 32),
  ]);
  assert.equal(ratios.length, 1);
  assert.equal(ratios[0]?.ratio.toFixed(3), (34.5 / 31).toFixed(3));
  assert.match(text, /portico \/ nginx: 1\.11 \(target <= 1\.15\) reached/);
});

test("a missed target is said plainly", () => {
  assert.match(report("key-limit", [run("nginx", 30), run("portico", 60)]).text, /2\.00 .* not reached/);
});
