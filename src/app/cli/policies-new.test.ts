import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runCli } from "./testing-cli.ts";

test("the two files of a new policy pass their own test, and are never overwritten", async () => {
  const root = fileURLToPath(new URL("../../../", import.meta.url));
  const directory = mkdtempSync(join(tmpdir(), "portico-policies-new-"));
  try {
    mkdirSync(join(directory, "src/policies"), { recursive: true });
    symlinkSync(join(root, "src/exchange"), join(directory, "src/exchange"));
    symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
    const made = await runCli(["policies", "new", "check-weather"], { cwd: directory });
    assert.equal(made.exit, 0, made.err);
    assert.match(made.out, /availablePolicies in src\/app\/standard\.ts/);
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    execFileSync(process.execPath, ["--test", "src/policies/check-weather.test.ts"], { cwd: directory, env });
    const again = await runCli(["policies", "new", "check-weather"], { cwd: directory });
    assert.equal(again.exit, 1);
    assert.match(again.err, /exists/);
    assert.equal((await runCli(["policies", "new", "Bad_Name"], { cwd: directory })).exit, 2);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
