import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { manualClock } from "../../base/clock.ts";
import { type Timed, Wheel } from "./wheel.ts";

const timedThing = (then: () => void = () => {}): Timed => ({
  deadlineMs: 0,
  wheelTick: -1,
  wheelNext: null,
  wheelPrevious: null,
  expire: then,
});

test("a deadline passes once, not before its time and at most two ticks late", () => {
  const clock = manualClock();
  const wheel = new Wheel(clock, 50);
  let times = 0;
  const thing = timedThing(() => times++);
  wheel.set(thing, 1_000);
  clock.advance(1_000);
  wheel.turn();
  assert.equal(times, 0);
  clock.advance(100);
  wheel.turn();
  assert.equal(times, 1);
  clock.advance(100_000);
  wheel.turn();
  assert.equal(times, 1);
  wheel.close();
});

test("one that expires may end or postpone another of the same turn", () => {
  const clock = manualClock();
  const wheel = new Wheel(clock, 50);
  const expired: string[] = [];
  const ended = timedThing(() => expired.push("ended"));
  const postponed = timedThing(() => expired.push("postponed"));
  const act = (): void => {
    expired.push("first");
    wheel.remove(ended);
    wheel.set(postponed, 500);
  };
  // The first one stands in an earlier slot; all are due in one turn.
  wheel.set(timedThing(act), 100);
  wheel.set(ended, 300);
  wheel.set(postponed, 300);
  clock.advance(600);
  wheel.turn();
  assert.deepEqual(expired, ["first"]);
  clock.advance(700);
  wheel.turn();
  assert.deepEqual(expired, ["first", "postponed"]);
  wheel.close();
});

test("whatever is set, cleared, moved and removed: everything expires in its time and nothing else does", () => {
  const step = fc.record({
    what: fc.constantFrom("set", "set", "set", "clear", "remove", "advance", "advance"),
    index: fc.nat(7),
    ms: fc.oneof(fc.nat(300), fc.nat(60_000)),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const clock = manualClock();
      const wheel = new Wheel(clock, 50);
      const expected = new Map<number, number>();
      const things = Array.from({ length: 8 }, (_, index) =>
        timedThing(() => {
          const atMs = expected.get(index);
          assert.ok(atMs !== undefined && atMs <= clock.monotonicMs(), "expired too early");
          expected.delete(index);
        }),
      );
      for (const { what, index, ms } of steps) {
        const thing = things[index];
        if (thing === undefined) continue;
        if (what === "set") {
          wheel.set(thing, ms);
          expected.set(index, clock.monotonicMs() + ms);
        } else if (what === "advance") {
          clock.advance(ms);
          wheel.turn();
          for (const atMs of expected.values()) assert.ok(atMs > clock.monotonicMs() - 150, "expired too late");
        } else {
          if (what === "clear") wheel.clear(thing);
          else wheel.remove(thing);
          expected.delete(index);
        }
      }
      clock.advance(200_000);
      wheel.turn();
      assert.equal(expected.size, 0);
      wheel.close();
    }),
    { numRuns: 500, interruptAfterTimeLimit: 4_000 },
  );
});
