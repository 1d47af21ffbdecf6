import assert from "node:assert/strict";
import { test } from "node:test";
import { nearest } from "./nearest.ts";

test("finds what was probably meant, and suggests no strangers", () => {
  assert.equal(nearest("protct", ["path", "protect", "products"]), "protect");
  assert.equal(nearest("aply", ["apply", "up", "pull"]), "apply");
  assert.equal(nearest("Protect", ["protect"]), "protect");
  assert.equal(nearest("portect", ["protect"]), "protect");
  assert.equal(nearest("x", ["path", "protect"]), undefined);
  assert.equal(nearest("completely", ["different"]), undefined);
  assert.equal(nearest("same", ["same"]), undefined);
  assert.equal(nearest("a".repeat(10_000), ["a".repeat(10_001)]), undefined);
});
