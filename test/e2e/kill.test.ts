import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { eventually, freePortBase, type Platform, startPlatform } from "./testing-platform.ts";

/** Processes below `pid`, by what their command line says. */
const descendants = (pid: number): readonly { readonly pid: number; readonly command: string }[] => {
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
        return [
          { pid: Number(name), parent, command: readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ") },
        ];
      } catch {
        // It ended between two looks.
        return [];
      }
    });
  const found = all.filter((each) => each.pid === pid);
  for (const member of found) found.push(...all.filter((each) => each.parent === member.pid));
  return found;
};

const listenerOf = (port: number): number => {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = new Set(
    readFileSync("/proc/net/tcp", "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[1]?.endsWith(`:${wanted}`) && fields[3] === "0A")
      .map((fields) => fields[9]),
  );
  return inodes.size;
};

const call = (platform: Platform): Promise<Response> =>
  fetch(`${platform.gateway}/catalogue/books/emma`, { headers: { "x-api-key": platform.key, connection: "close" } });

const killIfThere = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended when its parent did.
  }
};

const pidOfRole = (platform: Platform, role: string): number => {
  const found = descendants(platform.process.pid ?? 0).filter((each) =>
    // A spare waits under a name of its own.
    each.command.trimEnd().endsWith(`role-process.ts ${role}`),
  );
  assert.equal(found.length, 1, role);
  return found[0]?.pid ?? 0;
};

describe("SIGKILL", () => {
  test("of control: calls go on, and control comes back", async () => {
    const platform = await startPlatform();
    try {
      process.kill(pidOfRole(platform, "control"), "SIGKILL");
      for (let i = 0; i < 30; i += 1) assert.equal((await call(platform)).status, 200);
      await eventually(async () => (await platform.manage("GET", "/apis")).status === 200, 15_000, "control is back");
      const created = await platform.manage("PUT", "/named-values/after-the-kill", { value: "1" });
      assert.ok(created.ok, await created.text());
    } finally {
      await platform.stop();
    }
  });

  test("of the gateway: back within a second with the same configuration", async () => {
    const platform = await startPlatform();
    try {
      assert.equal((await call(platform)).status, 200);
      process.kill(pidOfRole(platform, "gateway"), "SIGKILL");
      const started = performance.now();
      await eventually(async () => (await call(platform)).status === 200, 5000, "the gateway is back");
      console.log(`back after ${Math.round(performance.now() - started)} ms`);
    } finally {
      await platform.stop();
    }
  });

  test("of everything: after a new start nothing acknowledged is missing, and the first key still works", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "portico-kill-"));
    const portBase = await freePortBase();
    const first = await startPlatform({ dataDir, portBase });
    const acknowledged: string[] = [];
    let isOver = false;
    const writer = (async () => {
      for (let i = 0; !isOver && i < 500; i += 1) {
        const response = await first
          .manage("PUT", `/named-values/value-${i}`, { value: String(i) })
          .catch(() => undefined);
        if (!response?.ok) break;
        await response.arrayBuffer();
        acknowledged.push(`value-${i}`);
      }
    })();
    await eventually(async () => acknowledged.length > 20, 30_000, "writes are acknowledged");
    for (const { pid } of descendants(first.process.pid ?? 0).toReversed()) killIfThere(pid);
    isOver = true;
    await writer;
    await eventually(async () => listenerOf(portBase) === 0, 5000, "the ports are free again");

    const second = await startPlatform({ dataDir, portBase });
    try {
      for (const name of acknowledged)
        assert.equal((await second.manage("GET", `/named-values/${name}`)).status, 200, name);
      assert.equal(second.key, first.key);
      assert.equal((await call(second)).status, 200);
    } finally {
      await second.stop();
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});
