import type { Kysely } from "kysely";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/fault.ts";
import type { Log } from "../base/log.ts";
import { forgetGateways } from "../store/repositories/gateways.ts";
import { forgetAnswers } from "../store/repositories/idempotency.ts";
import { forgetSessions } from "../store/repositories/sessions.ts";
import { forgetUsage } from "../store/repositories/usage.ts";
import type { Tables } from "../store/schema.ts";
import { answerKeptMs } from "./change.ts";

const dayMs = 86_400_000;
/** How long what gateways tell is kept. */
const usageKeptMs = 400 * dayMs;
const usageBatchesKeptMs = 7 * dayMs;
const gatewaysKeptMs = 7 * dayMs;
const everyMs = 3_600_000;

/** Forgets what has had its time, once an hour; several processes may do so at once. Answers how to stop. */
export const startHousekeeping = (tools: {
  readonly db: Kysely<Tables>;
  readonly clock: Clock;
  readonly log: Log;
}): (() => void) => {
  const timer = setInterval(() => {
    housekeep(tools.db, tools.clock.nowMs()).catch((thrown: unknown) => {
      // Nothing depends on it today; the next hour tries again.
      tools.log.warn("housekeeping failed", { reason: messageOf(thrown) });
    });
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
};

/** Forgets once. */
const housekeep = async (db: Kysely<Tables>, nowMs: number): Promise<void> => {
  const before = (keptMs: number): Date => new Date(nowMs - keptMs);
  await forgetAnswers(db, before(answerKeptMs));
  await forgetSessions(db, before(dayMs));
  await forgetGateways(db, before(gatewaysKeptMs));
  await forgetUsage(db, before(usageKeptMs), before(usageBatchesKeptMs));
};
