import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { Fault } from "../base/fault.ts";
import { openDataDirectory } from "./data-directory.ts";

const base = mkdtempSync(join(tmpdir(), "portico-data-"));
after(() => {
  chmodSync(base, 0o700);
  rmSync(base, { recursive: true, force: true });
});

const refused = async (directory: string): Promise<string> => {
  try {
    await openDataDirectory(directory);
  } catch (thrown) {
    assert.ok(thrown instanceof Fault);
    assert.equal(thrown.code, "data.unusable");
    assert.ok(thrown.message.includes(directory) && thrown.message.includes("--data DIR"));
    return thrown.message;
  }
  assert.fail("it was not refused");
};

describe("the data directory", () => {
  test("is made, also below others that are missing, and nothing is left in it", async () => {
    await openDataDirectory(join(base, "a/b/c"));
    await openDataDirectory(join(base, "a/b/c"));
    assert.deepEqual(readdirSync(join(base, "a/b/c")), []);
  });

  test("that cannot be is refused with the reason", async () => {
    writeFileSync(join(base, "file"), "");
    assert.match(await refused(join(base, "file")), /it is a file/);
    assert.match(await refused(join(base, "file/below")), /on the way to it is a file/);
    assert.match(await refused(join(base, "x".repeat(300))), /path is too long/);
  });

  const readOnly = existsSync("/sys/kernel") ? false : "there is no /sys here";
  test("on a file system that takes no writes is refused with the reason", { skip: readOnly }, async () => {
    // Even root makes no files in sysfs, whose directories say no in one of these ways.
    assert.match(await refused("/sys/portico/data"), /read-only|may not write|cannot be used/);
  });

  const ordinary = process.getuid?.() === 0 ? "root may write everywhere" : false;
  test("of another user is refused with the reason", { skip: ordinary }, async () => {
    chmodSync(base, 0o500);
    assert.match(await refused(join(base, "closed/deep")), /may not write there/);
    chmodSync(base, 0o700);
  });
});
