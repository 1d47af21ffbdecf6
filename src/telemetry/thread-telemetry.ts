import type { Exchange, ExchangeOutcome, RouteFacts } from "../exchange/exchange.ts";
import type { MetricSink } from "../exchange/metric-sink.ts";
import { accessRecord } from "./access-record.ts";
import { type CustomMetricRow, createCustomMetrics } from "./custom-metrics.ts";
import type { LineFile } from "./line-file.ts";
import type { Gauge } from "./metrics-region.ts";
import { createThreadMetrics } from "./thread-metrics.ts";
import { createUsageWriter } from "./usage-region.ts";

/** What one thread is told about itself besides its exchanges. */
export interface ThreadGauges {
  readonly inFlight: number;
  readonly connections: number;
  readonly eventLoopLagMs: number;
  readonly heapUsedBytes: number;
  readonly revision: number;
  readonly upstreamConnections: number;
  readonly upgraded: number;
  readonly eventStreams: number;
}

/** Watches the finished exchanges of one thread. */
export interface ThreadTelemetry {
  /** Counts, and writes the log line. Costs a few look-ups and additions, and a string where there is a log. */
  finished(x: Exchange, outcome: ExchangeOutcome): void;
  /** Every 100 ms or so: gauges, the end of a minute, the log's batches. */
  tick(gauges: ThreadGauges): void;
  /** The access records since the last call, for `portico logs -f`; at most `recentMax` between two calls. */
  takeRecent(): string;
  /** Metrics that policies define, and what was added to them since the last `takeMetrics`. */
  readonly metrics: MetricSink;
  takeMetrics(): readonly CustomMetricRow[];
  reopenLog(): void;
  /** Writes what waits. */
  close(): Promise<void>;
}

/** What a thread's telemetry writes to. */
export interface ThreadTelemetryOptions {
  readonly metrics: SharedArrayBuffer;
  readonly usage: SharedArrayBuffer;
  /** Null where the log is off. */
  readonly log: LineFile | null;
  readonly nowMs?: () => number;
}

/** Records kept for `logs -f` between two ticks; more are left out there (the log and the counters have all of them). */
const recentMax = 100;

interface RouteRecord {
  readonly row: number;
  /** By subscription: statuses and their slots, side by side. A subscription meets a handful of statuses. */
  readonly usage: Map<string, { readonly statuses: number[]; readonly slots: number[] }>;
}

/** Telemetry on the regions that the main thread made for this thread. */
export const createThreadTelemetry = (options: ThreadTelemetryOptions): ThreadTelemetry => {
  const nowMs = options.nowMs ?? Date.now;
  const metrics = createThreadMetrics(options.metrics);
  const usage = createUsageWriter(options.usage, nowMs());
  const custom = createCustomMetrics();
  const { log } = options;
  // By the identity of the route's facts: no key is built per call. Emptied every minute, so that old tables are freed.
  const routes = new Map<RouteFacts, RouteRecord>();
  let recent: string[] = [];

  const slotOf = (record: RouteRecord, route: RouteFacts, subscription: string, status: number): number => {
    let known = record.usage.get(subscription);
    if (known === undefined) {
      known = { statuses: [], slots: [] };
      record.usage.set(subscription, known);
    }
    const index = known.statuses.indexOf(status);
    if (index >= 0) return known.slots[index] ?? -1;
    const slot = usage.slot(route.api, route.operation, subscription, status);
    known.statuses.push(status);
    known.slots.push(slot);
    return slot;
  };

  return {
    finished: (x, outcome) => {
      const { route } = x;
      let record = routes.get(route);
      if (record === undefined) {
        record = { row: metrics.rowOf(route.api), usage: new Map() };
        routes.set(route, record);
      }
      metrics.count(record.row, x.request.method, outcome);
      if (outcome.stream !== undefined && outcome.stream !== null) metrics.countStream(outcome.stream, outcome);
      if (outcome.isAborted) metrics.add("aborted", 1);
      if (x.fault !== null) metrics.refused(x.fault.code);
      if (route.api !== "") {
        const slot = slotOf(record, route, x.caller === null ? "" : x.caller.subscription, outcome.status);
        if (slot < 0) metrics.add("usageLost", 1);
        else usage.count(slot, outcome.requestBytes, outcome.responseBytes, outcome.durationMs);
      }
      const isRecent = recent.length < recentMax;
      if (log === null && !isRecent) return;
      const line = accessRecord(x, outcome);
      log?.add(line);
      if (isRecent) recent.push(line);
    },
    tick: (values) => {
      for (const [gauge, value] of Object.entries(values)) metrics.set(gauge as Gauge, value);
      if (log !== null) {
        metrics.set("logLinesLost", log.lost);
        log.flush();
      }
      if (usage.turn(nowMs())) routes.clear();
    },
    takeRecent: () => {
      const lines = recent.join("");
      if (recent.length > 0) recent = [];
      return lines;
    },
    metrics: custom,
    takeMetrics: custom.take,
    reopenLog: () => log?.reopen(),
    close: async () => {
      await log?.close();
    },
  };
};
