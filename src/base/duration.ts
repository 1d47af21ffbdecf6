const unitsMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** The longest duration that configuration may name: 366 days. */
const durationMsMax = 366 * unitsMs.d;

const form = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/;

/** The form of a duration for schemas that others read. */
export const durationPattern: string = form.source;

/**
 * Reads `250ms`, `60s`, `5m`, `1h`, `7d`, or a bare number, which counts in `bareUnit`.
 * Answers undefined for anything else, for negatives, and above `durationMsMax`.
 */
export const durationMs = (text: string | number, bareUnit: keyof typeof unitsMs = "s"): number | undefined => {
  const match = form.exec(String(text));
  if (!match) return undefined;
  const unit = match[2] ?? bareUnit;
  if (!isUnit(unit)) return undefined;
  const ms = Math.round(Number(match[1]) * unitsMs[unit]);
  return ms <= durationMsMax ? ms : undefined;
};

const isUnit = (text: string): text is keyof typeof unitsMs => Object.hasOwn(unitsMs, text);
