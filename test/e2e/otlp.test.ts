import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { attributeOf, startTestCollector, type TestCollector } from "../../src/telemetry/testing-collector.ts";
import { eventually, freePortBase, main, root } from "./testing-platform.ts";

/*
 * Traces and metrics from the real gateway, its threads included, to a collector that checks them against OpenTelemetry's own classes.
 */

let collector: TestCollector;
let origin: Server;
let gateway: ChildProcess;
let directory = "";
let port = 0;
let output = "";
const received: (string | string[] | undefined)[] = [];

const document = {
  openapi: "3.1.0",
  info: { title: "Orders", version: "1" },
  paths: { "/items/{id}": { get: { operationId: "getItem", responses: { 200: { description: "ok" } } } } },
};

before(async () => {
  collector = await startTestCollector();
  origin = createServer((request, response) => {
    received.push(request.headers.traceparent);
    response.end("ok");
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  directory = await mkdtemp(join(tmpdir(), "portico-otlp-"));
  const files: Record<string, string> = {
    "portico.yaml": `settings:\n  otlp:\n    endpoint: ${collector.endpoint}\n    headers: { x-collector-key: "planted, key" }\n    sample: 0.5\n    metrics-seconds: 1\n`,
    "apis/orders/openapi.json": JSON.stringify(document),
    "apis/orders/api.yaml": `path: /orders\nbackend: http://127.0.0.1:${(origin.address() as AddressInfo).port}\nprotect: none\n`,
    "apis/orders/policy.yaml":
      "inbound:\n  - rate-limit: { calls: 1000, window: 60s }\n  - emit-metric: { name: items, namespace: shop, dimension: [{ name: id, value: '=request.params.id' }] }\n",
  };
  for (const [name, text] of Object.entries(files)) {
    const file = join(directory, "bundle", name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  port = await freePortBase();
  const args = ["--config", join(directory, "bundle"), "--port", String(port), "--ops-port", String(port + 1)];
  gateway = spawn(process.execPath, [main, "gateway", ...args, "--threads", "2", "--data", join(directory, "data")], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  gateway.stdout?.on("data", (chunk) => (output += String(chunk)));
  gateway.stderr?.on("data", (chunk) => (output += String(chunk)));
  await eventually(async () => (await fetch(`http://127.0.0.1:${port + 1}/readyz`)).ok, 20_000, "the gateway's start");
});

after(async () => {
  if (gateway.exitCode === null) {
    const ended = new Promise((resolve) => gateway.once("exit", resolve));
    gateway.kill("SIGTERM");
    await ended;
  }
  await collector.close();
  origin.closeAllConnections();
  origin.close();
  await rm(directory, { recursive: true, force: true });
});

const traceId = "0af7651916cd43dd8448eb211c80319c";
const call = (headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`http://127.0.0.1:${port}/orders/items/7`, { headers });

test("a caller's sampled trace goes on through our spans to the backend", async () => {
  const parent = "b7ad6b7169203331";
  const response = await call({ traceparent: `00-${traceId}-${parent}-03`, tracestate: "a=1", baggage: "k=v" });
  assert.equal(response.status, 200, output);
  await eventually(
    async () => collector.spans.filter((span) => span.traceId === traceId).length === 2,
    10_000,
    "two spans",
  );
  const [server, client] = collector.spans.filter((span) => span.traceId === traceId);
  assert.deepEqual([server?.kind, server?.parentSpanId, server?.name], [2, parent, "GET /orders/items/{id}"]);
  assert.deepEqual([client?.kind, client?.parentSpanId], [3, server?.spanId]);
  // The backend's parent is our client span; sampled, and the caller's word that its ids are random.
  assert.equal(received.at(-1), `00-${traceId}-${String(client?.spanId)}-03`);
  const names = ((server?.events ?? []) as { name: string }[]).map(({ name }) => name);
  assert.deepEqual(names, ["policy rate-limit", "policy emit-metric", "policy forward-request"]);
  assert.equal(attributeOf(server, "http.response.status_code"), "200");
});

test("a caller's decision not to sample holds, and its traceparent goes on as it is", async () => {
  const other = "11111111111111111111111111111111";
  const traceparent = `00-${other}-b7ad6b7169203331-00`;
  await call({ traceparent });
  assert.equal(received.at(-1), traceparent);
  assert.deepEqual(
    collector.spans.filter((span) => span.traceId === other),
    [],
  );
});

test("of the calls without a trace the configured share is traced; the others say that they are not", async () => {
  const before = received.length;
  for (let at = 0; at < 20; at++) await call();
  const flags = received.slice(before).map((value) => String(value).slice(-2));
  // Each thread counts by itself, and begins in the middle.
  const sampled = flags.filter((flag) => flag === "03").length;
  assert.ok(sampled >= 9 && sampled <= 11, `${sampled} of 20`);
  assert.equal(flags.filter((flag) => flag === "00").length, 20 - sampled);
});

test("metrics go out too, with those that policies define; nothing was wrong or lost", async () => {
  const named = (name: string) => collector.metrics.findLast((metric) => metric.name === name);
  await eventually(
    async () => named("shop_items") !== undefined && named("portico_requests_total") !== undefined,
    10_000,
    "metrics",
  );
  const items = named("shop_items") as { histogram: { dataPoints: { count: string }[] } } | undefined;
  assert.equal(attributeOf(items?.histogram.dataPoints[0], "id"), "7");
  assert.ok(Number(items?.histogram.dataPoints[0]?.count) > 0);
  const text = await (await fetch(`http://127.0.0.1:${port + 1}/metrics`)).text();
  assert.match(text, /^shop_items_count\{id="7"\} \d+$/m);
  assert.match(text, /^portico_spans_dropped_total 0$/m);
  assert.equal(collector.requests[0]?.headers["x-collector-key"], "planted, key");
  assert.equal(attributeOf(collector.resources[0], "service.name"), "portico-gateway");
  assert.deepEqual(collector.mistakes, []);
  assert.doesNotMatch(output, /planted/);
});

test("a collector that went away fails no call", async () => {
  await collector.close();
  for (let at = 0; at < 50; at++)
    assert.equal((await call({ traceparent: `00-${traceId}-b7ad6b7169203331-01` })).status, 200);
});
