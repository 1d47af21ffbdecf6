import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { silentLog } from "../base/log.ts";
import { type SupervisedChild, superviseChild } from "./supervised-child.ts";

const modulePath = fileURLToPath(new URL("./testing-child.ts", import.meta.url));
let dir = "";
let child: SupervisedChild | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "portico-child-"));
});
afterEach(async () => {
  await child?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const supervise = (spare?: { readonly prepare: unknown; readonly delayMs: number }): SupervisedChild => {
  child = superviseChild({
    name: "tested",
    modulePath,
    start: {},
    env: { PREPARED_DIR: dir },
    log: silentLog,
    ...(spare === undefined ? {} : { spare }),
  });
  return child;
};

const eventually = async <T>(look: () => T | undefined): Promise<T> => {
  const endsAtMs = performance.now() + 20_000;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    assert.ok(performance.now() < endsAtMs, "it did not come");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // There is no such process any more.
    return false;
  }
};

const again = (supervised: SupervisedChild): Promise<Readonly<Record<string, unknown>>> =>
  new Promise((resolve) => supervised.onReadyAgain(resolve));

describe("a supervised child", () => {
  test("that is killed is started again", async () => {
    const supervised = supervise();
    const { pid } = await supervised.ready;
    const next = again(supervised);
    process.kill(Number(pid), "SIGKILL");
    const facts = await next;
    assert.notEqual(facts.pid, pid);
    assert.equal(facts.wasPrepared, false);
    assert.equal(supervised.restarts, 1);
  });

  test("is followed by the spare that waits prepared, and a new spare is kept", async () => {
    const supervised = supervise({ prepare: {}, delayMs: 0 });
    const { pid } = await supervised.ready;
    const spare = await eventually(() => readdirSync(dir)[0]);
    const next = again(supervised);
    process.kill(Number(pid), "SIGKILL");
    const facts = await next;
    assert.deepEqual(facts, { pid: Number(spare), wasPrepared: true });
    await eventually(() => readdirSync(dir).find((name) => name !== spare));
  });

  test("is followed by a new one where the spare is dead, and no spare outlives the supervision", async () => {
    const supervised = supervise({ prepare: {}, delayMs: 0 });
    const { pid } = await supervised.ready;
    const spare = Number(await eventually(() => readdirSync(dir)[0]));
    process.kill(spare, "SIGKILL");
    await eventually(() => (isRunning(spare) ? undefined : true));
    const next = again(supervised);
    process.kill(Number(pid), "SIGKILL");
    assert.equal((await next).wasPrepared, false);
    const second = Number(await eventually(() => readdirSync(dir).find((name) => name !== String(spare))));
    await supervised.stop();
    await eventually(() => (isRunning(second) ? undefined : true));
  });
});
