import assert from "node:assert/strict";
import { test } from "node:test";
import { queryValues, withQueryParameter } from "./query.ts";

test("values are decoded once, in order; what is not decodable stays", () => {
  assert.deepEqual(queryValues("a=1&b=2&a=%20x+y&%61=3&a&a=%zz", "a"), ["1", " x y", "3", "", "%zz"]);
  assert.deepEqual(queryValues("a=%252e", "a"), ["%2e"]);
  assert.deepEqual(queryValues("", "a"), []);
});

test("a parameter is replaced in its place; the others stay byte for byte", () => {
  assert.equal(withQueryParameter("x=%41&a=1&y&a=2", "a", ["ü&", "z"]), "x=%41&a=%C3%BC%26&a=z&y");
  assert.equal(withQueryParameter("x=1", "a", ["2"]), "x=1&a=2");
  assert.equal(withQueryParameter("a=1&x=1&a=2", "a", null), "x=1");
  assert.equal(withQueryParameter("", "a", null), "");
});
