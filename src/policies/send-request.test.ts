import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import type { HeldResponse } from "../exchange/held-response.ts";
import type { FetchOptions } from "../exchange/policy.ts";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { sendRequest } from "./send-request.ts";

/** A real service that tells what it was asked. */
const server = createServer((request, response) => {
  void bodyOf(request).then((body) => {
    if (request.url === "/slow") return;
    response.writeHead(request.url === "/gone" ? 410 : 200, { "content-type": "application/json", "x-a": "b" });
    response.end(JSON.stringify({ method: request.method, headers: request.headers, body, n: 7 }));
  });
});
const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = "";
  for await (const part of request) text += String(part);
  return text;
};
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
after(() => {
  server.closeAllConnections();
  server.close();
});
const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

/** Node's own client stands for the engine's in a room that opens no sockets. */
const realFetch = async (url: string, options: FetchOptions) => {
  const response = await fetch(url, {
    method: options.method ?? "GET",
    redirect: "manual",
    signal: AbortSignal.timeout(options.timeoutMs),
    headers: { ...options.headers },
    ...(options.body === undefined
      ? {}
      : { body: typeof options.body === "string" ? options.body : new Uint8Array(options.body) }),
  });
  return {
    status: response.status,
    headers: new Map(response.headers),
    body: new Uint8Array(await response.arrayBuffer()),
  };
};

const answered = async (config: object, options: Parameters<typeof testExchange>[0] = {}): Promise<HeldResponse> => {
  const x = testExchange(options);
  const whole = { "response-variable-name": "r", ...config };
  await buildPolicy(sendRequest, whole, testTools({ fetch: realFetch })).step(x);
  return x.variables.get("r") as HeldResponse;
};
interface Told {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly n: bigint;
}

test("the answer is kept: status, fields, text and JSON with whole numbers", async () => {
  const held = await answered({ "set-url": `='${base}' + request.path` }, { path: "/x" });
  assert.deepEqual([held.status, held.headers.get("x-a")], [200, "b"]);
  const told = held.json as Told;
  assert.deepEqual([told.method, told.n, told.headers["x-tenant"]], ["GET", 7n, undefined]);
  assert.equal((await answered({ "set-url": `${base}/gone` })).status, 410);
});

test("method, fields, body and credentials are what the policy says", async () => {
  const held = await answered({
    "set-url": base,
    "set-method": "post",
    "set-header": { name: "x-q", value: "=request.method" },
    "set-body": { value: { a: 1 } },
    "authentication-basic": { username: "u", password: "p" },
  });
  const told = held.json as Told;
  assert.deepEqual([told.method, told.body], ["POST", '{"a":1}']);
  assert.equal(told.headers["x-q"], "GET");
  assert.equal(told.headers.authorization, "Basic dTpw");
  assert.equal(told.headers["content-type"], "application/json");
});

test("a copy takes the client's method, fields and body, but nothing of its connection", async () => {
  const headers = { "x-tenant": "acme", connection: "close", "content-type": "text/plain", "content-length": "5" };
  const held = await answered({ mode: "copy", "set-url": base }, { method: "PUT", body: "hello", headers });
  const told = held.json as Told;
  assert.deepEqual([told.method, told.body, told.headers["x-tenant"]], ["PUT", "hello", "acme"]);
  assert.equal(told.headers.host, new URL(base).host);
});

test("where no answer comes the call ends with backend.call_failed, or goes on with null", async () => {
  await assert.rejects(answered({ "set-url": "http://127.0.0.1:1/" }), { code: "backend.call_failed" });
  await assert.rejects(answered({ "set-url": `${base}/slow`, timeout: "100ms" }), { code: "backend.call_failed" });
  assert.equal(await answered({ "set-url": "http://127.0.0.1:1/", "ignore-error": true }), null);
});

test("an expression cannot make it read a file", async () => {
  await assert.rejects(answered({ "set-url": "='file:' + '///etc/passwd'" }), /http:/);
});

test("mistakes are named with their path", () => {
  const table: readonly (readonly [object, RegExp])[] = [
    [{ "set-url": base }, /^\.response-variable-name/],
    [{ "response-variable-name": "r" }, /^\.set-url the URL/],
    [{ "response-variable-name": "r", "set-url": "ftp://a" }, /^\.set-url a URL/],
    [{ "response-variable-name": "r", "set-url": base, "set-method": "a b" }, /^\.set-method/],
    [
      { "response-variable-name": "r", "set-url": base, "set-header": { name: "host", value: "a" } },
      /^\.set-header\[0\]/,
    ],
    [{ "response-variable-name": "r", "set-url": base, timeout: "soon" }, /^\.timeout/],
  ];
  for (const [config, message] of table) {
    const [first] = mistakesOf(sendRequest, config);
    assert.match(`${first?.path} ${first?.message}`, message, JSON.stringify(config));
  }
});
