import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { testCounters } from "../../exchange/testing-counters.ts";
import { attachCounters, createCounterMemory, createLocalCounters } from "./counters.ts";
import type { CounterTask } from "./testing-counter-thread.ts";
import { logCallsMax } from "./window-counter.ts";

const startMs = 1_750_000_000_000;

describe("sliding window", () => {
  test("a small limit is a log: exact to the millisecond", () => {
    const admit = createLocalCounters().slidingWindow("w", 3, 1000);
    const at = (ms: number) => admit("k", 1, startMs + ms);
    assert.deepEqual(
      [at(0), at(100), at(200)].map((a) => [a.isAdmitted, a.remaining]),
      [
        [true, 2],
        [true, 1],
        [true, 0],
      ],
    );
    assert.deepEqual(at(300), { isAdmitted: false, limit: 3, remaining: 0, resetAfterMs: 900, retryAfterMs: 700 });
    assert.equal(at(999).isAdmitted, false);
    assert.equal(at(1000).isAdmitted, true);
    assert.equal(at(1099).isAdmitted, false);
    assert.equal(at(1100).isAdmitted, true);
  });

  test("a small limit decides as the plainest possible counter does", () => {
    const step = fc.record({ afterMs: fc.integer({ min: 0, max: 700 }), cost: fc.integer({ min: 0, max: 4 }) });
    const calls = fc.integer({ min: 1, max: logCallsMax });
    fc.assert(
      fc.property(
        calls,
        fc.integer({ min: 1, max: 2000 }),
        fc.array(step, { maxLength: 150 }),
        (limit, windowMs, steps) => {
          const real = createLocalCounters({ windowsMax: 16 }).slidingWindow("w", limit, windowMs);
          const plain = testCounters().slidingWindow("w", limit, windowMs);
          let nowMs = startMs;
          for (const { afterMs, cost } of steps) {
            nowMs += afterMs;
            const [a, b] = [real("k", cost, nowMs), plain("k", cost, nowMs)];
            assert.deepEqual([a.isAdmitted, a.remaining, a.resetAfterMs], [b.isAdmitted, b.remaining, b.resetAfterMs]);
            if (cost <= limit) assert.equal(a.retryAfterMs, b.retryAfterMs);
          }
        },
      ),
      { interruptAfterTimeLimit: 4000, numRuns: 400 },
    );
  });

  test("a large limit never admits more in any window, and wastes at most a step", () => {
    const step = fc.record({ afterMs: fc.integer({ min: 0, max: 400 }), cost: fc.integer({ min: 1, max: 60 }) });
    fc.assert(
      fc.property(
        fc.integer({ min: logCallsMax + 1, max: 500 }),
        fc.integer({ min: 1, max: 5000 }),
        fc.array(step, { maxLength: 300 }),
        (limit, windowMs, steps) => {
          const admit = createLocalCounters({ windowsMax: 16 }).slidingWindow("w", limit, windowMs);
          const stepMs = Math.ceil(windowMs / 60);
          const log: { atMs: number; cost: number }[] = [];
          const usedSince = (sinceMs: number) =>
            log.filter((e) => e.atMs > sinceMs).reduce((sum, e) => sum + e.cost, 0);
          let nowMs = startMs;
          for (const { afterMs, cost } of steps) {
            nowMs += afterMs;
            const admission = admit("k", cost, nowMs);
            if (admission.isAdmitted) log.push({ atMs: nowMs, cost });
            else assert.ok(usedSince(nowMs - windowMs - stepMs) + cost > limit, "refused although there was room");
            assert.ok(usedSince(nowMs - windowMs) <= limit, "more than the limit in a window");
          }
        },
      ),
      { interruptAfterTimeLimit: 4000, numRuns: 400 },
    );
  });

  test("who waits as told is admitted, and not a millisecond before", () => {
    const step = fc.record({ afterMs: fc.integer({ min: 0, max: 300 }), cost: fc.integer({ min: 1, max: 20 }) });
    fc.assert(
      fc.property(
        fc.constantFrom(3, 20, 128, 129, 300),
        fc.integer({ min: 1, max: 3000 }),
        fc.array(step, { maxLength: 200 }),
        (limit, windowMs, steps) => {
          const admit = createLocalCounters({ windowsMax: 16 }).slidingWindow("w", limit, windowMs);
          let nowMs = startMs;
          for (const { afterMs, cost } of steps) {
            nowMs += afterMs;
            const admission = admit("k", cost, nowMs);
            if (admission.isAdmitted || cost > limit) continue;
            if (admission.retryAfterMs > 1)
              assert.equal(admit("k", cost, nowMs + admission.retryAfterMs - 1).isAdmitted, false);
            nowMs += admission.retryAfterMs;
            assert.equal(admit("k", cost, nowMs).isAdmitted, true);
          }
        },
      ),
      { interruptAfterTimeLimit: 4000, numRuns: 300 },
    );
  });

  test("after resetAfterMs the whole limit is free", () => {
    for (const calls of [5, 500]) {
      const admit = createLocalCounters().slidingWindow("w", calls, 60_000);
      const { resetAfterMs } = admit("k", calls, startMs + 17);
      assert.equal(resetAfterMs, 60_000);
      assert.equal(admit("k", 0, startMs + 17 + resetAfterMs - 1).remaining, 0);
      assert.equal(admit("k", 0, startMs + 17 + resetAfterMs).remaining, calls);
    }
  });

  test("a cost of 0 asks without taking; more than the limit is never admitted", () => {
    const admit = createLocalCounters().slidingWindow("w", 2, 1000);
    assert.equal(admit("k", 0, startMs).remaining, 2);
    assert.equal(admit("k", 3, startMs).isAdmitted, false);
    assert.equal(admit("k", 2, startMs).isAdmitted, true);
  });

  test("keys and names are apart; the same name continues, also with another limit", () => {
    const counters = createLocalCounters();
    const admit = counters.slidingWindow("w", 1, 1000);
    assert.equal(admit("a", 1, startMs).isAdmitted, true);
    assert.equal(admit("b", 1, startMs).isAdmitted, true);
    assert.equal(counters.slidingWindow("v", 1, 1000)("a", 1, startMs).isAdmitted, true);
    assert.equal(counters.slidingWindow("w", 1, 1000)("a", 1, startMs).isAdmitted, false);
    assert.equal(counters.slidingWindow("w", 2, 1000)("a", 1, startMs).remaining, 0);
  });

  test("a clock that is set back frees nothing early and blocks nobody for long", () => {
    for (const calls of [2, 200]) {
      const admit = createLocalCounters().slidingWindow("w", calls, 1000);
      assert.equal(admit("k", calls, startMs).isAdmitted, true);
      assert.equal(admit("k", 1, startMs - 3_600_000).isAdmitted, false);
      assert.equal(admit("k", 1, startMs - 3_600_000 + 900).isAdmitted, false);
      assert.equal(admit("k", 1, startMs - 3_600_000 + 1100).isAdmitted, true);
    }
  });

  test("a log survives longer than 32 bits of milliseconds", () => {
    const admit = createLocalCounters().slidingWindow("w", 2, 2_000_000_000);
    // One call every half window: from the second on there are always two in the window, until the older one leaves.
    for (let i = 0; i < 12; i++) {
      const nowMs = startMs + i * 1_000_000_000;
      assert.equal(admit("k", 1, nowMs).isAdmitted, true, String(i));
      if (i > 0) assert.equal(admit("k", 1, nowMs + 999_999_999).isAdmitted, false, String(i));
    }
  });
});

describe("full tables", () => {
  test("expired keys give way first, then idle ones and it is counted; busy ones never", () => {
    const counters = createLocalCounters({ windowsMax: 16 });
    const admit = counters.slidingWindow("w", 1, 60_000);
    for (let i = 0; i < 16; i++) assert.equal(admit(`k${i}`, 1, startMs + i).isAdmitted, true);
    // All are busy: the seventeenth is refused, not let through unlimited.
    const refused = admit("new", 1, startMs + 20);
    assert.deepEqual([refused.isAdmitted, refused.retryAfterMs], [false, 1000]);
    assert.deepEqual(counters.stats(), { evictions: 0, full: 1, lockTimeouts: 0 });
    assert.equal(admit("new", 1, startMs + 5000).isAdmitted, true);
    assert.equal(counters.stats().evictions, 1);
    assert.equal(admit("k5", 1, startMs + 5001).isAdmitted, false, "k5 was not the one idle longest");
    for (let i = 0; i < 16; i++) assert.equal(admit(`later${i}`, 1, startMs + 200_000).isAdmitted, true);
    assert.equal(counters.stats().evictions, 1);
  });

  test("a running quota is not given up: new keys are refused", () => {
    const counters = createLocalCounters({ periodsMax: 16 });
    const quota = counters.period("q", 5, 60_000, startMs);
    for (let i = 0; i < 16; i++) quota.add(`k${i}`, 5, startMs);
    assert.equal(quota.admit("new", 1, startMs).isAdmitted, false);
    assert.equal(quota.admit("k3", 1, startMs).isAdmitted, false);
    assert.equal(quota.admit("new", 1, startMs + 60_000).isAdmitted, true);
  });
});

describe("periods", () => {
  test("begin at the first start plus whole periods, and tell their end", () => {
    const quota = createLocalCounters().period("q", 2, 1000, startMs - 300);
    assert.deepEqual(quota.admit("k", 2, startMs), {
      isAdmitted: true,
      limit: 2,
      remaining: 0,
      resetAfterMs: 700,
      retryAfterMs: 0,
    });
    assert.deepEqual(quota.admit("k", 1, startMs + 1), {
      isAdmitted: false,
      limit: 2,
      remaining: 0,
      resetAfterMs: 699,
      retryAfterMs: 699,
    });
    assert.equal(quota.admit("k", 1, startMs + 700).isAdmitted, true);
  });
  test("add may pass the limit; nothing is admitted then", () => {
    const quota = createLocalCounters().period("q", 10, 1000, 0);
    quota.add("k", 25, startMs);
    assert.equal(quota.admit("k", 1, startMs).isAdmitted, false);
    assert.equal(quota.admit("k", 1, startMs).remaining, 0);
  });
  test("a lifetime never renews", () => {
    const quota = createLocalCounters().period("q", 1, 0, 0);
    assert.equal(quota.admit("k", 1, startMs).isAdmitted, true);
    const refused = quota.admit("k", 1, startMs + 1e12);
    assert.deepEqual([refused.isAdmitted, refused.resetAfterMs], [false, Number.POSITIVE_INFINITY]);
  });
  test("volumes survive a restart, and damaged files are refused", () => {
    const before = createLocalCounters();
    before.period("q", 10, 60_000, startMs).admit("k", 7, startMs);
    before.period("over", 10, 1000, startMs).admit("k", 7, startMs);
    const saved = before.exportPeriods(startMs + 2000);
    const after = createLocalCounters();
    assert.equal(after.importPeriods(saved, startMs + 2000), true);
    assert.equal(after.period("q", 10, 60_000, startMs).admit("k", 1, startMs + 2000).remaining, 2);
    assert.equal(after.period("over", 10, 1000, startMs).admit("k", 1, startMs).remaining, 9);
    for (const damaged of [
      saved.subarray(0, -1),
      saved.map((byte, i) => (i === 20 ? byte ^ 1 : byte)),
      new Uint8Array(),
      new Uint8Array(100),
    ])
      assert.equal(createLocalCounters().importPeriods(damaged, startMs), false);
  });
});

describe("concurrency", () => {
  test("no more than max at once; leaving makes room", () => {
    const limit = createLocalCounters().concurrency("c", 2);
    assert.deepEqual(
      [limit.enter("k"), limit.enter("k"), limit.enter("k"), limit.enter("other")],
      [true, true, false, true],
    );
    limit.leave("k");
    assert.equal(limit.enter("k"), true);
  });
});

describe("threads", () => {
  const workerFile = fileURLToPath(new URL("./testing-counter-thread.ts", import.meta.url));
  const spawn = (task: Partial<CounterTask> & Pick<CounterTask, "memory" | "thread" | "kind">): Worker =>
    new Worker(workerFile, {
      workerData: { calls: 50, windowMs: 60_000, attempts: 1, keys: 1, nowMs: startMs, ...task },
    });
  const resultOf = async (worker: Worker): Promise<{ admitted: number[]; tooMany: number }> => {
    const [message] = await once(worker, "message");
    return message;
  };

  for (const kind of ["window", "period"] as const) {
    for (const calls of [37, 1000]) {
      test(`${kind}: four threads together admit exactly ${calls} per key`, async () => {
        const memory = createCounterMemory();
        // Enough work that no thread is through before the others have begun.
        const keys = Math.ceil(40_000 / calls);
        const gate = { word: new SharedArrayBuffer(4), threads: 4 };
        const workers = [0, 1, 2, 3].map((thread) =>
          spawn({ memory, thread, kind, calls, keys, attempts: calls * keys * 2, gate }),
        );
        const results = await Promise.all(workers.map(resultOf));
        for (let key = 0; key < keys; key++)
          assert.equal(
            results.reduce((sum, result) => sum + (result.admitted[key] ?? 0), 0),
            calls,
          );
        assert.ok(results.filter((result) => result.admitted.some((n) => n > 0)).length > 1, "only one thread got in");
        await Promise.all(workers.map((worker) => worker.terminate()));
      });
    }
  }

  test("concurrency: threads that enter and leave end with nothing running", async () => {
    const memory = createCounterMemory();
    const workers = [0, 1, 2].map((thread) =>
      spawn({ memory, thread, kind: "concurrency", calls: 2, keys: 2, attempts: 20_000 }),
    );
    const results = await Promise.all(workers.map(resultOf));
    assert.equal(
      results.reduce((sum, result) => sum + result.tooMany, 0),
      0,
    );
    const own = attachCounters(memory, 3).concurrency("hammer", 2);
    assert.deepEqual([own.enter("key-0"), own.enter("key-0"), own.enter("key-0")], [true, true, false]);
    await Promise.all(workers.map((worker) => worker.terminate()));
  });

  test("what a dead thread ran is struck out", async () => {
    const memory = createCounterMemory();
    const worker = spawn({ memory, thread: 1, kind: "hold", calls: 3, attempts: 3 });
    assert.deepEqual((await resultOf(worker)).admitted, [3]);
    const own = attachCounters(memory, 0);
    assert.equal(own.concurrency("hammer", 3).enter("key-0"), false);
    await worker.terminate();
    own.repairThread(1);
    assert.equal(own.concurrency("hammer", 3).enter("key-0"), true);
  });

  test("threads killed at any moment, also within a lock, block nobody", async () => {
    const memory = createCounterMemory({ windowsMax: 16 });
    const own = attachCounters(memory, 0);
    const admit = own.slidingWindow("hammer", 1000, 60_000);
    let before = admit("key-0", 0, startMs).remaining;
    for (let round = 0; round < 12; round++) {
      const worker = spawn({ memory, thread: 1, kind: "forever", calls: 1000, keys: 1 });
      await once(worker, "message");
      await worker.terminate();
      own.repairThread(1);
      const started = performance.now();
      const { remaining } = admit("key-0", 0, startMs);
      assert.ok(performance.now() - started < 40, "the lock was still held");
      assert.ok(remaining <= before);
      before = remaining;
    }
  });

  test("a lock whose owner neither lives nor is known to be dead refuses instead of hanging", () => {
    const memory = createCounterMemory({ windowsMax: 16 });
    const own = attachCounters(memory, 0);
    const admit = own.slidingWindow("w", 5, 60_000);
    // The first word behind header (64 bytes) and thread flags (256 bytes) is the only bucket's lock: thread 7 seems to hold it.
    const lock = new Int32Array(memory, 64 + 256, 1);
    lock[0] = 8;
    const refused = admit("k", 1, startMs);
    assert.equal(refused.isAdmitted, false);
    assert.equal(own.stats().lockTimeouts, 1);
    own.repairThread(7);
    assert.equal(admit("k", 1, startMs).isAdmitted, true);
  });
});

test("memory that holds no counters, and thread numbers beyond it, are refused", () => {
  assert.throws(() => attachCounters(new SharedArrayBuffer(1024), 0), /no counters/);
  assert.throws(() => attachCounters(createCounterMemory({ threadsMax: 2 }), 2), /beyond/);
});
