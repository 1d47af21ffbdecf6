import assert from "node:assert/strict";
import { test } from "node:test";
import { BlockPool, readBytesMax } from "./block-pool.ts";
import type { BodySink } from "./sides.ts";

const sinkThat = (isFlushed: () => boolean): BodySink => ({
  get isFlushed() {
    return isFlushed();
  },
  take: () => true,
  end: () => {},
  fail: () => {},
});

test("a block is used again when its sink has written it, and not before", () => {
  const pool = new BlockPool();
  let isFlushed = false;
  const sink = sinkThat(() => isFlushed);
  const lent: Buffer[] = [];
  pool.readBuffer.fill("a");
  const first = pool.keep(readBytesMax);
  pool.passed(first, sink, lent);
  pool.readBuffer.fill("b");
  const second = pool.keep(40_000);
  assert.notEqual(second.buffer, first.buffer);
  assert.equal(
    first.every((byte) => byte === 0x61),
    true,
  );
  isFlushed = true;
  pool.passed(second, sink, lent);
  assert.equal(lent.length, 0);
  const again = [pool.keep(readBytesMax), pool.keep(50_000)].map(({ buffer }) => buffer);
  assert.deepEqual(new Set(again), new Set([first.buffer, second.buffer]));
});

test("small reads are never shared, and what is held for long is forgotten", () => {
  const pool = new BlockPool();
  const lent: Buffer[] = [];
  pool.passed(
    pool.keep(100),
    sinkThat(() => true),
    lent,
  );
  for (let at = 0; at < 100; at++)
    pool.passed(
      pool.keep(readBytesMax),
      sinkThat(() => false),
      lent,
    );
  assert.ok(lent.length <= 33);
});
