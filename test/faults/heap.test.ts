import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** `PORTICO_HEAP=full` for 10,000 changes under 1,000,000 calls. */
const [changes, calls] = process.env.PORTICO_HEAP === "full" ? [10_000, 1_000_000] : [2_000, 100_000];

test(`${changes} changes under ${calls} calls leave nothing behind: the heap is flat`, {
  timeout: 900_000,
}, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--expose-gc",
    fileURLToPath(new URL("./testing-heap.ts", import.meta.url)),
    String(changes),
    String(calls),
  ]);
  const told = JSON.parse(stdout);
  const heaps: readonly number[] = told.heaps;
  if (process.env.PORTICO_HEAP) console.log(heaps.map((bytes) => (bytes / 1e6).toFixed(2)).join(", "), "MB");
  // All but the last table: one policy and one backend.
  assert.equal(told.built - told.disposed, 2);
  assert.equal(told.shared, 0);
  const growth = (heaps.at(-1) ?? 0) - (heaps[1] ?? 0);
  assert.ok(growth < 1_500_000, `the heap grew by ${growth} bytes`);
});
