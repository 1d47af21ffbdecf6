import {
  bucketAt,
  bucketSeconds,
  classCount,
  durationSumAt,
  type Gauge,
  methods,
  refusalCodes,
  requestBytesAt,
  responseBytesAt,
  streamEndings,
  viewMetrics,
} from "./metrics-region.ts";

/** What the process knows beside its threads' regions. */
export interface ProcessFacts {
  readonly revision: number;
  readonly threads: number;
  readonly threadRestarts: number;
  readonly unitErrors: number;
  readonly isReady: boolean;
  readonly keys: number;
  readonly subscriptions: number;
  readonly accessTableBytes: number;
  readonly usageRowsLost: number;
  readonly tls?: {
    /** Complete, resumed of these, failed, refused. */
    readonly handshakes: readonly number[];
    readonly problems: number;
    readonly certificates: readonly { readonly name: string; readonly notAfterMs: number }[];
  };
}

/** One number with its labels. */
export interface NumberRow {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A distribution: `counts` has one more than `bounds`, for everything above; not cumulative. */
export interface HistogramRow {
  readonly labels: Readonly<Record<string, string>>;
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
}

/** One metric with all its label sets, whoever shows it. */
export type MetricFamily = { readonly name: string; readonly help: string } & (
  | { readonly type: "counter" | "gauge"; readonly rows: readonly NumberRow[] }
  | { readonly type: "histogram"; readonly rows: readonly HistogramRow[] }
);

/** One thread's region and its name. */
export interface ThreadRegion {
  readonly thread: string;
  readonly metrics: SharedArrayBuffer;
}

/** Sums of threads that have ended, so that counters never go back. */
export interface EndedThreads {
  /** Adds a thread's counters; its region may then be freed. */
  add(region: SharedArrayBuffer): void;
  readonly sums: Sums;
}

interface ApiSums {
  readonly cells: number[];
}

interface Sums {
  readonly apis: Map<string, ApiSums>;
  readonly refusals: Map<string, number>;
  readonly counters: Map<Gauge, number>;
}

const streamKinds = ["upgrade", "events"] as const;

const counterGauges: readonly Gauge[] = [
  "aborted",
  "usageLost",
  "logLinesLost",
  "upgradeSeconds",
  "upgradeBytesIn",
  "upgradeBytesOut",
  "eventSeconds",
  ...streamEndings.flatMap((ending) => [`upgrade:${ending}`, `events:${ending}`] as const),
];

/** Keeps the counters of threads that were replaced. */
export const createEndedThreads = (): EndedThreads => {
  const sums: Sums = { apis: new Map(), refusals: new Map(), counters: new Map() };
  return { add: (region) => addRegion(sums, region), sums };
};

/** The metrics of all threads together. Label sets are bounded by the regions. */
export const metricFamilies = (
  threads: readonly ThreadRegion[],
  ended: EndedThreads,
  facts: ProcessFacts,
): readonly MetricFamily[] => {
  const sums: Sums = { apis: new Map(), refusals: new Map(), counters: new Map() };
  mergeSums(sums, ended.sums);
  for (const { metrics } of threads) addRegion(sums, metrics);
  const families: MetricFamily[] = [];
  const family = (name: string, type: "counter" | "gauge", help: string, rows: readonly NumberRow[]): void => {
    if (rows.length > 0) families.push({ name, type, help, rows });
  };
  const apis = [...sums.apis].sort(([a], [b]) => (a < b ? -1 : 1));

  family(
    "portico_requests_total",
    "counter",
    "Finished requests by API, method and class of status.",
    requestRows(apis),
  );
  families.push({
    name: "portico_request_duration_seconds",
    type: "histogram",
    help: "From the head to the last byte.",
    rows: apis.map(([api, { cells }]) => ({
      labels: { api },
      bounds: bucketSeconds,
      counts: Array.from({ length: bucketSeconds.length + 1 }, (_, index) => cells[bucketAt + index] ?? 0),
      sum: cells[durationSumAt] ?? 0,
    })),
  });
  const perApi = (at: number): readonly NumberRow[] =>
    apis.map(([api, { cells }]) => ({ labels: { api }, value: cells[at] ?? 0 }));
  family(
    "portico_request_bytes_total",
    "counter",
    "Bytes received in request heads and bodies.",
    perApi(requestBytesAt),
  );
  family("portico_response_bytes_total", "counter", "Bytes sent in reply heads and bodies.", perApi(responseBytesAt));
  const refusals = [...sums.refusals].map(([code, value]): NumberRow => ({ labels: { code }, value }));
  family("portico_refusals_total", "counter", "Refused or failed requests by problem code.", refusals);
  const upstream = refusals.filter(({ labels }) => labels.code?.startsWith("backend.") === true);
  family(
    "portico_upstream_errors_total",
    "counter",
    "Requests that a backend did not answer properly, by code.",
    upstream,
  );
  const counter = (gauge: Gauge): readonly NumberRow[] => [{ labels: {}, value: sums.counters.get(gauge) ?? 0 }];
  family("portico_requests_aborted_total", "counter", "Requests that a side broke off.", counter("aborted"));
  family(
    "portico_usage_lost_total",
    "counter",
    "Calls that found the minute's usage table full.",
    counter("usageLost"),
  );
  if (facts.tls !== undefined) {
    const [complete = 0, resumed = 0, failed = 0, refused = 0] = facts.tls.handshakes;
    const results = { full: complete - resumed, resumed, failed, refused };
    family(
      "portico_tls_handshakes_total",
      "counter",
      "TLS handshakes by how they ended.",
      Object.entries(results).map(([result, value]) => ({ labels: { result }, value })),
    );
    family("portico_certificate_problems", "gauge", "Certificates that cannot be used.", [
      { labels: {}, value: facts.tls.problems },
    ]);
    family(
      "portico_certificate_expiry_timestamp_seconds",
      "gauge",
      "When a certificate ends, in seconds since 1970.",
      facts.tls.certificates.map(({ name, notAfterMs }) => ({
        labels: { certificate: name },
        value: notAfterMs / 1000,
      })),
    );
  }
  family(
    "portico_log_lines_lost_total",
    "counter",
    "Access log lines dropped because writing was too slow.",
    counter("logLinesLost"),
  );

  family(
    "portico_streams_total",
    "counter",
    "Upgraded connections and streams of events that have ended, by kind and cause.",
    streamRows(sums),
  );
  family(
    "portico_stream_seconds_total",
    "counter",
    "Life of ended upgraded connections and streams of events.",
    streamKinds.map((kind) => ({
      labels: { kind },
      value: sums.counters.get(kind === "upgrade" ? "upgradeSeconds" : "eventSeconds") ?? 0,
    })),
  );
  family("portico_upgraded_bytes_total", "counter", "Bytes of ended upgraded connections, by direction.", [
    { labels: { direction: "in" }, value: sums.counters.get("upgradeBytesIn") ?? 0 },
    { labels: { direction: "out" }, value: sums.counters.get("upgradeBytesOut") ?? 0 },
  ]);

  const perThread = (gauge: Gauge, factor = 1): readonly NumberRow[] =>
    threads.map(({ thread, metrics }) => {
      const view = viewMetrics(metrics);
      return { labels: { thread }, value: (view.cells[view.gaugeAt(gauge)] ?? 0) * factor };
    });
  family("portico_requests_in_flight", "gauge", "Requests that have begun and not ended.", perThread("inFlight"));
  family("portico_connections", "gauge", "Open client connections.", perThread("connections"));
  family("portico_upstream_connections", "gauge", "Open connections to backends.", perThread("upstreamConnections"));
  family("portico_upgraded_connections", "gauge", "Open upgraded connections.", perThread("upgraded"));
  family("portico_event_streams", "gauge", "Open streams of events.", perThread("eventStreams"));
  family(
    "portico_event_loop_lag_seconds",
    "gauge",
    "How late the thread's timer was.",
    perThread("eventLoopLagMs", 0.001),
  );
  family("portico_heap_used_bytes", "gauge", "Heap in use.", perThread("heapUsedBytes"));
  family("portico_thread_revision", "gauge", "The revision that a thread serves.", perThread("revision"));
  const one = (value: number): readonly NumberRow[] => [{ labels: {}, value }];
  family("portico_revision", "gauge", "The revision that all threads serve.", one(facts.revision));
  family("portico_threads", "gauge", "Running threads.", one(facts.threads));
  family("portico_thread_restarts_total", "counter", "Threads that were replaced.", one(facts.threadRestarts));
  family("portico_unit_errors", "gauge", "APIs whose newest version did not compile.", one(facts.unitErrors));
  family("portico_ready", "gauge", "1 while requests are served.", one(facts.isReady ? 1 : 0));
  family("portico_keys", "gauge", "Keys in the key table.", one(facts.keys));
  family("portico_subscriptions", "gauge", "Subscriptions in the access table.", one(facts.subscriptions));
  family("portico_access_table_bytes", "gauge", "Memory of keys and subscriptions.", one(facts.accessTableBytes));
  family(
    "portico_usage_rows_lost_total",
    "counter",
    "Usage rows dropped while control was away too long.",
    one(facts.usageRowsLost),
  );
  family("process_resident_memory_bytes", "gauge", "Resident memory.", one(process.memoryUsage.rss()));
  return families;
};

const streamRows = ({ counters }: Sums): readonly NumberRow[] =>
  streamKinds.flatMap((kind) =>
    streamEndings.flatMap((ending): readonly NumberRow[] => {
      const value = counters.get(`${kind}:${ending}`) ?? 0;
      return value > 0 ? [{ labels: { kind, ending }, value }] : [];
    }),
  );

const statusClasses = ["aborted", "1xx", "2xx", "3xx", "4xx", "5xx"] as const;

const requestRows = (apis: readonly (readonly [string, ApiSums])[]): readonly NumberRow[] => {
  const rows: NumberRow[] = [];
  for (const [api, { cells }] of apis) {
    for (const [m, method] of methods.entries()) {
      for (const [c, status] of statusClasses.entries()) {
        const count = cells[m * classCount + c] ?? 0;
        if (count > 0) rows.push({ labels: { api, method, status }, value: count });
      }
    }
  }
  return rows;
};

const addRegion = (sums: Sums, region: SharedArrayBuffer): void => {
  const view = viewMetrics(region);
  const rows = Atomics.load(view.header, 0);
  for (let row = 0; row < rows; row++) {
    const at = view.rowAt(row);
    const cells = [...view.cells.subarray(at, at + responseBytesAt + 1)];
    if (cells.every((cell) => cell === 0)) continue;
    addCells(sums, view.nameOf(row), cells);
  }
  for (const code of [...refusalCodes, "other"]) {
    const count = view.cells[view.refusalAt(code)] ?? 0;
    if (count > 0) sums.refusals.set(code, (sums.refusals.get(code) ?? 0) + count);
  }
  for (const gauge of counterGauges) {
    const count = view.cells[view.gaugeAt(gauge)] ?? 0;
    sums.counters.set(gauge, (sums.counters.get(gauge) ?? 0) + count);
  }
};

const mergeSums = (into: Sums, from: Sums): void => {
  for (const [api, { cells }] of from.apis) addCells(into, api, cells);
  for (const [code, count] of from.refusals) into.refusals.set(code, (into.refusals.get(code) ?? 0) + count);
  for (const [gauge, count] of from.counters) into.counters.set(gauge, (into.counters.get(gauge) ?? 0) + count);
};

const addCells = (sums: Sums, api: string, cells: readonly number[]): void => {
  const known = sums.apis.get(api);
  if (known === undefined) sums.apis.set(api, { cells: [...cells] });
  else for (const [index, cell] of cells.entries()) known.cells[index] = (known.cells[index] ?? 0) + cell;
};
