import type { AddToMetric, MetricSink } from "../exchange/metric-sink.ts";
import type { MetricFamily } from "./metric-families.ts";

/** What one thread has counted of one label set since it last told. */
export interface CustomMetricRow {
  readonly name: string;
  readonly help: string;
  readonly dimensions: readonly string[];
  readonly values: readonly string[];
  readonly count: number;
  readonly sum: number;
}

/** The thread's side: adds up in memory, and gives it away ten times a second or so. */
export interface CustomMetrics extends MetricSink {
  take(): readonly CustomMetricRow[];
}

const valueLengthMax = 100;
/** Label sets of one metric; more are one under `other`. */
const setsMax = 500;
const metricsMax = 200;
const other = "other";

interface Cell {
  readonly values: readonly string[];
  count: number;
  sum: number;
}

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly dimensions: readonly string[];
  readonly cells: Map<string, Cell>;
}

/** Custom metrics of one thread. */
export const createCustomMetrics = (): CustomMetrics => {
  const metrics = new Map<string, Metric>();

  const add = (metric: Metric, given: readonly string[], value: number): void => {
    if (!Number.isFinite(value)) return;
    let values = metric.dimensions.map((_, index) => (given[index] ?? "").slice(0, valueLengthMax));
    let key = values.join("\u0000");
    if (!metric.cells.has(key) && metric.cells.size >= setsMax) {
      values = metric.dimensions.map(() => other);
      key = values.join("\u0000");
    }
    const cell = metric.cells.get(key);
    if (cell === undefined) metric.cells.set(key, { values, count: 1, sum: value });
    else {
      cell.count += 1;
      cell.sum += value;
    }
  };

  return {
    metric: (name, help, dimensions): AddToMetric => {
      const key = `${name} ${dimensions.join(" ")}`;
      let metric = metrics.get(key);
      if (metric === undefined) {
        metric = { name, help, dimensions, cells: new Map() };
        if (metrics.size < metricsMax) metrics.set(key, metric);
      }
      const known = metric;
      return (values, value) => add(known, values, value);
    },
    take: () => {
      const rows: CustomMetricRow[] = [];
      for (const { name, help, dimensions, cells } of metrics.values()) {
        for (const cell of cells.values()) {
          if (cell.count === 0) continue;
          rows.push({ name, help, dimensions, values: cell.values, count: cell.count, sum: cell.sum });
          // The label set stays known, so that the bound holds over the life of the thread.
          cell.count = 0;
          cell.sum = 0;
        }
      }
      return rows;
    },
  };
};

/** The main thread's side: the sums of all threads. */
export interface CustomMetricSums {
  add(rows: readonly CustomMetricRow[]): void;
  families(): readonly MetricFamily[];
}

interface Sum {
  readonly labels: Readonly<Record<string, string>>;
  count: number;
  sum: number;
}

/** Empty sums. The bounds hold here too: threads may each bring other label sets. */
export const createCustomMetricSums = (): CustomMetricSums => {
  const byName = new Map<string, { readonly help: string; readonly sums: Map<string, Sum> }>();
  return {
    add: (rows) => {
      for (const { name, help, dimensions, values, count, sum } of rows) {
        let known = byName.get(name);
        if (known === undefined) {
          if (byName.size >= metricsMax) continue;
          known = { help, sums: new Map() };
          byName.set(name, known);
        }
        let labels = labelsOf(dimensions, values);
        if (!known.sums.has(keyOf(labels)) && known.sums.size >= setsMax)
          labels = labelsOf(
            dimensions,
            dimensions.map(() => other),
          );
        const cell = known.sums.get(keyOf(labels));
        if (cell === undefined) known.sums.set(keyOf(labels), { labels, count, sum });
        else {
          cell.count += count;
          cell.sum += sum;
        }
      }
    },
    families: () =>
      [...byName].map(([name, { help, sums }]) => ({
        name,
        help,
        type: "histogram" as const,
        // A value may be anything: without buckets a histogram is its count and its sum.
        rows: [...sums.values()].map(({ labels, count, sum }) => ({ labels, bounds: [], counts: [count], sum })),
      })),
  };
};

const labelsOf = (dimensions: readonly string[], values: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(dimensions.map((name, index) => [name, values[index] ?? ""]));

const keyOf = (labels: Readonly<Record<string, string>>): string => JSON.stringify(labels);
