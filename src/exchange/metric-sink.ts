/** Adds to the metric for the values of its dimensions. */
export type AddToMetric = (values: readonly string[], value: number) => void;

/** Metrics that policies define. Names, dimensions and label sets are bounded: what goes beyond is counted under `other`. */
export interface MetricSink {
  /** `name` is what a metric may be called: letters, digits and `_`. The same name with other dimensions is another metric. */
  metric(name: string, help: string, dimensions: readonly string[]): AddToMetric;
}
