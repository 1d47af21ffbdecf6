import type { Log } from "../base/log.ts";
import type { Explanation } from "../model/explanation.ts";
import type { UsageRow } from "../model/snapshot.ts";
import { type CustomMetricRow, createCustomMetricSums } from "./custom-metrics.ts";
import {
  createEndedThreads,
  type MetricFamily,
  metricFamilies,
  type ProcessFacts,
  type ThreadRegion,
} from "./metric-families.ts";
import { newMetricsRegion } from "./metrics-region.ts";
import { createOtlpExporter, type OtlpExporter, type OtlpExporterOptions } from "./otlp-exporter.ts";
import { prometheusText } from "./prometheus.ts";
import { mergeUsage, newUsageRegion, takeUsage } from "./usage-region.ts";

/** What the process knows of its threads and itself at a moment. */
type Look = () => { readonly threads: readonly ThreadRegion[]; readonly facts: ProcessFacts };

/** The main thread's side of telemetry. */
export interface ProcessTelemetry {
  newRegions(): { readonly metrics: SharedArrayBuffer; readonly usage: SharedArrayBuffer };
  /** The gateway runs: from now on `look` answers. */
  started(look: Look): void;
  threadEnded(metrics: SharedArrayBuffer): void;
  takeUsage(usage: SharedArrayBuffer, isDead: boolean): readonly UsageRow[];
  mergeUsage(rows: readonly UsageRow[]): readonly UsageRow[];
  explained(explanation: Explanation): void;
  customMetrics(rows: readonly CustomMetricRow[]): void;
  metricsText(): string;
  close(): Promise<void>;
}

/** Where data goes, and what it is about. */
export interface ProcessTelemetryOptions {
  readonly log: Log;
  /** Absent: nothing is exported. */
  readonly otlp?: Pick<OtlpExporterOptions, "endpoint" | "headers" | "resource" | "metricsMs">;
}

/** Telemetry of a gateway process. */
export const createProcessTelemetry = ({ log, otlp }: ProcessTelemetryOptions): ProcessTelemetry => {
  const ended = createEndedThreads();
  const custom = createCustomMetricSums();
  let look: Look | null = null;
  let exporter: OtlpExporter | null = null;

  const exporterFamilies = (): readonly MetricFamily[] => {
    if (exporter === null) return [];
    const { exported, dropped } = exporter.counts;
    const counter = (name: string, help: string, value: number): MetricFamily => ({
      name,
      help,
      type: "counter",
      rows: [{ labels: {}, value }],
    });
    return [
      counter("portico_spans_exported_total", "Spans that the OpenTelemetry collector took.", exported),
      counter("portico_spans_dropped_total", "Spans dropped: the queue was full, or the collector took none.", dropped),
    ];
  };
  const families = (): readonly MetricFamily[] => {
    if (look === null) return [];
    const { threads, facts } = look();
    return [...metricFamilies(threads, ended, facts), ...exporterFamilies(), ...custom.families()];
  };

  return {
    newRegions: () => ({ metrics: newMetricsRegion(), usage: newUsageRegion() }),
    started: (given) => {
      look = given;
      if (otlp !== undefined) exporter = createOtlpExporter({ ...otlp, log, metrics: families });
    },
    threadEnded: ended.add,
    takeUsage,
    mergeUsage,
    explained: (explanation) => exporter?.add(explanation),
    customMetrics: custom.add,
    metricsText: () => prometheusText(families()),
    close: async () => {
      await exporter?.close();
    },
  };
};
