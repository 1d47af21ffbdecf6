import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { silentLog } from "../base/log.ts";
import type { Explanation } from "../model/explanation.ts";
import type { MetricFamily } from "./metric-families.ts";
import { createOtlpExporter, type OtlpExporter, type OtlpExporterOptions } from "./otlp-exporter.ts";
import { spansOf } from "./otlp-spans.ts";
import { attributeOf, startTestCollector } from "./testing-collector.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";

const explanation = (more: Partial<Explanation> = {}): Explanation => ({
  id: "r-1",
  time: "2026-01-02T03:04:05.678Z",
  revision: 7,
  reason: "traced",
  isComplete: true,
  trace: { traceId, spanId: "00f067aa0ba902b7", parentSpanId: "b7ad6b7169203331", state: "a=1" },
  request: {
    method: "GET",
    scheme: "http",
    host: "api.example:8080",
    path: "/orders/items/7",
    query: "",
    clientIp: "::1",
    headers: [],
  },
  route: {
    outcome: "found",
    message: "",
    api: "orders",
    apiPath: "/orders",
    version: "",
    operation: "getItem",
    method: "GET",
    pathTemplate: "/items/{id}",
  },
  caller: { kind: "key", subscription: "s1" },
  steps: [
    {
      policy: "rate-limit",
      section: "inbound",
      scope: "api",
      file: "apis/orders/policy.yaml",
      path: "inbound[0].rate-limit",
      startUs: 10,
      durationUs: 5,
      decision: { kind: "went-on" },
      changes: [],
      notes: [{ name: "remaining", value: 4 }],
      attempts: [],
      steps: [],
    },
    {
      policy: "forward-request",
      section: "backend",
      scope: "",
      file: "",
      path: "",
      startUs: 20,
      durationUs: 900,
      decision: { kind: "forwarded", status: 200 },
      changes: [],
      notes: [],
      attempts: [
        { target: "127.0.0.1:9000", queuedUs: 21, endUs: 100, code: "backend.unreachable", spanId: "1111111111111111" },
        { target: "127.0.0.1:9001", queuedUs: 110, sentUs: 200, replyUs: 800, status: 200, spanId: "2222222222222222" },
      ],
      steps: [],
    },
  ],
  notes: [],
  fault: null,
  reply: { status: 200, headers: [] },
  outcome: { status: 200, isAborted: false, requestBytes: 1, responseBytes: 2, durationUs: 1000 },
  leftOut: 0,
  ...more,
});

const families: readonly MetricFamily[] = [
  {
    name: "portico_requests_total",
    help: "Calls.",
    type: "counter",
    rows: [{ labels: { api: "orders", status: "2xx" }, value: 3 }],
  },
  { name: "portico_connections", help: "Open.", type: "gauge", rows: [{ labels: { thread: "0" }, value: 0 }] },
  {
    name: "portico_request_duration_seconds",
    help: "Time.",
    type: "histogram",
    rows: [{ labels: { api: "orders" }, bounds: [0.1, 1], counts: [1, 2, 0], sum: 0.75 }],
  },
];

const exporterFor = (endpoint: string, more: Partial<OtlpExporterOptions> = {}): OtlpExporter =>
  createOtlpExporter({
    endpoint,
    headers: { "x-team": "a" },
    resource: { "service.name": "portico-gateway", "service.version": "1" },
    metrics: () => families,
    metricsMs: 3_600_000,
    log: silentLog,
    flushMs: 10,
    retryMs: 5,
    ...more,
  });

const until = async (isTrue: () => boolean): Promise<void> => {
  const endsAt = performance.now() + 5_000;
  while (!isTrue()) {
    assert.ok(performance.now() < endsAt, "not within five seconds");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

test("a call is a server span, each request to a backend a client span below it, each decision an event", async () => {
  const collector = await startTestCollector();
  const exporter = exporterFor(collector.endpoint);
  exporter.add(explanation());
  await until(() => collector.spans.length === 3);
  const [server, first, second] = collector.spans;
  assert.deepEqual(
    [server?.name, server?.kind, server?.traceId, server?.spanId, server?.parentSpanId, server?.traceState],
    ["GET /orders/items/{id}", 2, traceId, "00f067aa0ba902b7", "b7ad6b7169203331", "a=1"],
  );
  const startNs = BigInt(Date.parse("2026-01-02T03:04:05.678Z")) * 1_000_000n;
  assert.deepEqual([server?.startTimeUnixNano, server?.endTimeUnixNano], [`${startNs}`, `${startNs + 1_000_000n}`]);
  assert.deepEqual(
    ["http.request.method", "http.route", "http.response.status_code", "server.address", "portico.subscription"].map(
      (name) => attributeOf(server, name),
    ),
    ["GET", "/orders/items/{id}", "200", "api.example", "s1"],
  );
  const events = server?.events as { name: string }[];
  assert.deepEqual(
    events.map(({ name }) => name),
    ["policy rate-limit", "policy forward-request"],
  );
  assert.equal(attributeOf(events[0] as never, "portico.note.remaining"), "4");
  assert.deepEqual(
    [first?.kind, first?.parentSpanId, attributeOf(first, "error.type")],
    [3, "00f067aa0ba902b7", "backend.unreachable"],
  );
  assert.deepEqual(
    [second?.spanId, attributeOf(second, "http.request.resend_count"), attributeOf(second, "server.port")],
    ["2222222222222222", "1", "9001"],
  );
  assert.equal(collector.requests[0]?.headers["x-team"], "a");
  await exporter.close();
  assert.deepEqual(collector.mistakes, []);
  await collector.close();
});

test("metrics are sums, gauges and histograms since the start of the process", async () => {
  const collector = await startTestCollector();
  const exporter = exporterFor(collector.endpoint, { metricsMs: 10 });
  await until(() => collector.metrics.length >= 3);
  await exporter.close();
  const [calls, connections, time] = collector.metrics as {
    sum?: object;
    gauge?: object;
    histogram?: { dataPoints: { bucketCounts: string[] }[] };
  }[];
  assert.ok(calls?.sum !== undefined && connections?.gauge !== undefined);
  assert.deepEqual(time?.histogram?.dataPoints[0]?.bucketCounts, ["1", "2", "0"]);
  assert.equal(attributeOf(collector.resources[0], "service.name"), "portico-gateway");
  assert.deepEqual(collector.mistakes, []);
  await collector.close();
});

test("a server error makes an error of the span; a method that a client invented is not a name", () => {
  const [server] = spansOf(
    explanation({
      request: { ...explanation().request, method: "HACK" },
      route: { ...explanation().route, outcome: "no-api", pathTemplate: "", apiPath: "" },
      outcome: { ...explanation().outcome, status: 502 },
      fault: { code: "backend.unreachable", source: "forward-request", section: "backend", message: "gone" },
    }),
  );
  assert.deepEqual([server?.name, server?.status], ["_OTHER", { code: 2, message: "gone" }]);
  assert.equal(attributeOf(server, "http.request.method_original"), "HACK");
  assert.equal(attributeOf(server, "error.type"), "backend.unreachable");
  const { trace: _trace, ...untraced } = explanation();
  assert.deepEqual(spansOf(untraced), []);
});

test("a collector that is busy is asked again; one that refuses is not", async () => {
  const collector = await startTestCollector();
  collector.answers.push({ status: 503 }, { status: 429, headers: { "retry-after": "0" } });
  const exporter = exporterFor(collector.endpoint);
  exporter.add(explanation());
  await until(() => exporter.counts.exported === 3);
  assert.equal(collector.requests.length, 3);
  collector.answers.push({ status: 400 });
  exporter.add(explanation());
  await until(() => exporter.counts.dropped === 3);
  assert.equal(collector.requests.length, 4);
  await exporter.close();
  await collector.close();
});

test("a queue that is full drops and counts, and a collector that never answers holds nobody up", async () => {
  const silent = createServer((socket) => socket.on("error", () => {}));
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  const address = silent.address();
  assert.ok(address !== null && typeof address === "object");
  const exporter = exporterFor(`http://127.0.0.1:${address.port}`, { spansMax: 6 });
  const begun = performance.now();
  for (let at = 0; at < 1_000; at++) exporter.add(explanation());
  assert.ok(performance.now() - begun < 2_000);
  assert.equal(exporter.counts.dropped, 3_000 - 6);
  await exporter.close();
  assert.equal(exporter.counts.dropped, 3_000);
  silent.close();
});

test("a collector that takes only a part has taken it: nothing is sent twice", async () => {
  const collector = await startTestCollector();
  collector.answers.push({ status: 200, body: '{"partialSuccess":{"rejectedSpans":"1","errorMessage":"no"}}' });
  const exporter = exporterFor(collector.endpoint);
  exporter.add(explanation());
  await until(() => exporter.counts.exported === 3);
  await exporter.close();
  assert.equal(collector.requests.filter(({ path }) => path === "/v1/traces").length, 1);
  await collector.close();
});
