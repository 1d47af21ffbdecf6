import { systemClock } from "../../base/clock.ts";
import { silentLog } from "../../base/log.ts";
import type { BuiltBackend } from "../../exchange/backend.ts";
import type { Admission, Counters } from "../../exchange/counters.ts";
import type { SharedStore } from "../../exchange/shared-store.ts";
import type { ApiUnit, UnitError } from "../../model/snapshot.ts";
import { createSharedState } from "../shared-state.ts";
import type { Lists } from "./compile-tools.ts";
import { compileAtOnce } from "./compile-unit.ts";

/**
 * Compiles a unit without running it anywhere: what a gateway would refuse, with all findings, or undefined. For the management
 * API and `lint`; nothing is counted, fetched or connected.
 */
export const checkUnit = (unit: ApiUnit, lists: Lists): UnitError | undefined => {
  const result = compileAtOnce(unit, {
    lists,
    clock: systemClock,
    log: silentLog,
    counters: idleCounters,
    store: idleStore,
    shared: createSharedState(),
    metrics: { metric: () => () => {} },
    findKey: () => undefined,
    fetch: () => Promise.reject(new Error("a check makes no calls")),
    upstream: () => idleBackend,
    cluster: () => idleBackend,
    breaker: (_name, rule) => ({ rule, admit: () => 1, ended: () => {}, opensForMs: 0, dispose: () => {} }),
    budget: () => ({ deposit: () => {}, withdraw: () => true, dispose: () => {} }),
  });
  result.api?.retire(true);
  return result.error;
};

const idleBackend: BuiltBackend = {
  send: (_x, _options, settled) => settled(undefined),
  dispose: () => {},
};

const open: Admission = { isAdmitted: true, limit: 0, remaining: 0, resetAfterMs: 0, retryAfterMs: 0 };

const idleStore: SharedStore = {
  valueBytesMax: 0,
  get: () => undefined,
  set: () => false,
  delete: () => false,
  purge: () => {},
  purgedAtMs: () => 0,
};

const idleCounters: Counters = {
  slidingWindow: () => () => open,
  period: () => ({ admit: () => open, add: () => {} }),
  concurrency: () => ({ enter: () => true, leave: () => {} }),
};
