import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { attachStore, createLocalStore, createStoreMemory } from "./shared-store.ts";

const text = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString();

test("what is kept is found until it is over, deleted or replaced", () => {
  const store = createLocalStore({ bytesMax: 1024 * 1024 });
  assert.equal(store.get("a", 0), undefined);
  assert.equal(store.set("a", Buffer.from("1"), 100, 0), true);
  assert.equal(text(store.get("a", 99)), "1");
  assert.equal(store.get("a", 100), undefined);
  store.set("a", Buffer.from("2"), 200, 100);
  store.set("a", Buffer.from("3"), 200, 100);
  assert.equal(text(store.get("a", 150)), "3");
  assert.equal(store.delete("a"), true);
  assert.equal(store.delete("a"), false);
  assert.equal(store.stats().bytesUsed, 0);
});

test("a store agrees with a map, whatever comes", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          key: fc.constantFrom("a", "b", "c", "k".repeat(5000)),
          size: fc.constantFrom(-1, 0, 1, 4095, 4096, 4097, 9000, 20_000),
        }),
        { maxLength: 60 },
      ),
      (acts) => {
        const store = createLocalStore({ bytesMax: 1024 * 1024, valuesMax: 64 });
        const want = new Map<string, Buffer>();
        for (const [n, { key, size }] of acts.entries()) {
          if (size < 0) {
            store.delete(key);
            want.delete(key);
            continue;
          }
          const value = Buffer.alloc(size, n % 251);
          assert.equal(store.set(key, value, 10, 0), true);
          want.set(key, value);
        }
        for (const key of ["a", "b", "c", "k".repeat(5000)])
          assert.deepEqual(store.get(key, 1) && Buffer.from(store.get(key, 1) ?? []), want.get(key));
        for (const key of want.keys()) store.delete(key);
        assert.equal(store.stats().bytesUsed, 0);
      },
    ),
    { numRuns: 100, interruptAfterTimeLimit: 5_000 },
  );
});

test("it holds no more than its bytes, and gives up what was not used", () => {
  const store = createLocalStore({ bytesMax: 256 * 1024, valuesMax: 1024 });
  for (let n = 0; n < 1000; n++) {
    assert.equal(store.set(`k${n}`, Buffer.alloc(3000), 10, 0), true);
    assert.ok(store.get("k0", 1) !== undefined, `the one that is used was given up at ${n}`);
  }
  assert.ok(store.stats().bytesUsed <= 256 * 1024);
  assert.ok(store.stats().evictions > 900);
});

test("a value that is too large is not kept", () => {
  const store = createLocalStore({ bytesMax: 256 * 1024 });
  assert.equal(store.set("a", Buffer.alloc(store.valueBytesMax), 10, 0), false);
  assert.equal(store.set("a", Buffer.alloc(store.valueBytesMax - 1), 10, 0), true);
});

test("more keys than slots: new ones are found, old ones give way", () => {
  const store = createLocalStore({ bytesMax: 64 * 1024 * 1024, valuesMax: 64 });
  for (let n = 0; n < 500; n++) {
    store.set(`k${n}`, Buffer.from([n % 256]), 10, 0);
    assert.equal(store.get(`k${n}`, 1)?.[0], n % 256);
  }
});

test("a tag is purged by time", () => {
  const store = createLocalStore({ bytesMax: 64 * 1024 });
  assert.equal(store.purgedAtMs("books"), 0);
  store.purge("books", 77);
  assert.equal(store.purgedAtMs("books"), 77);
});

test("threads share it, and no value is ever mixed up", async () => {
  const memory = createStoreMemory({ threadsMax: 4, bytesMax: 512 * 1024, valuesMax: 256 });
  const url = new URL("./shared-store.ts", import.meta.url).href;
  const code = `
    const { attachStore } = await import(${JSON.stringify(url)});
    const { workerData, parentPort } = await import("node:worker_threads");
    const store = attachStore(workerData.memory, workerData.thread);
    let wrong = 0;
    for (let n = 0; n < 20000; n++) {
      const key = "k" + (n * 7 % 61);
      if (n % 3 === 0) store.set(key, Buffer.from((key + ";").repeat(1 + n % 2000)), 10, 0);
      else {
        const found = store.get(key, 1);
        if (found !== undefined && Buffer.from(found).toString().replaceAll(key + ";", "") !== "") wrong++;
      }
    }
    parentPort.postMessage(wrong);
  `;
  const results = await Promise.all(
    [0, 1, 2].map(
      (thread) =>
        new Promise<number>((resolve, reject) => {
          const worker = new Worker(code, { eval: true, workerData: { memory, thread } });
          worker.on("message", resolve);
          worker.on("error", reject);
        }),
    ),
  );
  assert.deepEqual(results, [0, 0, 0]);
});

test("a thread that dies within the lock empties the store and stops nobody", () => {
  const memory = createStoreMemory({ threadsMax: 2, bytesMax: 64 * 1024 });
  const store = attachStore(memory, 0);
  store.set("a", Buffer.from("1"), 10, 0);
  // The lock's word, as thread 1 would leave it.
  Atomics.store(new Int32Array(memory), 5, 2);
  store.repairThread(1);
  assert.equal(store.get("a", 1), undefined);
  assert.equal(store.set("a", Buffer.from("2"), 10, 0), true);
  assert.equal(text(store.get("a", 1)), "2");
});
