import assert from "node:assert/strict";
import { test } from "node:test";
import { ensureWebBuilt } from "./web-build.ts";

test("what is built already is not built again", async () => {
  const first = await ensureWebBuilt();
  const started = performance.now();
  assert.equal(await ensureWebBuilt(), first);
  assert.ok(performance.now() - started < 500);
});

test("two who build at once get the same whole build", async () => {
  const [one, two] = await Promise.all([ensureWebBuilt(), ensureWebBuilt()]);
  assert.equal(one, two);
});
