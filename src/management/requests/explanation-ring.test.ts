import assert from "node:assert/strict";
import { test } from "node:test";
import type { Explanation } from "../../model/explanation.ts";
import { explanationRing } from "./explanation-ring.ts";

// Only the id and the length matter to the ring.
const explanation = (id: string, text = ""): Explanation => ({ id, text }) as unknown as Explanation;

test("the oldest are forgotten when there are too many, or they are too long together", () => {
  const few = explanationRing(2);
  few.add("g", [explanation("a"), explanation("b"), explanation("c")]);
  assert.deepEqual([few.get("a"), few.get("b")?.gateway, few.get("c")?.explanation.id], [undefined, "g", "c"]);
  const short = explanationRing(100, 300);
  short.add("g", [explanation("a", "x".repeat(200)), explanation("b", "x".repeat(200))]);
  assert.equal(short.get("a"), undefined);
  assert.equal(short.get("b")?.explanation.id, "b");
});

test("a call told again counts once, as the newest", () => {
  const ring = explanationRing(2);
  ring.add("g", [explanation("a"), explanation("b")]);
  ring.add("h", [explanation("a"), explanation("c")]);
  assert.deepEqual([ring.get("a")?.gateway, ring.get("b"), ring.get("c")?.gateway], ["h", undefined, "h"]);
});
