import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyFrom, mediaTypeOf } from "./body-value.ts";

test("text and bytes stay, everything else is JSON, and each says its media type", () => {
  const bytes = new Uint8Array([1, 2]);
  assert.deepEqual([bodyFrom("x"), mediaTypeOf("x")], ["x", "text/plain; charset=utf-8"]);
  assert.deepEqual([bodyFrom(bytes), mediaTypeOf(bytes)], [bytes, "application/octet-stream"]);
  assert.deepEqual([bodyFrom({ n: 2n }), mediaTypeOf({})], ['{"n":2}', "application/json"]);
  assert.equal(bodyFrom(null), "null");
});
