import type { Log } from "../../base/log.ts";
import type { BreakerRule, CircuitBreaker, Verdict } from "../../exchange/delivery-rules.ts";
import type { BackendRow, BackendTable } from "../shared/backend-table.ts";
import { clearOutcomes, countOutcome, isRatioReached } from "./outcome-window.ts";

/** Values of the word `state` of a breaker's row. */
const breakerState = { closed: 0, open: 1, halfOpen: 2 } as const;

/** An opening doubles the wait of the one before at most this often. */
const doublingsMax = 10;

/**
 * The breaker of a row. Closed: failures in a row or their share open it. Open: everything is refused until its time has come. Half-open:
 * so many trials are let through; all good ones close it, one bad one opens it for twice as long.
 */
export const createBreaker = (row: BackendRow, rule: BreakerRule, table: BackendTable, log: Log): CircuitBreaker => {
  const { closed, open, halfOpen } = breakerState;

  const trip = (from: number, retryAfterMs: number): void => {
    const repeats = from === halfOpen ? Math.min(row.load("repeats") + 1, doublingsMax) : 0;
    const wantedMs = rule.acceptsRetryAfter && retryAfterMs > 0 ? retryAfterMs : rule.openMs * 2 ** repeats;
    const openMs = Math.min(wantedMs, rule.openMsMax);
    // Before the state: whoever sees it open must find its time. Threads that trip at the same moment write the same.
    row.setTime("until", table.nowMs() + openMs);
    row.store("permits", 0);
    row.store("streak", 0);
    if (!row.exchange("state", from, open)) return;
    row.store("repeats", repeats);
    row.store("consecutive", 0);
    clearOutcomes(row);
    row.add("openings", 1);
    log.warn("a circuit breaker opened", { breaker: row.name, openMs: Math.round(openMs), trial: from === halfOpen });
  };

  const beginTrial = (): 0 | 2 => {
    const nowMs = table.nowMs();
    // Trials whose thread has died never end.
    if (nowMs - row.time("since") > rule.openMsMax && row.load("permits") > 0) {
      row.setTime("since", nowMs);
      row.store("permits", 0);
    }
    if (row.add("permits", 1) < rule.halfOpenCalls) return 2;
    row.add("permits", -1);
    return 0;
  };

  const endTrial = (verdict: Verdict, retryAfterMs: number): void => {
    if (row.load("state") !== halfOpen) return;
    if (verdict === 0) {
      trip(halfOpen, retryAfterMs);
      return;
    }
    if (verdict === 2) {
      row.add("permits", -1);
      return;
    }
    if (row.add("streak", 1) + 1 < rule.halfOpenCalls) return;
    row.store("consecutive", 0);
    row.store("repeats", 0);
    clearOutcomes(row);
    if (row.exchange("state", halfOpen, closed)) log.info("a circuit breaker closed", { breaker: row.name });
  };

  return {
    rule,
    admit: () => {
      const state = row.load("state");
      if (state === closed) return 1;
      if (state === open) {
        const nowMs = table.nowMs();
        if (nowMs < row.time("until")) {
          row.add("openRefusals", 1);
          return 0;
        }
        row.setTime("since", nowMs);
        if (row.exchange("state", open, halfOpen)) log.info("a circuit breaker tries again", { breaker: row.name });
      }
      const permit = beginTrial();
      if (permit === 0) row.add("openRefusals", 1);
      return permit;
    },
    ended: (permit, verdict, retryAfterMs) => {
      if (permit === 2) {
        endTrial(verdict, retryAfterMs);
        return;
      }
      // What was sent before it opened says nothing about how things stand now.
      if (verdict === 2 || row.load("state") !== closed) return;
      const nowMs = table.nowMs();
      if (rule.ratio > 0) countOutcome(row, verdict === 1, nowMs, rule.intervalMs);
      if (verdict === 1) {
        if (row.load("consecutive") !== 0) row.store("consecutive", 0);
        return;
      }
      const inARow = row.add("consecutive", 1) + 1;
      const isTripped = (rule.failures > 0 && inARow >= rule.failures) || isRatioReached(row, rule, nowMs);
      if (isTripped) trip(closed, retryAfterMs);
    },
    get opensForMs() {
      return row.load("state") === open ? Math.max(0, row.time("until") - table.nowMs()) : 0;
    },
    dispose: row.release,
  };
};
