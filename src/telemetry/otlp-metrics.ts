import type { MetricFamily } from "./metric-families.ts";
import { attributesOf, nanosOf, type OtlpJson } from "./otlp-values.ts";

/** Sums since the process began, as OTLP names it. */
const cumulative = 2;

/** Families as OTLP metrics: counters as monotonic sums, all of them since `startedAtMs`. */
export const otlpMetrics = (
  families: readonly MetricFamily[],
  startedAtMs: number,
  nowMs: number,
): readonly OtlpJson[] => {
  const times = { startTimeUnixNano: nanosOf(startedAtMs), timeUnixNano: nanosOf(nowMs) };
  return families.map((family) => {
    const about = { name: family.name, description: family.help, unit: unitOf(family.name) };
    if (family.type === "histogram") {
      const dataPoints = family.rows.map(({ labels, bounds, counts, sum }) => ({
        ...times,
        attributes: attributesOf(labels),
        count: String(counts.reduce((all, count) => all + count, 0)),
        sum,
        bucketCounts: counts.map(String),
        explicitBounds: bounds,
      }));
      return { ...about, histogram: { aggregationTemporality: cumulative, dataPoints } };
    }
    const dataPoints = family.rows.map(({ labels, value }) => ({
      ...(family.type === "counter" ? times : { timeUnixNano: times.timeUnixNano }),
      attributes: attributesOf(labels),
      asDouble: value,
    }));
    if (family.type === "gauge") return { ...about, gauge: { dataPoints } };
    return { ...about, sum: { aggregationTemporality: cumulative, isMonotonic: true, dataPoints } };
  });
};

/** UCUM: what the names end with after Prometheus' custom. */
const unitOf = (name: string): string => {
  if (name.includes("_seconds")) return "s";
  return name.includes("_bytes") ? "By" : "1";
};
