import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { jsonLog, silentLog } from "../../base/log.ts";
import { type AccessDelta, createAccessReader } from "../shared/access-table.ts";
import { createSnapshotStore, type SavedConfiguration } from "./snapshot-store.ts";
import type { UnitText } from "./thread-messages.ts";

const directories: string[] = [];
const newDirectory = (): string => {
  const directory = mkdtempSync(join(tmpdir(), "portico-snapshot-"));
  directories.push(directory);
  return directory;
};
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

const unit = (api: string, text: string): UnitText => ({
  api,
  text: JSON.stringify({ api, text }),
  hash: createHash("sha256").update(text).digest("hex"),
});
const mapOf = (...units: readonly UnitText[]): ReadonlyMap<string, UnitText> =>
  new Map(units.map((one) => [one.api, one]));
const digest = (key: string): string => createHash("sha256").update(key).digest("hex").slice(0, 32);
const delta = (more: Partial<AccessDelta>): AccessDelta => ({
  type: "access",
  reset: false,
  subscriptions: [],
  keys: [],
  revoked: [],
  ...more,
});
const keyed = (...keys: readonly string[]): AccessDelta =>
  delta({
    subscriptions: [{ id: "s", state: "active", product: "p", plan: "q", application: "a", organization: "o" }],
    keys: keys.map((key) => ({ digest: digest(key), subscription: "s", expiresAtMs: 0 })),
  });

test("a configuration comes back as it was saved, with the last good unit where the wanted one does not compile", async () => {
  const directory = newDirectory();
  const store = await createSnapshotStore(directory, silentLog);
  await store.load();
  const saved: SavedConfiguration = {
    revision: 7,
    hash: "h",
    wanted: mapOf(unit("a", "a2"), unit("b", "b1"), unit("c", "c1")),
    live: mapOf(unit("a", "a1"), unit("b", "b1")),
  };
  store.saveConfiguration(() => ({ ...saved, revision: 6 }));
  store.saveConfiguration(() => saved);
  await store.close();
  const again = await createSnapshotStore(directory, silentLog);
  assert.deepEqual((await again.load()).configuration, saved);
  assert.equal(readdirSync(join(directory, "units")).length, 4);
  again.saveConfiguration(() => ({ ...saved, wanted: mapOf(unit("b", "b1")), live: mapOf(unit("b", "b1")) }));
  await again.close();
  assert.equal(readdirSync(join(directory, "units")).length, 1, "units that nobody names are removed");
});

test("every file is for its owner only", async () => {
  const directory = newDirectory();
  const store = await createSnapshotStore(directory, silentLog);
  const { access } = await store.load();
  access.apply(keyed("k"));
  await store.saveAccess(access);
  store.saveConfiguration(() => ({
    revision: 1,
    hash: "h",
    wanted: mapOf(unit("a", "1")),
    live: mapOf(unit("a", "1")),
  }));
  await store.close();
  let files = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    files += 1;
    assert.equal(statSync(join(entry.parentPath, entry.name)).mode & 0o777, 0o600, entry.name);
  }
  assert.ok(files >= 5, `${files} files`);
});

test("the access table comes back with the changes after it, also when the last line was cut off by a crash", async () => {
  const directory = newDirectory();
  const store = await createSnapshotStore(directory, silentLog);
  const { access } = await store.load();
  access.apply(keyed("k1", "k2"));
  await store.saveAccess(access);
  for (const change of [delta({ revoked: [digest("k1")] }), keyed("k3")]) {
    access.apply(change);
    await store.appendAccess([change]);
  }
  // No close: the process was killed.
  const journal = readdirSync(directory).find((name) => name.endsWith(".jsonl"));
  appendFileSync(join(directory, journal ?? ""), '{"type":"access","revoked":["');
  const again = await (await createSnapshotStore(directory, silentLog)).load();
  const reader = createAccessReader(again.access.buffers);
  assert.deepEqual(
    ["k1", "k2", "k3"].map((key) => reader.find(key, 1)?.subscription),
    [undefined, "s", "s"],
  );
  await store.close();
});

test("a key that is revoked after a table was restored stays revoked over the next restart", async () => {
  const directory = newDirectory();
  const first = await createSnapshotStore(directory, silentLog);
  const { access } = await first.load();
  access.apply(keyed("k1", "k2"));
  await first.appendAccess([keyed("k1", "k2")]);
  await first.close();
  const second = await createSnapshotStore(directory, silentLog);
  const restored = (await second.load()).access;
  restored.apply(delta({ revoked: [digest("k1")] }));
  await second.appendAccess([delta({ revoked: [digest("k1")] })]);
  await second.saveAccess(restored);
  await second.close();
  const third = await (await createSnapshotStore(directory, silentLog)).load();
  const reader = createAccessReader(third.access.buffers);
  assert.deepEqual([reader.find("k1", 1), reader.find("k2", 1)?.subscription], [undefined, "s"]);
});

test("damaged files are told in the log, and what is whole is used", async () => {
  const directory = newDirectory();
  const store = await createSnapshotStore(directory, silentLog);
  const { access } = await store.load();
  access.apply(keyed("k1"));
  await store.saveAccess(access);
  const units = mapOf(unit("a", "1"), unit("b", "2"));
  store.saveConfiguration(() => ({ revision: 3, hash: "h", wanted: units, live: units }));
  await store.close();
  rmSync(join(directory, "units", `${unit("b", "2").hash}.json`));
  const table = readdirSync(directory).find((name) => name.endsWith(".bin")) ?? "";
  truncateSync(join(directory, table), 100);
  const again = await (await createSnapshotStore(directory, silentLog)).load();
  assert.deepEqual([...(again.configuration?.live.keys() ?? [])], ["a"]);
  assert.equal(again.access.keys, 0);
  // A unit that is cut off or changed is as good as none: what it says must not be guessed.
  const whole = await createSnapshotStore(directory, silentLog);
  await whole.load();
  whole.saveConfiguration(() => ({ revision: 4, hash: "h", wanted: units, live: units }));
  await whole.close();
  const unitFile = join(directory, "units", `${unit("b", "2").hash}.json`);
  for (const spoil of [
    () => truncateSync(unitFile, 10),
    () => writeFileSync(unitFile, unit("b", "2").text.replace("2", "3")),
  ]) {
    spoil();
    const logged: string[] = [];
    const log = jsonLog({ level: "error", write: (line) => logged.push(line) });
    const spoilt = await (await createSnapshotStore(directory, log)).load();
    assert.deepEqual([...(spoilt.configuration?.wanted.keys() ?? [])], ["a"]);
    assert.match(logged.join(""), /"api":"b"/);
  }
  writeFileSync(join(directory, "manifest.json"), "{");
  assert.equal((await (await createSnapshotStore(directory, silentLog)).load()).configuration, undefined);
});

test("a damaged pointer to the access table is told, and the newest whole table is used; a changed table is not", async () => {
  const directory = newDirectory();
  const store = await createSnapshotStore(directory, silentLog);
  const { access } = await store.load();
  access.apply(keyed("k1", "k2"));
  await store.saveAccess(access);
  await store.appendAccess([delta({ revoked: [digest("k1")] })]);
  await store.close();
  const logged: string[] = [];
  const log = jsonLog({ level: "error", write: (line) => logged.push(line) });
  for (const pointer of ["", "{", '{"sequence":', '{"sequence":77}', "[]"]) {
    writeFileSync(join(directory, "access.json"), pointer);
    const again = await createSnapshotStore(directory, log);
    const reader = createAccessReader((await again.load()).access.buffers);
    assert.deepEqual([reader.find("k1", 1), reader.find("k2", 1)?.subscription], [undefined, "s"], pointer);
    await again.close();
  }
  assert.equal(logged.length, 5);
  const table = join(directory, readdirSync(directory).find((name) => name.endsWith(".bin")) ?? "");
  const bytes = readFileSync(table);
  bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1;
  writeFileSync(table, bytes);
  const spoilt = await (await createSnapshotStore(directory, log)).load();
  assert.equal(spoilt.access.keys, 0);
});
