import type { Kysely } from "kysely";
import { listGateways } from "../store/repositories/gateways.ts";
import type { Tables } from "../store/schema.ts";
import type { ManagementTools } from "./tools.ts";

/** Tells waiters of this process that a gateway reported or left. */
export interface AppliedSignal {
  ring(): void;
  /** Resolves at the next ring, or after `ms`. */
  next(ms: number, signal: AbortSignal): Promise<void>;
}

/** Between looks at what gateways of other control processes report. */
const pollMs = 200;

/** A signal nobody has rung yet. */
export const appliedSignal = (): AppliedSignal => {
  const waiting = new Set<() => void>();
  return {
    ring: () => {
      for (const wake of [...waiting]) wake();
    },
    next: (ms, signal) =>
      new Promise((resolve) => {
        const done = (): void => {
          waiting.delete(done);
          clearTimeout(timer);
          signal.removeEventListener("abort", done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        waiting.add(done);
        signal.addEventListener("abort", done);
      }),
  };
};

/**
 * Waits until every connected gateway runs `revision` or a later one; true at once where none is connected. False when the
 * time is over first.
 */
export const waitUntilApplied = async (
  db: Kysely<Tables>,
  applied: AppliedSignal,
  revision: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> => {
  const untilMs = performance.now() + timeoutMs;
  for (;;) {
    const nowMs = Date.now();
    const behind = (await listGateways(db)).some(
      (gateway) => (gateway.connectedUntil?.getTime() ?? 0) > nowMs && gateway.revision < revision,
    );
    if (!behind) return true;
    const leftMs = untilMs - performance.now();
    if (leftMs <= 0 || signal.aborted) return false;
    await applied.next(Math.min(leftMs, pollMs), signal);
  }
};

/** APIs that `undeliveredApis` names; the list of gateways has them all. */
const undeliveredMax = 50;

/** APIs whose newest version is not what serves: it cannot be made here, or does not compile at a connected gateway. */
export const undeliveredApis = async (tools: ManagementTools): Promise<readonly string[]> => {
  const nowMs = tools.clock.nowMs();
  const connected = (await listGateways(tools.db)).filter((row) => (row.connectedUntil?.getTime() ?? 0) > nowMs);
  const errors = [...tools.deliveryErrors(), ...connected.flatMap((row) => row.unitErrors)];
  return [...new Set(errors.map(({ api }) => api))].sort().slice(0, undeliveredMax);
};
