import type { BudgetRule, RetryBudget } from "../../exchange/delivery-rules.ts";
import type { BackendRow, BackendTable } from "../shared/backend-table.ts";
import { countOutcome, outcomesIn } from "./outcome-window.ts";

/** How far back successes count. */
const intervalMs = 10_000;

/** The budget of a row: good outcomes are calls that succeeded, bad ones calls that were sent again. */
export const createRetryBudget = (row: BackendRow, rule: BudgetRule, table: BackendTable): RetryBudget => ({
  deposit: () => countOutcome(row, true, table.nowMs(), intervalMs),
  withdraw: () => {
    const nowMs = table.nowMs();
    const { good, bad } = outcomesIn(row, nowMs, intervalMs);
    if (bad >= rule.ratio * good + (rule.perSecondMin * intervalMs) / 1000) {
      row.add("budgetRefusals", 1);
      return false;
    }
    countOutcome(row, false, nowMs, intervalMs);
    return true;
  },
  dispose: row.release,
});
