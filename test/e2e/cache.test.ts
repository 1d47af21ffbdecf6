import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { freePortBase, main, root } from "./testing-platform.ts";

/*
 * The policy `cache` in the real gateway: two threads, a backend that counts what reaches it.
 */

let origin: Server;
let gateway: ChildProcess;
let directory = "";
let base = "";
let isFailing = false;
const asked = new Map<string, number>();

const operation = (method: string, name: string): unknown => ({
  operationId: `${method}-${name}`,
  responses: { 200: { description: "ok" } },
});
const names = ["fresh", "slow", "large", "swr", "error", "changed"];
const document = {
  openapi: "3.1.0",
  info: { title: "Books", version: "1" },
  paths: Object.fromEntries(
    names.map((name) => [`/${name}`, { get: operation("get", name), put: operation("put", name) }]),
  ),
};

const controls: Readonly<Record<string, string>> = {
  "/swr": "max-age=1, stale-while-revalidate=60",
  "/error": "max-age=1, stale-if-error=60",
};

before(async () => {
  origin = createServer((request, response) => {
    const path = request.url ?? "";
    const count = (asked.get(path) ?? 0) + 1;
    asked.set(path, count);
    if (isFailing) {
      request.socket.destroy();
      return;
    }
    const answer = (): void => {
      response.writeHead(200, {
        "cache-control": controls[path] ?? "max-age=60",
        "content-type": "text/plain",
        ...(path === "/large" ? {} : { "content-length": `${path} ${count}`.length }),
      });
      if (path !== "/large") response.end(`${path} ${count}`);
      else for (let n = 0; n <= 8; n++) n < 8 ? response.write("x".repeat(50_000)) : response.end();
    };
    if (path === "/slow") setTimeout(answer, 300);
    else answer();
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
  directory = await mkdtemp(join(tmpdir(), "portico-cache-"));
  const files: Record<string, string> = {
    "portico.yaml": "{}\n",
    "apis/books/openapi.json": JSON.stringify(document),
    "apis/books/api.yaml": `path: /books\nbackend: ${url}\nprotect: none\n`,
    "apis/books/policy.yaml": "inbound:\n  - base\n  - cache: {}\n",
  };
  for (const [name, text] of Object.entries(files)) {
    const file = join(directory, "bundle", name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  const port = await freePortBase();
  base = `http://127.0.0.1:${port}/books`;
  const args = ["--config", join(directory, "bundle"), "--port", String(port), "--ops-port", String(port + 3)];
  gateway = spawn(process.execPath, [main, "gateway", ...args, "--threads", "2", "--data", join(directory, "data")], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const endsAtMs = performance.now() + 60_000;
  for (;;) {
    const isUp = await fetch(`http://127.0.0.1:${port + 3}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) break;
    assert.ok(performance.now() < endsAtMs, "the gateway did not come up");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

after(async () => {
  const ended = once(gateway, "exit");
  gateway.kill("SIGTERM");
  await ended;
  origin.closeAllConnections();
  origin.close();
  await rm(directory, { recursive: true, force: true });
});

/** Each call on a connection of its own, so that both threads are asked. */
const get = (
  path: string,
  method = "GET",
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly [number, string, string, string]> =>
  new Promise((resolve, reject) => {
    const call = httpRequest(base + path, { method, agent: false, headers }, (response) => {
      let body = "";
      response.on("data", (part) => {
        body += String(part);
      });
      response.on("end", () =>
        resolve([
          response.statusCode ?? 0,
          body,
          String(response.headers["cache-status"]),
          String(response.headers["content-length"]),
        ]),
      );
    });
    call.on("error", reject);
    call.end();
  });

test("what one thread has got, all threads answer", async () => {
  assert.deepEqual(await get("/fresh"), [200, "/fresh 1", "portico; fwd=uri-miss; stored", "8"]);
  for (let n = 0; n < 20; n++) {
    const [status, body, how] = await get("/fresh");
    assert.deepEqual([status, body], [200, "/fresh 1"]);
    assert.match(how, /^portico; hit/);
  }
  assert.equal(asked.get("/fresh"), 1);
  assert.deepEqual((await get("/fresh", "HEAD")).slice(0, 2), [200, ""]);
});

test("calls that miss at once ask the backend no more often than there are threads", async () => {
  const replies = await Promise.all(Array.from({ length: 40 }, () => get("/slow")));
  assert.ok(replies.every(([status]) => status === 200));
  assert.ok((asked.get("/slow") ?? 0) <= 2, String(asked.get("/slow")));
});

test("a large body passes as it comes and is whole when it comes from the store", async () => {
  for (let n = 0; n < 3; n++) assert.equal((await get("/large"))[1].length, 400_000);
  assert.equal(asked.get("/large"), 1);
});

test("an old reply is answered at once, and the next call has the new one", async () => {
  await get("/swr");
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  assert.equal((await get("/swr"))[1], "/swr 1");
  const endsAtMs = performance.now() + 10_000;
  while ((await get("/swr"))[1] === "/swr 1") {
    assert.ok(performance.now() < endsAtMs, "the new reply never came");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  // Each look may find it old again and ask anew.
  assert.match((await get("/swr"))[1], /^\/swr [2-9]/);
});

test("a write that succeeds makes the stored reply invalid on every thread", async () => {
  await get("/changed");
  assert.equal((await get("/changed"))[1], "/changed 1");
  await get("/changed", "PUT");
  for (let n = 0; n < 6; n++) assert.equal((await get("/changed"))[1], "/changed 3");
});

test("an old reply stands in for a backend that breaks off", async () => {
  await get("/error");
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  isFailing = true;
  const [status, body, how] = await get("/error");
  isFailing = false;
  assert.deepEqual([status, body], [200, "/error 1"]);
  assert.match(how, /stale-if-error/);
});
