import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { freePortBase, root } from "./testing-platform.ts";

describe("npm start", () => {
  let dataDir: string;
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "portico-npm-"));
  });
  after(() => rm(dataDir, { recursive: true, force: true }));

  // A group of its own, as a terminal gives it.
  const start = async (portBase: number): Promise<{ npm: ChildProcess; output: () => string }> => {
    const npm = spawn("npm", ["start", "--", "--data", dataDir, "--port-base", String(portBase)], {
      cwd: root,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    await new Promise<void>((resolve, reject) => {
      const see = (chunk: Buffer): void => {
        output += chunk.toString();
        if (output.includes("Stop with Ctrl+C")) resolve();
      };
      npm.stdout.on("data", see);
      npm.stderr.on("data", see);
      npm.once("exit", (code) => reject(new Error(`npm start ended with ${code}:\n${output}`)));
    });
    return { npm, output: () => output };
  };

  const ended = (npm: ChildProcess): Promise<readonly [number | null, NodeJS.Signals | null]> =>
    new Promise((resolve) => npm.once("exit", (code, signal) => resolve([code, signal])));

  const killGroup = (npm: ChildProcess): void => {
    try {
      process.kill(-(npm.pid ?? 0), "SIGKILL");
    } catch (thrown) {
      assert.equal((thrown as NodeJS.ErrnoException).code, "ESRCH");
    }
  };

  const isFree = (port: number): Promise<boolean> =>
    new Promise((resolve) => {
      const server = createServer();
      server.once("error", () => resolve(false));
      server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
    });

  for (const [name, send] of [
    ["SIGTERM to npm alone", (npm: ChildProcess) => npm.kill("SIGTERM")],
    ["Ctrl+C, which the whole group receives", (npm: ChildProcess) => process.kill(-(npm.pid ?? 0), "SIGINT")],
    ["SIGTERM to the whole group", (npm: ChildProcess) => process.kill(-(npm.pid ?? 0), "SIGTERM")],
  ] as const) {
    test(`${name} ends everything in order, with 0, and leaves nothing running`, async () => {
      const portBase = await freePortBase();
      const { npm, output } = await start(portBase);
      const end = ended(npm);
      send(npm);
      try {
        assert.deepEqual(await end, [0, null], output());
      } finally {
        // Only where the guarantee does not hold is anything left of the group.
        killGroup(npm);
      }
      for (const port of [0, 1, 2, 3])
        assert.ok(await isFree(portBase + port), `port ${portBase + port} is free again`);
      assert.doesNotMatch(output(), /started again/, "nothing is restarted while everything ends");
    });
  }
});
