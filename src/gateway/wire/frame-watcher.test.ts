import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { closeFrame, FrameWatcher } from "./frame-watcher.ts";

const limits = { frameBytesMax: 100_000, messageBytesMax: 150_000 };

const frame = (first: number, length: number, mask: Buffer | null): Buffer => {
  const header =
    length < 126
      ? Buffer.from([first, length])
      : length < 65_536
        ? Buffer.from([first, 126, length >> 8, length & 0xff])
        : Buffer.from([
            first,
            127,
            0,
            0,
            0,
            0,
            length >>> 24,
            (length >> 16) & 0xff,
            (length >> 8) & 0xff,
            length & 0xff,
          ]);
  if (mask !== null) header[1] = (header[1] ?? 0) | 0x80;
  return Buffer.concat([header, mask ?? Buffer.alloc(0), Buffer.alloc(length, 0x81)]);
};

/** Feeds the bytes in pieces, as a lane does. */
const feedAll = (watcher: FrameWatcher, bytes: Buffer, cuts: readonly number[]): number => {
  let passed = 0;
  let kept = Buffer.alloc(0);
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    if (cut <= from || cut > bytes.length) continue;
    const piece = Buffer.concat([kept, bytes.subarray(from, cut)]);
    from = cut;
    const to = watcher.feed(piece);
    passed += to;
    kept = piece.subarray(to);
    if (watcher.problem !== "") return passed;
    assert.ok(kept.length < 14, "only the begin of a header waits");
  }
  return passed;
};

test("any split of any row of frames passes whole, and the border is found behind each", { timeout: 20_000 }, () => {
  const message = fc.array(fc.integer({ min: 0, max: 70_000 }), { minLength: 1, maxLength: 2 });
  fc.assert(
    fc.property(
      fc.array(message, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      fc.array(fc.nat(300_000), { maxLength: 40 }),
      (messages, isMasked, cuts) => {
        const mask = isMasked ? Buffer.from([1, 2, 3, 4]) : null;
        const bytes = Buffer.concat(
          messages.flatMap((fragments) =>
            fragments.flatMap((length, index) => [
              frame((index === 0 ? 2 : 0) | (index === fragments.length - 1 ? 0x80 : 0), length, mask),
              frame(0x89, 5, mask),
            ]),
          ),
        );
        const watcher = new FrameWatcher(isMasked, limits);
        assert.equal(
          feedAll(
            watcher,
            bytes,
            cuts.toSorted((a, b) => a - b),
          ),
          bytes.length,
        );
        assert.equal(watcher.problem, "");
        assert.ok(watcher.isBetweenFrames);
      },
    ),
    { interruptAfterTimeLimit: 3_000, markInterruptAsFailure: false },
  );
});

test("a length of 64 bits with its high bit set is refused by size before any of it passes", () => {
  const watcher = new FrameWatcher(false, limits);
  assert.equal(watcher.feed(Buffer.from([0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0])), 0);
  assert.equal(watcher.problem, "frame-too-large");
});

test("the code of a close frame is seen, masked or not", () => {
  for (const mask of [null, Buffer.from([9, 8, 7, 6])]) {
    const watcher = new FrameWatcher(mask !== null, limits);
    const close = closeFrame(1001, mask);
    assert.equal(watcher.feed(close), close.length);
    assert.equal(watcher.closeCode, 1001);
  }
  const bare = new FrameWatcher(false, limits);
  bare.feed(Buffer.from([0x88, 0]));
  assert.equal(bare.closeCode, 1005);
});
