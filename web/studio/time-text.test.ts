import assert from "node:assert/strict";
import { test } from "node:test";
import { agoText } from "./time-text.ts";

test("how long ago something was is told in the largest unit that fits", () => {
  const nowMs = 1_750_000_000_000;
  const cases: readonly (readonly [number, string])[] = [
    [0, "just now"],
    [-60_000, "just now"],
    [12_000, "12 s ago"],
    [120_000, "2 min ago"],
    [7_200_000, "2 h ago"],
    [172_800_000, "2 d ago"],
  ];
  for (const [ms, text] of cases) assert.equal(agoText(nowMs - ms, nowMs), text);
});
