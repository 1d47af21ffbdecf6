import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { currentRevision } from "../store/repositories/revisions.ts";
import { openTestPlatform } from "./testing-platform.ts";

const writer = fileURLToPath(new URL("./testing-writer.ts", import.meta.url));

test("a control process that is killed while it writes loses nothing it acknowledged and leaves nothing half done", async () => {
  const platform = await openTestPlatform();
  const { db, url } = platform.database;
  try {
    for (const writesMin of [4, 15, 40]) {
      const args = [writer, url, platform.secretKey, platform.ownerToken, platform.scratchDir];
      const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
      const acknowledged: { name: string; revision: number }[] = [];
      let rest = "";
      child.stdout.on("data", (chunk: Buffer) => {
        const lines = (rest + chunk.toString()).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          const [index, status, revision] = line.split(" ");
          assert.match(status ?? "", /^20[01]$/);
          acknowledged.push({ name: `crash-${index}`, revision: Number(revision) });
        }
      });
      const ended = once(child, "close");
      // Killed in the middle of whatever it does after so many writes, however fast the machine is.
      while (acknowledged.length < writesMin) {
        await Promise.race([once(child.stdout, "data"), ended]);
        assert.equal(child.exitCode, null, "the writer writes on");
      }
      child.kill("SIGKILL");
      await ended;

      // The next writer goes on at once: nothing is locked.
      assert.equal((await platform.call("PUT", `/fragments/after-${writesMin}`, { steps: [] })).status, 201);
      const state = await platform.management.tools.configuration.read();
      for (const { name } of acknowledged) assert.ok(state.resources.has(`fragment/${name}`), name);
    }
    const newest = await currentRevision(db);
    const revisions = await db.selectFrom("revision").select("number").orderBy("number").execute();
    assert.deepEqual(
      revisions.map(({ number }) => number),
      Array.from({ length: newest }, (_, i) => i + 1),
    );
    const versions = await db.selectFrom("resource_version").select(["revision", "name"]).execute();
    const audited = await db.selectFrom("audit_entry").select(["revision", "target"]).execute();
    // Each version has its revision and its audit entry, and there are no others.
    assert.deepEqual(
      versions.map(({ revision, name }) => `${revision} fragment/${name}`).sort(),
      audited.map(({ revision, target }) => `${revision} ${target}`).sort(),
    );
    assert.ok(versions.every(({ revision }) => revision <= newest));
  } finally {
    await platform.close();
  }
});
