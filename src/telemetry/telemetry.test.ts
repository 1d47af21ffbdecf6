import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { callerOf, type ExchangeOutcome } from "../exchange/exchange.ts";
import { type TestExchangeOptions, testExchange } from "../exchange/testing-exchange.ts";
import { accessRecord } from "./access-record.ts";
import { openLineFile } from "./line-file.ts";
import { createEndedThreads, metricFamilies, type ProcessFacts } from "./metric-families.ts";
import { newMetricsRegion } from "./metrics-region.ts";
import { prometheusText } from "./prometheus.ts";
import { createThreadTelemetry } from "./thread-telemetry.ts";
import { mergeUsage, newUsageRegion, takeUsage } from "./usage-region.ts";

const outcome = (more: Partial<ExchangeOutcome> = {}): ExchangeOutcome => ({
  status: 200,
  isAborted: false,
  requestBytes: 10,
  responseBytes: 100,
  durationMs: 3,
  ...more,
});

const facts: ProcessFacts = {
  revision: 7,
  threads: 1,
  threadRestarts: 0,
  unitErrors: 0,
  isReady: true,
  keys: 0,
  subscriptions: 0,
  accessTableBytes: 0,
  usageRowsLost: 0,
};

const idle = {
  inFlight: 1,
  connections: 2,
  eventLoopLagMs: 3,
  heapUsedBytes: 4,
  revision: 7,
  upstreamConnections: 5,
  upgraded: 6,
  eventStreams: 7,
};

const threadOf = (minute = { ms: 1_750_000_020_000 }) => {
  const metrics = newMetricsRegion();
  const usage = newUsageRegion();
  const telemetry = createThreadTelemetry({ metrics, usage, log: null, nowMs: () => minute.ms });
  const call = (options: TestExchangeOptions, more: Partial<ExchangeOutcome> = {}): void =>
    telemetry.finished(testExchange(options), outcome(more));
  return { metrics, usage, telemetry, call, minute };
};

test("long connections are counted by kind and cause, and their life is no duration of a call", () => {
  const { metrics, telemetry, call } = threadOf();
  const upgrade = { kind: "upgrade", protocol: "websocket", ending: "idle", closeCode: 1001 } as const;
  call({ route: { api: "chat" } }, { status: 101, durationMs: 60_000, requestBytes: 7, stream: upgrade });
  call(
    { route: { api: "chat" } },
    { durationMs: 2_000, stream: { kind: "events", protocol: "", ending: "drained", closeCode: 0 } },
  );
  telemetry.tick(idle);
  const text = prometheusText(metricFamilies([{ thread: "0", metrics }], createEndedThreads(), facts));
  for (const line of [
    'portico_requests_total{api="chat",method="GET",status="1xx"} 1',
    'portico_request_duration_seconds_count{api="chat"} 0',
    'portico_streams_total{kind="upgrade",ending="idle"} 1',
    'portico_streams_total{kind="events",ending="drained"} 1',
    'portico_stream_seconds_total{kind="upgrade"} 60',
    'portico_stream_seconds_total{kind="events"} 2',
    'portico_upgraded_bytes_total{direction="in"} 7',
    'portico_upgraded_connections{thread="0"} 6',
    'portico_event_streams{thread="0"} 7',
  ]) {
    assert.ok(text.includes(`${line}\n`), line);
  }
  const record = JSON.parse(accessRecord(testExchange(), outcome({ status: 101, stream: upgrade })));
  assert.deepEqual(
    [record.stream, record.protocol, record.ending, record.closeCode],
    ["upgrade", "websocket", "idle", 1001],
  );
});

test("requests are counted by API, method and status class, durations in cumulative buckets", () => {
  const { metrics, telemetry, call } = threadOf();
  call({ route: { api: "orders" } });
  call({ route: { api: "orders" }, method: "PURGE" }, { status: 503, durationMs: 400 });
  call({ route: { api: "" } }, { status: 404 });
  call({ route: { api: "orders" } }, { status: 0, isAborted: true });
  telemetry.tick(idle);
  const text = prometheusText(metricFamilies([{ thread: "0", metrics }], createEndedThreads(), facts));
  for (const line of [
    'portico_requests_total{api="orders",method="GET",status="2xx"} 1',
    'portico_requests_total{api="orders",method="other",status="5xx"} 1',
    'portico_requests_total{api="orders",method="GET",status="aborted"} 1',
    'portico_requests_total{api="",method="GET",status="4xx"} 1',
    'portico_request_duration_seconds_bucket{api="orders",le="0.0025"} 0',
    'portico_request_duration_seconds_bucket{api="orders",le="0.005"} 2',
    'portico_request_duration_seconds_bucket{api="orders",le="+Inf"} 3',
    'portico_request_duration_seconds_count{api="orders"} 3',
    'portico_response_bytes_total{api="orders"} 300',
    "portico_requests_aborted_total 1",
    'portico_connections{thread="0"} 2',
    "portico_revision 7",
  ]) {
    assert.ok(text.includes(`${line}\n`), `${line}\n---\n${text}`);
  }
});

test("refusals are counted by code, and a code that is not in the table as other", () => {
  const { metrics, call } = threadOf();
  call({ fault: { code: "limit.rate_exceeded" } }, { status: 429 });
  call({ fault: { code: "backend.timeout" } }, { status: 504 });
  call({ fault: { code: "made.up" } }, { status: 500 });
  const text = prometheusText(metricFamilies([{ thread: "0", metrics }], createEndedThreads(), facts));
  assert.match(text, /portico_refusals_total\{code="limit.rate_exceeded"\} 1/);
  assert.match(text, /portico_refusals_total\{code="other"\} 1/);
  assert.match(text, /portico_upstream_errors_total\{code="backend.timeout"\} 1/);
});

test("more APIs than there are rows are counted as other: the label set is bounded", () => {
  const { metrics, call } = threadOf();
  for (let i = 0; i < 2000; i++) call({ route: { api: `api-${i}` } });
  const text = prometheusText(metricFamilies([{ thread: "0", metrics }], createEndedThreads(), facts));
  const names = new Set([...text.matchAll(/portico_requests_total\{api="([^"]*)"/g)].map((match) => match[1]));
  assert.equal(names.size, 511);
  assert.match(text, /portico_requests_total\{api="other",method="GET",status="2xx"\} 1490/);
});

test("counters of a thread that ended stay in the sums", () => {
  const first = threadOf();
  const second = threadOf();
  first.call({ route: { api: "orders" } });
  second.call({ route: { api: "orders" } });
  const ended = createEndedThreads();
  ended.add(first.metrics);
  const text = prometheusText(metricFamilies([{ thread: "1", metrics: second.metrics }], ended, facts));
  assert.match(text, /portico_requests_total\{api="orders",method="GET",status="2xx"\} 2\n/);
});

test("usage is rolled up per minute by API, operation, subscription and status", () => {
  const { usage, telemetry, call, minute } = threadOf();
  const caller = callerOf({ kind: "key", subscription: "s1" });
  call({ route: { api: "orders", operation: "list" }, caller });
  call({ route: { api: "orders", operation: "list" }, caller }, { durationMs: 9 });
  call({ route: { api: "orders", operation: "list" } }, { status: 401 });
  call({ route: { api: "" } }, { status: 404 });
  telemetry.tick(idle);
  assert.deepEqual(takeUsage(usage, false), []);
  minute.ms += 60_000;
  telemetry.tick(idle);
  call({ route: { api: "orders", operation: "list" }, caller });
  const row = { minuteMs: 1_750_000_020_000 - (1_750_000_020_000 % 60_000), api: "orders", operation: "list" };
  assert.deepEqual(mergeUsage(takeUsage(usage, false)), [
    {
      ...row,
      subscription: "s1",
      status: 200,
      calls: 2,
      requestBytes: 20,
      responseBytes: 200,
      durationMsSum: 12,
      durationMsMax: 9,
    },
    {
      ...row,
      subscription: "",
      status: 401,
      calls: 1,
      requestBytes: 10,
      responseBytes: 100,
      durationMsSum: 3,
      durationMsMax: 3,
    },
  ]);
  assert.deepEqual(takeUsage(usage, false), []);
  // The thread dies: what it was counting is not lost.
  assert.deepEqual(
    takeUsage(usage, true).map((one) => [one.minuteMs, one.calls]),
    [[row.minuteMs + 60_000, 1]],
  );
});

test("a reader that is late loses nothing: the minute goes on", () => {
  const { usage, telemetry, call, minute } = threadOf();
  const count = 5;
  for (let i = 0; i < count; i++) {
    call({ route: { api: "orders" } });
    minute.ms += 60_000;
    telemetry.tick(idle);
  }
  const first = takeUsage(usage, false);
  minute.ms += 60_000;
  telemetry.tick(idle);
  const rest = [...takeUsage(usage, false), ...takeUsage(usage, true)];
  assert.equal(
    [...first, ...rest].reduce((sum, row) => sum + row.calls, 0),
    count,
  );
});

test("a full usage table counts what it cannot hold", () => {
  const { metrics, usage, call } = threadOf();
  for (let i = 0; i < 17_000; i++) call({ caller: callerOf({ kind: "key", subscription: `s${i}` }) });
  assert.equal(takeUsage(usage, true).length, 16_384);
  const text = prometheusText(metricFamilies([{ thread: "0", metrics }], createEndedThreads(), facts));
  assert.match(text, new RegExp(`portico_usage_lost_total ${17_000 - 16_384}\n`));
});

test("an access record has the names of query parameters but no values, and no header", () => {
  const x = testExchange({
    id: "r-1",
    path: "/orders/1?api_key=hunter2&bare-secret&x=1",
    headers: { "x-api-key": "hunter3" },
    caller: callerOf({ kind: "key", subscription: "s1" }),
    fault: { code: "limit.rate_exceeded", source: "rate-limit" },
    startedAtMs: 1_750_000_020_042,
  });
  const line = accessRecord(x, outcome({ status: 429, isAborted: true, durationMs: 1.23456 }));
  assert.doesNotMatch(line, /hunter|bare-secret/);
  assert.deepEqual(JSON.parse(line), {
    time: "2025-06-15T15:07:00.042Z",
    id: "r-1",
    method: "GET",
    host: "api.example.test",
    path: "/orders/1",
    query: ["api_key", "?", "x"],
    status: 429,
    durationMs: 1.235,
    requestBytes: 10,
    responseBytes: 100,
    clientIp: "127.0.0.1",
    revision: 1,
    api: "orders",
    operation: "listOrders",
    subscription: "s1",
    code: "limit.rate_exceeded",
    source: "rate-limit",
    aborted: true,
  });
});

test("lines reach their file whole and in order, also over a change of the file", async () => {
  const directory = mkdtempSync(join(tmpdir(), "portico-log-"));
  try {
    const path = join(directory, "access.log");
    const file = openLineFile(path);
    for (let i = 0; i < 5000; i++) file.add(`${i} ${"x".repeat(50)}\n`);
    file.flush();
    await new Promise((resolve) => setTimeout(resolve, 100));
    renameSync(path, join(directory, "access.log.1"));
    file.reopen();
    file.add("last\n");
    await file.close();
    const first = readFileSync(join(directory, "access.log.1"), "utf8").trimEnd().split("\n");
    assert.deepEqual([first.length, first[4999]?.split(" ")[0]], [5000, "4999"]);
    assert.equal(readFileSync(path, "utf8"), "last\n");
  } finally {
    rmSync(directory, { recursive: true });
  }
});
