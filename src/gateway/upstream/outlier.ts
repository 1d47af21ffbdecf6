import type { Log } from "../../base/log.ts";
import type { OutlierRule, Verdict } from "../../exchange/delivery-rules.ts";
import type { Member } from "./balance/member.ts";
import { clearOutcomes, countOutcome, isRatioReached } from "./outcome-window.ts";

/** An ejection doubles the one before at most this often. */
const doublingsMax = 10;

/** Watches how calls to the members of a cluster end, and takes those that fail out of the choice. */
export interface Outliers {
  saw(member: Member, verdict: Verdict, nowMs: number): void;
}

/** Passive ejection over the rows that all threads share. */
export const createOutliers = (members: readonly Member[], rule: OutlierRule, log: Log): Outliers => {
  const mayEject = (nowMs: number): boolean => {
    if (members.length < 2) return false;
    const ejected = members.filter(({ row }) => row.time("until") > nowMs).length;
    return ejected + 1 <= Math.max(1, Math.floor(rule.ejectedShareMax * members.length));
  };

  const lastEjectionMs = (repeats: number): number =>
    Math.min(rule.ejectionMsMax, rule.ejectionMs * 2 ** Math.max(0, repeats - 1));

  const eject = (member: Member, nowMs: number): void => {
    const { row } = member;
    if (row.time("until") > nowMs || !mayEject(nowMs)) return;
    // Threads that see the same failure at once: the one that clears the row's failures ejects.
    const inARow = row.load("consecutive");
    if (!row.exchange("consecutive", inARow, 0)) return;
    const repeats = Math.min(doublingsMax, row.add("repeats", 1) + 1);
    row.store("repeats", repeats);
    const ejectionMs = lastEjectionMs(repeats);
    row.setTime("until", nowMs + ejectionMs);
    row.add("openings", 1);
    clearOutcomes(row);
    log.warn("a target is ejected", { target: row.name, ejectionMs, failuresInARow: inARow });
  };

  return {
    saw: (member, verdict, nowMs) => {
      const { row } = member;
      if (verdict === 2) return;
      if (rule.ratio > 0) countOutcome(row, verdict === 1, nowMs, rule.intervalMs);
      if (verdict === 1) {
        if (row.load("consecutive") !== 0) row.store("consecutive", 0);
        // As long without fault as it was out: the next ejection is a first one again.
        const repeats = row.load("repeats");
        if (repeats > 0 && nowMs - row.time("until") > lastEjectionMs(repeats)) row.store("repeats", 0);
        return;
      }
      const inARow = row.add("consecutive", 1) + 1;
      const isDue = (rule.consecutive > 0 && inARow >= rule.consecutive) || isRatioReached(row, rule, nowMs);
      if (isDue) eject(member, nowMs);
    },
  };
};
