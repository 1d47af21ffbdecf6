import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { messageOf } from "../base/fault.ts";
import type { Log } from "../base/log.ts";
import type { Explanation } from "../model/explanation.ts";
import type { MetricFamily } from "./metric-families.ts";
import { otlpMetrics } from "./otlp-metrics.ts";
import { spansOf } from "./otlp-spans.ts";
import { attributesOf, type OtlpJson } from "./otlp-values.ts";

/** What an exporter needs. */
export interface OtlpExporterOptions {
  /** `/v1/traces` and `/v1/metrics` are below it. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What the data is about: `service.name`, `service.version`, `service.instance.id`. */
  readonly resource: Readonly<Record<string, string>>;
  /** The metrics of the moment. */
  metrics(): readonly MetricFamily[];
  readonly metricsMs: number;
  readonly log: Log;
  /** For tests: between two batches, and before the second try. */
  readonly flushMs?: number;
  readonly retryMs?: number;
  readonly spansMax?: number;
}

/** Exports traces and metrics over OTLP/HTTP. Whatever the collector does, a call never waits for it. */
export interface OtlpExporter {
  /** Queues the spans of a call; drops them where the queue is full. */
  add(explanation: Explanation): void;
  /** Spans that were taken, and that were dropped: because the queue was full, or the collector did not take them. */
  readonly counts: { readonly exported: number; readonly dropped: number };
  /** Sends what waits, for at most a moment. */
  close(): Promise<void>;
}

const spansMaxDefault = 8_192;
const batchMax = 512;
const flushMsDefault = 1_000;
const retryMsDefault = 1_000;
const retryMsMax = 30_000;
const triesMax = 5;
const requestMs = 10_000;
const closeMs = 2_000;
/** OTLP section "Failures": these may be tried again, all others not. */
const retryableStatuses = new Set([429, 502, 503, 504]);
const scope = { name: "portico" };
const compress = promisify(gzip);

/** An exporter that runs until it is closed. One request at a time; what comes meanwhile waits in a bounded queue. */
export const createOtlpExporter = (options: OtlpExporterOptions): OtlpExporter => {
  const { log } = options;
  const spansMax = options.spansMax ?? spansMaxDefault;
  const startedAtMs = Date.now();
  const resource = { attributes: attributesOf(options.resource) };
  const closing = new AbortController();
  let spans: OtlpJson[] = [];
  let exported = 0;
  let dropped = 0;
  let reported = 0;
  let sending: Promise<void> | null = null;

  /** True where the collector took it. */
  const post = async (path: string, body: OtlpJson, signal: AbortSignal): Promise<boolean> => {
    const bytes = await compress(JSON.stringify(body));
    let delayMs = options.retryMs ?? retryMsDefault;
    for (let tries = 1; ; tries += 1) {
      let waitMs = delayMs;
      let reason: string;
      try {
        const response = await fetch(options.endpoint + path, {
          method: "POST",
          headers: { ...options.headers, "content-type": "application/json", "content-encoding": "gzip" },
          body: bytes,
          redirect: "error",
          signal: AbortSignal.any([signal, AbortSignal.timeout(requestMs)]),
        });
        const text = (await response.text()).slice(0, 2_000);
        if (response.ok) return isWhole(text, path, log);
        reason = `status ${response.status}`;
        if (!retryableStatuses.has(response.status)) {
          log.warn("the OpenTelemetry collector refused data", { path, reason });
          return false;
        }
        const seconds = Number(response.headers.get("retry-after"));
        if (seconds > 0) waitMs = Math.min(seconds * 1000, retryMsMax);
      } catch (thrown) {
        reason = messageOf(thrown);
      }
      if (tries >= triesMax || signal.aborted) {
        log.warn("the OpenTelemetry collector takes no data", { path, reason, tries });
        return false;
      }
      // Spread, so that a fleet does not come back all at once.
      await pause(waitMs * (0.5 + Math.random() * 0.5), signal);
      delayMs = Math.min(delayMs * 2, retryMsMax);
    }
  };

  const sendSpans = async (signal: AbortSignal): Promise<void> => {
    while (spans.length > 0) {
      const batch = spans.splice(0, batchMax);
      const body = { resourceSpans: [{ resource, scopeSpans: [{ scope, spans: batch }] }] };
      if (await post("/v1/traces", body, signal)) exported += batch.length;
      else dropped += batch.length;
    }
    if (dropped === reported) return;
    log.warn("spans were dropped", { count: dropped - reported });
    reported = dropped;
  };

  const flush = (): void => {
    if (sending !== null || spans.length === 0) return;
    sending = sendSpans(closing.signal).finally(() => {
      sending = null;
    });
  };

  let isMeasuring = false;
  const measure = async (signal: AbortSignal): Promise<void> => {
    if (isMeasuring) return;
    isMeasuring = true;
    try {
      const metrics = otlpMetrics(options.metrics(), startedAtMs, Date.now());
      await post("/v1/metrics", { resourceMetrics: [{ resource, scopeMetrics: [{ scope, metrics }] }] }, signal);
    } finally {
      isMeasuring = false;
    }
  };

  const timers = [
    setInterval(flush, options.flushMs ?? flushMsDefault),
    setInterval(() => void measure(closing.signal), options.metricsMs),
  ];
  // What runs the gateway keeps the process alive, not what watches it.
  for (const timer of timers) timer.unref();
  return {
    add: (explanation) => {
      const made = spansOf(explanation);
      const room = Math.max(0, spansMax - spans.length);
      dropped += Math.max(0, made.length - room);
      for (const span of made.slice(0, room)) spans.push(span);
      if (spans.length >= batchMax) flush();
    },
    get counts() {
      return { exported, dropped };
    },
    close: async () => {
      for (const timer of timers) clearInterval(timer);
      const late = setTimeout(() => closing.abort(), closeMs);
      await sending;
      await Promise.all([sendSpans(closing.signal), measure(closing.signal)]);
      clearTimeout(late);
      dropped += spans.length;
      spans = [];
    },
  };
};

/** A collector may take a part only (section "Partial Success"): that is not tried again, but told. */
const isWhole = (text: string, path: string, log: Log): boolean => {
  try {
    const answer: unknown = text === "" ? {} : JSON.parse(text);
    const partial: unknown =
      answer !== null && typeof answer === "object" && "partialSuccess" in answer && answer.partialSuccess;
    if (partial !== null && typeof partial === "object" && Object.values(partial).some((value) => Number(value) > 0))
      log.warn("the OpenTelemetry collector took only a part", { path, partial: text });
  } catch {
    // A collector that answers 200 with something else has taken it all the same.
  }
  return true;
};

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
