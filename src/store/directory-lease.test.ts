import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Fault } from "../base/fault.ts";
import { takeDirectory } from "./directory-lease.ts";
import { identifyProcess } from "./process-identity.ts";

const directories: string[] = [];
const children: ChildProcess[] = [];
after(async () => {
  for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  for (const directory of directories) await rm(directory, { recursive: true, force: true });
});

const freshDirectory = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), "portico-lease-"));
  directories.push(directory);
  return directory;
};

/** A process that tries to take the directory, says how it went, and stays until it is killed. */
const contender = async (directory: string): Promise<{ child: ChildProcess; said: string }> => {
  const program = `
    import { takeDirectory } from ${JSON.stringify(new URL("./directory-lease.ts", import.meta.url).href)};
    try { await takeDirectory(${JSON.stringify(directory)}); console.log("held"); setInterval(() => {}, 1000); }
    catch (thrown) { console.log(thrown.code ?? String(thrown)); }`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const [said] = await once(child.stdout, "data");
  return { child, said: String(said).trim() };
};

const isInUse =
  (pid: number) =>
  (thrown: unknown): boolean => {
    assert.ok(thrown instanceof Fault);
    assert.equal(thrown.code, "store.directory_in_use");
    assert.match(thrown.message, new RegExp(`pid ${pid}\\b`));
    return true;
  };

test("a held directory is refused with the holder's pid, and free again after release", async () => {
  const directory = await freshDirectory();
  const lease = await takeDirectory(directory);
  await assert.rejects(takeDirectory(directory), isInUse(process.pid));
  await lease.release();
  await (await takeDirectory(directory)).release();
});

test("of many processes at once exactly one takes a directory, also one that a killed process left", async () => {
  const directory = await freshDirectory();
  for (let round = 0; round < 3; round += 1) {
    const all = await Promise.all(Array.from({ length: 6 }, () => contender(directory)));
    const said = all.map((one) => one.said).sort();
    assert.deepEqual(said, ["held", ...Array<string>(5).fill("store.directory_in_use")].sort());
    for (const { child } of all) {
      if (child.exitCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  }
  const left = await readdir(directory);
  assert.equal(left.length, 1, `one lease file remains, not ${left.join(", ")}`);
});

test("a lease whose pid another program has now is taken over", async () => {
  const directory = await freshDirectory();
  const self = await identifyProcess(process.pid);
  assert.ok(self);
  await writeFile(join(directory, "lease.7"), JSON.stringify({ ...self, started: "1", token: "x", released: false }));
  await (await takeDirectory(directory)).release();
  assert.deepEqual(await readdir(directory), ["lease.8"]);
});

test("a lease file that a power failure cut short is taken over", async () => {
  const directory = await freshDirectory();
  await writeFile(join(directory, "lease.3"), '{"pid": 1');
  await (await takeDirectory(directory)).release();
});

test("a lease of another machine counts while it is touched, and is taken over when it was long silent", async () => {
  const directory = await freshDirectory();
  const path = join(directory, "lease.1");
  await writeFile(path, JSON.stringify({ pid: 77, started: "5", scope: "another boot", token: "x", released: false }));
  const beating = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, 100);
  await assert.rejects(takeDirectory(directory), isInUse(77));
  clearInterval(beating);
  const longAgo = new Date(Date.now() - 60_000);
  await utimes(path, longAgo, longAgo);
  await (await takeDirectory(directory)).release();
});

test("releasing a directory that was removed meanwhile is no error", async () => {
  const directory = await freshDirectory();
  const lease = await takeDirectory(directory);
  await rm(directory, { recursive: true });
  await lease.release();
});
