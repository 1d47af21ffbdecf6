import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Fault } from "../../base/fault.ts";
import { silentLog } from "../../base/log.ts";
import type { UsageRow } from "../../model/snapshot.ts";
import { createUsageOutbox, type UsageBatch } from "./usage-outbox.ts";

const directory = mkdtempSync(join(tmpdir(), "portico-outbox-"));
after(() => rmSync(directory, { recursive: true }));

const row = (n: number): UsageRow => ({
  minuteMs: n,
  api: "a",
  operation: "o",
  subscription: "",
  status: 200,
  calls: 1,
  requestBytes: 0,
  responseBytes: 0,
  durationMsSum: 0,
  durationMsMax: 0,
});

test("a batch that could not be sent is sent again under the same id, in order", async () => {
  const outbox = await createUsageOutbox(join(directory, "a.json"), silentLog);
  outbox.add([row(1)]);
  outbox.add([row(2)]);
  const tried: UsageBatch[] = [];
  await outbox.flush(async (batch) => {
    tried.push(batch);
    throw new Error("away");
  });
  const sent: UsageBatch[] = [];
  await outbox.flush(async (batch) => {
    sent.push(batch);
  });
  assert.equal(tried.length, 1);
  assert.deepEqual(
    sent.map((batch) => batch.rows[0]?.minuteMs),
    [1, 2],
  );
  assert.equal(sent[0]?.id, tried[0]?.id);
});

test("what could not be sent is kept over a restart, and the file goes when nothing waits", async () => {
  const file = join(directory, "b.json");
  const outbox = await createUsageOutbox(file, silentLog);
  outbox.add([row(1)]);
  await outbox.save();
  const again = await createUsageOutbox(file, silentLog);
  const sent: UsageBatch[] = [];
  await again.flush(async (batch) => {
    sent.push(batch);
  });
  assert.equal(sent.length, 1);
  await again.save();
  assert.equal(existsSync(file), false);
});

test("a batch that control will never take does not hold up the others, and is counted", async () => {
  const outbox = await createUsageOutbox(join(directory, "c.json"), silentLog);
  outbox.add([row(1)]);
  outbox.add([row(2)]);
  const sent: number[] = [];
  await outbox.flush(async (batch) => {
    if (batch.rows[0]?.minuteMs === 1) throw new Fault("control.refused", { public: "no", status: 422 });
    sent.push(batch.rows[0]?.minuteMs ?? 0);
  });
  assert.deepEqual([sent, outbox.rowsLost], [[2], 1]);
});

test("the outbox is bounded: the oldest rows go first, and are counted", async () => {
  const outbox = await createUsageOutbox(join(directory, "d.json"), silentLog);
  const rows = Array.from({ length: 50_000 }, (_, n) => row(n));
  for (let i = 0; i < 11; i++) outbox.add(rows);
  assert.equal(outbox.rowsLost, 50_000);
});
