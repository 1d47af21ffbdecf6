import type { BackendRow } from "../shared/backend-table.ts";

/** Counts an outcome in the row's window: two intervals, of which the older one falls out as a whole. Near enough under contention. */
export const countOutcome = (row: BackendRow, isGood: boolean, nowMs: number, intervalMs: number): void => {
  roll(row, nowMs, intervalMs);
  row.add(isGood ? "windowGood" : "windowBad", 1);
};

/** Outcomes in the window: good and bad. */
export const outcomesIn = (row: BackendRow, nowMs: number, intervalMs: number): { good: number; bad: number } => {
  roll(row, nowMs, intervalMs);
  return {
    good: row.load("windowGood") + row.load("windowGoodBefore"),
    bad: row.load("windowBad") + row.load("windowBadBefore"),
  };
};

/** Forgets them. */
export const clearOutcomes = (row: BackendRow): void => {
  for (const word of ["windowGood", "windowBad", "windowGoodBefore", "windowBadBefore"] as const) row.store(word, 0);
};

/** True where at least `callsMin` outcomes are known, of which this share is bad. */
export const isRatioReached = (
  row: BackendRow,
  rule: { readonly ratio: number; readonly callsMin: number; readonly intervalMs: number },
  nowMs: number,
): boolean => {
  if (rule.ratio <= 0) return false;
  const { good, bad } = outcomesIn(row, nowMs, rule.intervalMs);
  return good + bad >= rule.callsMin && bad / (good + bad) >= rule.ratio;
};

const roll = (row: BackendRow, nowMs: number, intervalMs: number): void => {
  const index = Math.floor(nowMs / intervalMs) | 0;
  const seen = row.load("windowIndex");
  // One thread turns the page; the others go on with it.
  if (seen === index || !row.exchange("windowIndex", seen, index)) return;
  const isNext = index - seen === 1;
  row.store("windowGoodBefore", isNext ? row.load("windowGood") : 0);
  row.store("windowBadBefore", isNext ? row.load("windowBad") : 0);
  row.store("windowGood", 0);
  row.store("windowBad", 0);
};
