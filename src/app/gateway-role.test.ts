import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { contentHash } from "../base/canonical-json.ts";
import { startTestControl } from "../gateway/process/testing-control.ts";
import { call, until } from "../gateway/process/testing-gateway.ts";
import type { ApiUnit } from "../model/snapshot.ts";
import type { GatewayRoleSettings } from "./gateway-role.ts";

const roleModule = fileURLToPath(new URL("./role-process.ts", import.meta.url));
const cleanUps: (() => Promise<void> | void)[] = [];
after(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
});

const newDirectory = (): string => {
  const directory = mkdtempSync(join(tmpdir(), "portico-role-"));
  cleanUps.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
};

interface Role {
  readonly child: ChildProcess;
  readonly port: number;
  readonly opsPort: number;
  readonly exited: Promise<number | null>;
}

/** The role in a process of its own, as the supervisor starts it. */
const startRole = async (settings: Partial<GatewayRoleSettings> & { readonly dataDir: string }): Promise<Role> => {
  const child = fork(roleModule, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
  let said = "";
  child.stderr?.on("data", (bytes: Buffer) => {
    said += bytes.toString();
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  cleanUps.push(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const start: GatewayRoleSettings = {
    host: "127.0.0.1",
    port: 0,
    opsPort: 0,
    threads: 1,
    labels: [],
    logLevel: "info",
    accessLog: "off",
    observation: { explainSample: 0, explainFailures: 0 },
    ...settings,
  };
  child.send({ type: "start", role: "gateway", settings: start });
  const facts = await new Promise<{ port: number; opsPort: number }>((resolve, reject) => {
    child.on("message", (message: { type: string; facts: { port: number; opsPort: number }; message: string }) => {
      if (message.type === "ready") resolve(message.facts);
      else reject(new Error(message.message));
    });
    child.once("exit", () => reject(new Error(said)));
  });
  return { child, exited, ...facts };
};

const backend = async (): Promise<string> => {
  const server = createServer((request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ path: request.url, key: request.headers["x-api-key"] ?? null }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanUps.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const key = "a-key-of-the-bundle";
const writeBundle = (directory: string, files: Readonly<Record<string, string>>): void => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
};

const bundleFor = (url: string): Readonly<Record<string, string>> => ({
  "portico.yaml": `workspace: test\nkeys:\n  - digest: sha256:${createHash("sha256").update(key).digest("hex")}\n    subscription: s1\n    product: shop\n    plan: small\n`,
  "apis/orders/api.yaml": `path: /orders\nbackend: ${url}\nprotect: key\n`,
  "apis/orders/openapi.yaml":
    'openapi: 3.1.0\ninfo: { title: Orders, version: "1" }\npaths:\n  /items/{id}:\n    get:\n      operationId: getItem\n      parameters: [{ name: id, in: path, required: true, schema: { type: string } }]\n      responses: { "200": { description: One. } }\n',
  "products/shop.yaml": "apis: [orders]\nplans:\n  small:\n    rate-limit: { calls: 5, window: 60s }\n",
});

describe("a gateway straight from a bundle", () => {
  test("serves it with its keys and limits, and follows the files as they change", async () => {
    const url = await backend();
    const configDir = newDirectory();
    writeBundle(configDir, bundleFor(url));
    const role = await startRole({ configDir, dataDir: newDirectory() });
    const ask = (headers: Record<string, string> = {}) => call(role.port, "/orders/items/7?x=1", headers);
    assert.equal((await ask()).status, 401);
    assert.equal((await ask({ "x-api-key": "wrong" })).status, 401);
    const answer = await ask({ "x-api-key": key });
    assert.deepEqual([answer.status, JSON.parse(answer.body)], [200, { path: "/items/7?x=1", key: null }]);
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) statuses.push((await ask({ "x-api-key": key })).status);
    assert.deepEqual(statuses, [200, 200, 200, 200, 429]);
    writeFileSync(join(configDir, "apis/orders/api.yaml"), `path: /moved\nbackend: ${url}\nprotect: none\n`);
    await until(
      () => call(role.port, "/moved/items/1"),
      (moved) => moved.status === 200,
    );
    assert.equal((await ask()).status, 404);
    // What is written half is not taken over.
    writeFileSync(join(configDir, "apis/orders/api.yaml"), "path: moved\n  backend");
    await new Promise((resolve) => setTimeout(resolve, 700));
    assert.equal((await call(role.port, "/moved/items/1")).status, 200);
    role.child.kill("SIGTERM");
    assert.equal(await role.exited, 0);
  });

  test("refuses to start from a bundle with mistakes", async () => {
    const configDir = newDirectory();
    writeBundle(configDir, {
      ...bundleFor("http://127.0.0.1:9"),
      "apis/orders/api.yaml": "path: orders\nbackand: x\n",
    });
    await assert.rejects(startRole({ configDir, dataDir: newDirectory() }), /has mistakes/);
  });
});

describe("a gateway under control", () => {
  const unitFor = (url: string): ApiUnit => {
    const unit = {
      api: "orders",
      title: "Orders",
      path: "/orders",
      hosts: [],
      gateways: [],
      deprecated: false,
      keyHeaders: [],
      keyQueryParameters: [],
      operations: [{ id: "getItem", method: "GET", path: "/items/{id}", protect: ["key" as const], backend: "main" }],
      backends: { main: { kind: "http" as const, url } },
      policies: { products: {}, operations: {} },
      products: { shop: { small: {} } },
      fragments: {},
      namedValues: {},
    };
    return { ...unit, hash: contentHash(unit) };
  };

  test("killed with SIGKILL it starts again without control from its last snapshot, with the keys, and drains on SIGTERM with 0", async () => {
    const url = await backend();
    const control = await startTestControl("t");
    cleanUps.push(() => control.close());
    const dataDir = newDirectory();
    const tokenFile = join(dataDir, "token");
    writeFileSync(tokenFile, "t");
    const settings = { dataDir, control: { url: control.url, tokenFile }, accessLog: "file" as const };
    const first = await startRole(settings);
    const digest = createHash("sha256").update(key).digest("hex").slice(0, 32);
    await control.applied(
      control.change(
        { orders: unitFor(url) },
        {
          subscriptions: [
            { id: "s1", state: "active", product: "shop", plan: "small", application: "a", organization: "o" },
          ],
          keys: [{ digest, subscription: "s1", expiresAtMs: 0 }],
        },
      ),
    );
    assert.equal((await call(first.port, "/orders/items/7", { "x-api-key": key })).status, 200);
    const manifest = join(dataDir, "gateway", "snapshot", "manifest.json");
    await until(
      () => (existsSync(manifest) ? JSON.parse(readFileSync(manifest, "utf8")).revision : 0),
      (revision) => revision === control.revision,
    );
    first.child.kill("SIGKILL");
    await first.exited;
    await control.close();
    const startedMs = performance.now();
    const second = await startRole(settings);
    const answer = await call(second.port, "/orders/items/7", { "x-api-key": key });
    console.log(`from its last snapshot to the first 200: ${(performance.now() - startedMs).toFixed(0)} ms`);
    assert.equal(answer.status, 200);
    assert.equal((await call(second.port, "/orders/items/7", { "x-api-key": "other" })).status, 401);
    assert.equal(JSON.parse((await call(second.opsPort, "/revision")).body).revision, control.revision);
    second.child.kill("SIGTERM");
    assert.equal(await second.exited, 0);
    const lines = readFileSync(join(dataDir, "logs", "access.log"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.ok(
      lines.some((line) => line.status === 401 && line.code === "key.invalid"),
      "the log was written before the end",
    );
    assert.doesNotMatch(JSON.stringify(lines), new RegExp(key));
  });
});
