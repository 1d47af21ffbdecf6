import type { HistogramRow, MetricFamily } from "./metric-families.ts";

/** Prometheus text, exposition format 0.0.4. */
export const prometheusText = (families: readonly MetricFamily[]): string => {
  const lines: string[] = [];
  for (const family of families) {
    lines.push(`# HELP ${family.name} ${family.help}`, `# TYPE ${family.name} ${family.type}`);
    if (family.type === "histogram") {
      for (const row of family.rows) lines.push(...histogramLines(family.name, row));
    } else for (const { labels, value } of family.rows) lines.push(`${family.name}${labelText(labels)} ${value}`);
  }
  return `${lines.join("\n")}\n`;
};

const histogramLines = (name: string, { labels, bounds, counts, sum }: HistogramRow): readonly string[] => {
  let count = 0;
  const lines = bounds.map((bound, index) => {
    count += counts[index] ?? 0;
    return `${name}_bucket${labelText({ ...labels, le: String(bound) })} ${count}`;
  });
  count += counts[bounds.length] ?? 0;
  return [
    ...lines,
    `${name}_bucket${labelText({ ...labels, le: "+Inf" })} ${count}`,
    `${name}_sum${labelText(labels)} ${sum}`,
    `${name}_count${labelText(labels)} ${count}`,
  ];
};

const labelText = (pairs: Readonly<Record<string, string>>): string => {
  const texts = Object.entries(pairs).map(
    ([name, value]) => `${name}="${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`,
  );
  return texts.length === 0 ? "" : `{${texts.join(",")}}`;
};
