import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, generateKeyPairSync } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { SignJWT } from "jose";
import { newApiKey } from "../../src/model/api-key.ts";
import { freePortBase, main, root } from "./testing-platform.ts";

/*
 * The policies in the real gateway: threads, sockets, a bundle on disk, a backend that shows what reached it.
 */

const key = newApiKey();
const signing = generateKeyPairSync("rsa", { modulusLength: 2048 });
let origin: Server;
let gateway: ChildProcess;
let directory = "";
let base = "";

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return body;
};

const document = {
  openapi: "3.1.0",
  info: { title: "Orders", version: "1" },
  paths: Object.fromEntries(
    ["open", "keyed", "signed", "rewritten", "refused", "limited", "many", "mocked", "busy", "logged", "failing"].map(
      (name) => [
        `/${name}/{id}`,
        Object.fromEntries(
          ["get", "put"].map((method) => [
            method,
            {
              operationId: `${method}-${name}`,
              parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
              responses: { 200: { description: "ok", content: { "application/json": { example: { mocked: name } } } } },
            },
          ]),
        ),
      ],
    ),
  ),
};

const both = (name: string, policy: string): string =>
  ["get", "put"].map((method) => `  ${method}-${name}:\n${policy.replace(/^/gm, "    ")}`).join("\n");

const policies = (originUrl: string): string => `
inbound:
  - cors: { allowed-origins: ["https://app.example"], allowed-methods: [GET, PUT], allowed-headers: [x-api-key] }
  - base
operations:
${both("open", `inbound:\n  - base\n  - set-header: { name: x-tenant, value: "='t-' + request.params.id" }\n  - set-query-parameter: { name: added, value: "1 2" }\noutbound:\n  - base\n  - set-header: { name: x-from, value: "=string(response.status)" }`)}
${both("rewritten", `inbound:\n  - base\n  - set-method: POST\n  - set-body: "={'id': request.params.id}"\n  - rewrite-uri: { template: "/v2/{id}?from={tag}" }\n  - set-backend-service: { base-url: "${originUrl}/other" }`)}
${both("refused", `inbound:\n  - base\n  - ip-filter: { action: forbid, address: 127.0.0.0/8 }`)}
${both("limited", `inbound:\n  - base\n  - rate-limit-by-key: { counter-key: "=request.params.id", calls: 200, window: 1m }`)}
${both("many", `inbound:\n  - base\n  - rate-limit: { calls: 2, window: 60s }\n  - quota-by-key: { counter-key: "=request.ip", calls: 1000, renewal-period: 1d }`)}
${both("mocked", `inbound:\n  - base\n  - mock-response: {}`)}
${both("busy", `backend:\n  - limit-concurrency: { key: busy, max-count: 1, steps: [{ forward-request: { timeout: 5 } }] }`)}
${both("logged", `inbound:\n  - base\n  - choose:\n      when:\n        - condition: "=request.params.id == 'stop'"\n          steps:\n            - return-response: { set-status: { code: 418, reason: Teapot }, set-body: { stopped: true } }\n      otherwise:\n        - log: { message: "='id ' + request.params.id", fields: { token: abc } }`)}
${both("failing", `inbound:\n  - base\n  - set-variable: { name: x, value: "=request.headers['not-there']" }\non-error:\n  - set-header: { name: x-error, value: "=error.code + ' ' + error.source" }\n  - set-status: 503`)}
`;

before(async () => {
  origin = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const answer = (): void => {
        response.writeHead(200, { "content-type": "application/json", vary: "Accept", "x-origin": "1" });
        response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }));
      };
      if (request.url?.startsWith("/busy")) setTimeout(answer, 300);
      else answer();
    });
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  const originUrl = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
  directory = await mkdtemp(join(tmpdir(), "portico-policies-"));
  const pem = String(signing.publicKey.export({ type: "spki", format: "pem" }));
  const files: Record<string, string> = {
    "portico.yaml": `keys:\n  - digest: sha256:${createHash("sha256").update(key).digest("hex")}\n    subscription: s1\n    product: shop\n    plan: gold\n    organization: acme\n`,
    "products/shop.yaml": "apis: [orders]\nplans:\n  gold: {}\n",
    "apis/orders/openapi.json": JSON.stringify(document),
    "apis/orders/api.yaml": `path: /orders\nbackend: ${originUrl}\nprotect: none\noperations:\n  get-keyed: { protect: key }\n  put-keyed: { protect: key }\n`,
    "apis/orders/policy.yaml": `${policies(originUrl)}${both("signed", `inbound:\n  - validate-jwt:\n      issuer-signing-keys: ${JSON.stringify(pem)}\n      audiences: orders\n  - base\n  - set-header: { name: x-subject, value: "=caller.subject" }`)}\n`,
  };
  for (const [name, text] of Object.entries(files)) {
    const file = join(directory, "bundle", name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  const port = await freePortBase();
  base = `http://127.0.0.1:${port}/orders`;
  gateway = spawn(
    process.execPath,
    [
      main,
      "gateway",
      "--config",
      join(directory, "bundle"),
      "--port",
      String(port),
      "--ops-port",
      String(port + 1),
      "--threads",
      "2",
      "--data",
      join(directory, "data"),
    ],
    { cwd: root, stdio: ["ignore", "pipe", "pipe"] },
  );
  gateway.stdout?.on("data", (chunk) => (output += String(chunk)));
  gateway.stderr?.on("data", (chunk) => (output += String(chunk)));
  for (let turn = 0; turn < 200; turn++) {
    const ready = await fetch(`http://127.0.0.1:${port + 1}/readyz`).then(
      (reply) => reply.ok,
      () => false,
    );
    if (ready) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the gateway did not become ready:\n${output}`);
});
let output = "";

after(async () => {
  if (gateway && gateway.exitCode === null) {
    const ended = new Promise((resolve) => gateway.once("exit", resolve));
    gateway.kill("SIGTERM");
    await ended;
  }
  origin?.close();
  origin?.closeAllConnections();
  await rm(directory, { recursive: true, force: true });
});

const ask = async (path: string, init: RequestInit = {}) => {
  const reply = await fetch(`${base}${path}`, init);
  const text = await reply.text();
  return {
    status: reply.status,
    headers: reply.headers,
    text,
    json: text.startsWith("{") ? JSON.parse(text) : undefined,
  };
};

test("header, query and reply changes reach both sides; a late Vary is added to the backend's", async () => {
  const reply = await ask("/open/a%2Fb?q=%20x", { headers: { origin: "https://app.example" } });
  assert.equal(reply.status, 200, reply.text);
  assert.equal(reply.json.headers["x-tenant"], "t-a/b");
  assert.match(reply.json.url, /^\/open\/a%2Fb\?q=%20x&added=1(\+|%20)2$/);
  assert.equal(reply.headers.get("x-from"), "200");
  assert.equal(reply.headers.get("vary"), "Accept, Origin");
  assert.equal(reply.headers.get("access-control-allow-origin"), "https://app.example");
});

test("a preflight is answered before keys are asked for, and names what is allowed", async () => {
  const reply = await ask("/keyed/1", {
    method: "OPTIONS",
    headers: {
      origin: "https://app.example",
      "access-control-request-method": "PUT",
      "access-control-request-headers": "x-api-key",
    },
  });
  assert.equal(reply.status, 200);
  assert.equal(reply.headers.get("access-control-allow-methods"), "GET, PUT");
  assert.equal(reply.headers.get("access-control-allow-headers"), "x-api-key");
});

test("a key: missing, wrong, right; it does not reach the backend", async () => {
  const missing = await ask("/keyed/1");
  assert.deepEqual([missing.status, missing.json.code], [401, "key.missing"]);
  assert.match(missing.headers.get("www-authenticate") ?? "", /^ApiKey/);
  assert.equal((await ask("/keyed/1", { headers: { "x-api-key": newApiKey() } })).json.code, "key.invalid");
  const good = await ask("/keyed/1", { headers: { "x-api-key": key } });
  assert.equal(good.status, 200, good.text);
  assert.equal(good.json.headers["x-api-key"], undefined);
});

test("a token: missing, forged, right", async () => {
  assert.equal((await ask("/signed/1")).json.code, "token.missing");
  const token = await new SignJWT({ sub: "u1", aud: "orders" })
    .setProtectedHeader({ alg: "RS256" })
    .setExpirationTime("5m")
    .sign(signing.privateKey);
  const good = await ask("/signed/1", { headers: { authorization: `Bearer ${token}` } });
  assert.equal(good.json.headers["x-subject"], "u1", good.text);
  const forged = await ask("/signed/1", { headers: { authorization: `Bearer ${token.slice(0, -6)}AAAAAA` } });
  assert.deepEqual([forged.status, forged.json.code], [401, "token.invalid"]);
});

test("method, body, path and backend are changed together", async () => {
  const reply = await ask("/rewritten/7?tag=x&more=1");
  assert.equal(reply.status, 200, reply.text);
  assert.deepEqual(
    [reply.json.method, reply.json.url, reply.json.body],
    ["POST", "/other/v2/7?from=x&more=1", '{"id":"7"}'],
  );
});

test("an address that is forbidden, a branch that answers, a mock", async () => {
  assert.equal((await ask("/refused/1")).json.code, "caller.address_forbidden");
  const stopped = await ask("/logged/stop");
  assert.deepEqual([stopped.status, stopped.json], [418, { stopped: true }]);
  assert.deepEqual((await ask("/mocked/1")).json, { mocked: "mocked" });
});

test("a log line holds the message and no secret", async () => {
  assert.equal((await ask("/logged/go-on")).status, 200);
  for (let turn = 0; turn < 40 && !output.includes("id go-on"); turn++)
    await new Promise((resolve) => setTimeout(resolve, 50));
  const line = output.split("\n").find((candidate) => candidate.includes("id go-on")) ?? "";
  assert.match(line, /"token":"\[redacted\]"/);
});

test("limits announce themselves and refuse with the time to wait", async () => {
  const first = await ask("/many/1");
  assert.equal(first.headers.get("ratelimit-policy"), '"rate-limit";q=2;w=60, "quota-by-key";q=1000;w=86400');
  assert.match(first.headers.get("ratelimit") ?? "", /^"rate-limit";r=1;t=60, "quota-by-key";r=999;t=\d+$/);
  await ask("/many/1");
  const third = await ask("/many/1");
  assert.deepEqual([third.status, third.json.code], [429, "limit.rate_exceeded"]);
  assert.match(third.headers.get("retry-after") ?? "", /^(60|59|58)$/);
});

test("two threads together admit exactly the limit", async () => {
  const statuses: number[] = [];
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      for (let i = 0; i < 15; i++)
        statuses.push(
          (await ask("/limited/exact", { headers: { connection: i % 5 === 0 ? "close" : "keep-alive" } })).status,
        );
    }),
  );
  assert.equal(statuses.filter((status) => status === 200).length, 200);
  assert.equal(statuses.filter((status) => status === 429).length, 100);
});

test("one call at once around the backend, over both threads", async () => {
  const replies = await Promise.all(Array.from({ length: 6 }, () => ask("/busy/1")));
  assert.equal(
    replies.filter((reply) => reply.status === 200).length,
    1,
    JSON.stringify(replies.map((reply) => reply.status)),
  );
  assert.ok(
    replies.filter((reply) => reply.status !== 200).every((reply) => reply.json.code === "limit.concurrency_exceeded"),
  );
  assert.equal((await ask("/busy/1")).status, 200);
});

test("an expression that fails is a fault that on-error shapes", async () => {
  const reply = await ask("/failing/1");
  assert.equal(reply.status, 503, reply.text);
  assert.equal(reply.headers.get("x-error"), "policy.fault set-variable");
  assert.ok(!reply.text.includes("not-there"));
});
