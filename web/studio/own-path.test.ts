import assert from "node:assert/strict";
import { test } from "node:test";
import { ownPath } from "./own-path.ts";

test("a path of our own is kept as it is", () => {
  for (const path of ["/", "/apis", "/apis/orders/policies?operation=placeOrder#x"]) assert.equal(ownPath(path), path);
});

test("whatever a browser would take for another site is none", () => {
  for (const text of [
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "javascript:alert(1)",
    "",
    "apis",
    "/\t/evil.example",
  ]) {
    assert.equal(ownPath(text), undefined, JSON.stringify(text));
  }
  assert.equal(ownPath(undefined), undefined);
});
