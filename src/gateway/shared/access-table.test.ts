import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import type { KeyEntry, SubscriptionEntry } from "../../model/snapshot.ts";
import { type AccessDelta, createAccessReader, createAccessWriter } from "./access-table.ts";

const digest = (key: string): string => createHash("sha256").update(key).digest("hex").slice(0, 32);
const subscription = (id: string, more: Partial<SubscriptionEntry> = {}): SubscriptionEntry => ({
  id,
  state: "active",
  product: "books",
  plan: "basic",
  application: "app",
  organization: "org",
  ...more,
});
const keyOf = (key: string, owner: string, expiresAtMs = 0): KeyEntry => ({
  digest: digest(key),
  subscription: owner,
  expiresAtMs,
});
const delta = (more: Partial<AccessDelta>): AccessDelta => ({
  type: "access",
  reset: false,
  subscriptions: [],
  keys: [],
  revoked: [],
  ...more,
});

test("a key is found with its subscription's facts; an unknown one is not", () => {
  const writer = createAccessWriter();
  writer.apply(delta({ subscriptions: [subscription("s1", { organization: "Bücher" })], keys: [keyOf("k1", "s1")] }));
  const reader = createAccessReader(writer.buffers);
  assert.deepEqual(
    { ...reader.find("k1", 1) },
    {
      subscription: "s1",
      state: "active",
      product: "books",
      plan: "basic",
      application: "app",
      organization: "Bücher",
    },
  );
  assert.equal(reader.find("k2", 1), undefined);
  assert.equal(reader.find("", 1), undefined);
  assert.equal(reader.find("x".repeat(10_000), 1), undefined);
});

test("a revoked key is refused at once although it was cached, and may come back", () => {
  const writer = createAccessWriter();
  writer.apply(delta({ subscriptions: [subscription("s1")], keys: [keyOf("k1", "s1")] }));
  const reader = createAccessReader(writer.buffers);
  assert.ok(reader.find("k1", 1));
  writer.apply(delta({ revoked: [digest("k1")] }));
  assert.equal(reader.find("k1", 1), undefined);
  writer.apply(delta({ keys: [keyOf("k1", "s1")] }));
  assert.ok(reader.find("k1", 1));
});

test("an expired key is refused, and a new end takes effect on a cached key", () => {
  const writer = createAccessWriter();
  writer.apply(delta({ subscriptions: [subscription("s1")], keys: [keyOf("k1", "s1", 5000)] }));
  const reader = createAccessReader(writer.buffers);
  assert.ok(reader.find("k1", 4999));
  assert.equal(reader.find("k1", 5000), undefined);
  writer.apply(delta({ keys: [keyOf("k1", "s1", 9000)] }));
  assert.ok(reader.find("k1", 8999));
});

test("a suspended subscription is seen at once on a cached key", () => {
  const writer = createAccessWriter();
  writer.apply(delta({ subscriptions: [subscription("s1")], keys: [keyOf("k1", "s1")] }));
  const reader = createAccessReader(writer.buffers);
  assert.equal(reader.find("k1", 1)?.state, "active");
  writer.apply(delta({ subscriptions: [subscription("s1", { state: "suspended", plan: "other" })] }));
  assert.deepEqual([reader.find("k1", 1)?.state, reader.find("k1", 1)?.plan], ["suspended", "other"]);
});

test("a key that comes before its subscription may not call until that comes", () => {
  const writer = createAccessWriter();
  writer.apply(delta({ keys: [keyOf("k1", "s1")] }));
  const reader = createAccessReader(writer.buffers);
  assert.equal(reader.find("k1", 1)?.state, "pending");
  writer.apply(delta({ subscriptions: [subscription("s1")] }));
  assert.equal(reader.find("k1", 1)?.state, "active");
});

test("a revocation reaches readers of a table that has moved, until they have the new one", () => {
  const writer = createAccessWriter();
  writer.apply(delta({ subscriptions: [subscription("s1")], keys: [keyOf("k1", "s1"), keyOf("k2", "s1")] }));
  const reader = createAccessReader(writer.buffers);
  assert.ok(reader.find("k1", 1));
  const many = Array.from({ length: 5000 }, (_, i) => keyOf(`m${i}`, "s1"));
  assert.equal(writer.apply(delta({ keys: many })), true);
  writer.apply(delta({ revoked: [digest("k1")] }));
  assert.equal(reader.find("k1", 1), undefined);
  assert.ok(reader.find("k2", 1));
  reader.use(writer.buffers);
  assert.ok(reader.find("m4999", 1));
  assert.equal(reader.find("k1", 1), undefined);
});

test("a reset forgets everything before it", () => {
  const writer = createAccessWriter();
  writer.apply(delta({ subscriptions: [subscription("s1")], keys: [keyOf("k1", "s1")] }));
  const reader = createAccessReader(writer.buffers);
  assert.equal(
    writer.apply(delta({ reset: true, subscriptions: [subscription("s2")], keys: [keyOf("k2", "s2")] })),
    true,
  );
  reader.use(writer.buffers);
  assert.equal(reader.find("k1", 1), undefined);
  assert.equal(reader.find("k2", 1)?.subscription, "s2");
});

test("tables that were saved go on: readers find what was in them and the writer changes it", () => {
  const writer = createAccessWriter();
  const id = "0198c0de-1111-7222-8333-444455556666";
  writer.apply(delta({ subscriptions: [subscription(id)], keys: [keyOf("k1", id)] }));
  const copy = (buffer: SharedArrayBuffer, isGrowable: boolean): SharedArrayBuffer => {
    const other = isGrowable
      ? new SharedArrayBuffer(buffer.byteLength, { maxByteLength: 1 << 20 })
      : new SharedArrayBuffer(buffer.byteLength);
    new Uint8Array(other).set(new Uint8Array(buffer));
    return other;
  };
  const { keys, records, strings } = writer.buffers;
  const again = createAccessWriter({
    keys: copy(keys, false),
    records: copy(records, true),
    strings: copy(strings, true),
  });
  again.apply(
    delta({ subscriptions: [subscription(id, { state: "ended" }), subscription("s2")], keys: [keyOf("k2", "s2")] }),
  );
  const reader = createAccessReader(again.buffers);
  assert.deepEqual([reader.find("k1", 1)?.subscription, reader.find("k1", 1)?.state], [id, "ended"]);
  assert.equal(reader.find("k2", 1)?.subscription, "s2");
  assert.equal(again.subscriptions, 2);
});

test("any order of puts and revocations leaves what a plain map would", () => {
  const action = fc.record({
    key: fc.integer({ min: 0, max: 40 }),
    isRevoked: fc.boolean(),
    owner: fc.integer({ min: 0, max: 5 }),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 300 }), (actions) => {
      const writer = createAccessWriter();
      const model = new Map<string, string>();
      for (const { key, isRevoked, owner } of actions) {
        if (isRevoked) {
          writer.apply(delta({ revoked: [digest(`k${key}`)] }));
          model.delete(`k${key}`);
        } else {
          writer.apply(delta({ subscriptions: [subscription(`s${owner}`)], keys: [keyOf(`k${key}`, `s${owner}`)] }));
          model.set(`k${key}`, `s${owner}`);
        }
      }
      const reader = createAccessReader(writer.buffers);
      for (let key = 0; key <= 40; key++) assert.equal(reader.find(`k${key}`, 1)?.subscription, model.get(`k${key}`));
    }),
    { numRuns: 50 },
  );
});

test("a million keys of half a million subscriptions take at most 64 MiB, and are all found", () => {
  const keysCount = 1_000_000;
  const uuid = (kind: string, n: number): string => `0198c0de-${kind}-7000-8000-${n.toString(16).padStart(12, "0")}`;
  const subscriptions = Array.from({ length: keysCount / 2 }, (_, i) =>
    subscription(uuid("aaaa", i), { application: uuid("bbbb", i >> 1), organization: uuid("cccc", i % 1000) }),
  );
  const random = randomBytes(keysCount * 16).toString("hex");
  const keys = Array.from({ length: keysCount }, (_, i) => ({
    digest: i === 77 ? digest("known") : random.slice(i * 32, i * 32 + 32),
    subscription: uuid("aaaa", i >> 1),
    expiresAtMs: 0,
  }));
  const writer = createAccessWriter();
  const startedAt = performance.now();
  writer.apply(delta({ reset: true, subscriptions, keys }));
  const tookMs = performance.now() - startedAt;
  const mebibytes = writer.bytes / 1024 / 1024;
  console.log(`a million keys: ${mebibytes.toFixed(1)} MiB, loaded in ${tookMs.toFixed(0)} ms`);
  assert.ok(mebibytes <= 64, `${mebibytes} MiB`);
  assert.equal(writer.keys, keysCount);
  const reader = createAccessReader(writer.buffers);
  assert.equal(reader.find("known", 1)?.subscription, uuid("aaaa", 38));
  const rounds = 200_000;
  const from = performance.now();
  for (let i = 0; i < rounds; i++) reader.find("known", 1);
  console.log(`a warm look-up: ${(((performance.now() - from) * 1e6) / rounds).toFixed(0)} ns`);
});

test("readers on another thread never see half a change", { timeout: 30_000 }, async () => {
  const writer = createAccessWriter();
  const both = (n: number): AccessDelta =>
    delta({
      subscriptions: [subscription("s1", { product: `p${n}`, plan: `p${n}`, application: `p${n}` })],
      keys: [keyOf("k1", "s1", n % 2 === 0 ? 0 : 4_000_000_000_000)],
    });
  writer.apply(both(0));
  const worker = new Worker(new URL("./testing-access-reader.ts", import.meta.url), { workerData: writer.buffers });
  let isDone = false;
  const done = new Promise<{ readonly reads: number; readonly torn: number; readonly changes: number }>(
    (resolve, reject) => {
      worker.once("message", (result) => {
        isDone = true;
        resolve(result);
      });
      worker.once("error", reject);
    },
  );
  for (let n = 1; !isDone; n++) {
    writer.apply(both(n));
    if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const { reads, torn, changes } = await done;
  await worker.terminate();
  assert.ok(reads > 10_000 && changes > 100, `${reads} reads, ${changes} changes`);
  assert.equal(torn, 0);
});
