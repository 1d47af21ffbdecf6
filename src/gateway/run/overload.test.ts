import assert from "node:assert/strict";
import { test } from "node:test";
import { priorities } from "../../model/api.ts";
import { createOverload, defaultOverloadLimits } from "./overload.ts";

test("the later the thread, the higher the priority that is still served", () => {
  const overload = createOverload(() => 1);
  const shed = (ms: number): readonly string[] => {
    overload.lagged(ms);
    overload.lagged(ms);
    return priorities.filter((priority) => overload.sheds(priority));
  };
  assert.deepEqual(shed(0), []);
  assert.deepEqual(shed(defaultOverloadLimits.lagMsMax.low), []);
  assert.deepEqual(shed(defaultOverloadLimits.lagMsMax.low + 1), ["low"]);
  assert.deepEqual(shed(defaultOverloadLimits.lagMsMax.normal + 1), ["low", "normal"]);
  assert.deepEqual(shed(defaultOverloadLimits.lagMsMax.high + 1), ["low", "normal", "high"]);
});

test("one pause refuses nobody, and the first beat in time ends the shedding", () => {
  const overload = createOverload(() => 1);
  overload.lagged(defaultOverloadLimits.lagMsMax.high + 1);
  assert.equal(overload.sheds("low"), false);
  overload.lagged(defaultOverloadLimits.lagMsMax.high + 1);
  assert.equal(overload.sheds("high"), true);
  overload.lagged(0);
  assert.equal(overload.sheds("low"), false);
});

test("calls in flight: the last places belong to those of higher priority", () => {
  let inFlight = 0;
  const overload = createOverload(() => inFlight, { inFlightMax: 10 });
  const shedAt = (count: number): readonly string[] => {
    inFlight = count;
    return priorities.filter((priority) => overload.sheds(priority));
  };
  assert.deepEqual(shedAt(8), []);
  assert.deepEqual(shedAt(9), ["low"]);
  assert.deepEqual(shedAt(10), ["low", "normal"]);
  assert.deepEqual(shedAt(11), ["low", "normal", "high"]);
});
