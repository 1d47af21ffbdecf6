import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ensureWebBuilt } from "../portals/web-build.ts";
import { type ControlRole, runControlRole } from "./control-role.ts";

describe("the control role", () => {
  let dataDir: string;
  let webDir: string;
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "portico-control-"));
    await chmod(dataDir, 0o711);
    webDir = await ensureWebBuilt();
  });
  after(() => rm(dataDir, { recursive: true, force: true }));

  const run = (studioPort = 0): Promise<ControlRole> =>
    runControlRole({
      host: "127.0.0.1",
      studioPort,
      portalPort: 0,
      dataDir,
      gatewayUrl: "http://127.0.0.1:9",
      webDir,
      logLevel: "error",
    });
  const token = async (): Promise<string> => (await readFile(join(dataDir, "admin-token"), "utf8")).trim();
  const manage = async (control: ControlRole, method: string, path: string, body?: unknown): Promise<Response> =>
    fetch(`${control.studioUrl}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${await token()}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  test("serves the management API, both applications and its health, and keeps everything over a restart", async () => {
    const first = await run();
    try {
      for (const file of ["admin-token", "gateway-token", "secret.key"]) {
        assert.equal((await stat(join(dataDir, file))).mode & 0o777, 0o600, file);
      }
      assert.equal((await fetch(`${first.studioUrl}/healthz`)).status, 200);
      assert.equal((await fetch(`${first.studioUrl}/readyz`)).status, 200);
      assert.equal((await fetch(`${first.portalUrl}/healthz`)).status, 200);
      assert.match(await (await fetch(`${first.studioUrl}/`)).text(), /<html/);
      assert.match(await (await fetch(`${first.portalUrl}/`)).text(), /<html/);
      assert.equal((await fetch(`${first.studioUrl}/api/v1/openapi.json`)).status, 200);
      assert.equal((await fetch(`${first.studioUrl}/api/v1/apis`)).status, 401);
      const secret = { secret: true, value: "kept over a restart" };
      assert.equal((await manage(first, "PUT", "/named-values/kept", secret)).status, 201);
    } finally {
      await first.stop();
    }
    const second = await run();
    try {
      const kept = (await (await manage(second, "GET", "/named-values/kept")).json()) as { hasValue: boolean };
      assert.equal(kept.hasValue, true);
    } finally {
      await second.stop();
    }
  });

  test("ends although a gateway's stream and a follower of calls are open", async () => {
    const control = await run();
    const gatewayToken = (await readFile(join(dataDir, "gateway-token"), "utf8")).trim();
    const stream = await fetch(`${control.studioUrl}/gateway/v1/stream`, {
      method: "POST",
      headers: { authorization: `Bearer ${gatewayToken}` },
      body: JSON.stringify({ instance: "g", version: "1", labels: [], held: {}, revision: 0 }),
    });
    const reader = stream.body?.getReader();
    const first = await reader?.read();
    assert.match(new TextDecoder().decode(first?.value), /^\{"type":/);
    const follower = await fetch(`${control.studioUrl}/api/v1/requests?follow=true`, {
      headers: { authorization: `Bearer ${await token()}` },
    });
    assert.equal(follower.status, 200);
    const started = performance.now();
    await control.stop();
    assert.ok(performance.now() - started < 5_000, `took ${Math.round(performance.now() - started)} ms`);
    await reader?.cancel().catch(() => undefined);
    await follower.body?.cancel().catch(() => undefined);
  });

  test("refuses a port that is taken, and leaves nothing running behind", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const address = other.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    try {
      await assert.rejects(run(port), { code: "port.in_use" });
    } finally {
      other.close();
    }
    // The data directory is free again: a second start needs it.
    await (await run()).stop();
  });

  test("refuses to start with another secret key than the database's secrets were encrypted with", async () => {
    const file = join(dataDir, "secret.key");
    const own = await readFile(file, "utf8");
    await writeFile(file, `${randomBytes(32).toString("base64")}\n`);
    await assert.rejects(run(), { code: "secret_key.wrong" });
    await writeFile(file, "too short\n");
    await assert.rejects(run(), { code: "secret_key.wrong" });
    await writeFile(file, own);
    await (await run()).stop();
  });
});
