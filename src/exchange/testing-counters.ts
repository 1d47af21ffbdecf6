import type { Admission, Counters } from "./counters.ts";

/** Counters as plain as can be, for tests of policies: one list of admissions per key. */
export const testCounters = (): Counters => {
  const windows = new Map<string, { atMs: number; cost: number }[]>();
  const periods = new Map<string, { start: number; used: number }>();
  const running = new Map<string, number>();
  const listOf = (id: string): { atMs: number; cost: number }[] => {
    const list = windows.get(id) ?? [];
    windows.set(id, list);
    return list;
  };
  return {
    slidingWindow: (name, calls, windowMs) => (key, cost, nowMs) => {
      const list = listOf(`${name}\n${key}`);
      while (list[0] && list[0].atMs <= nowMs - windowMs) list.shift();
      const used = list.reduce((sum, entry) => sum + entry.cost, 0);
      const isAdmitted = used + cost <= calls;
      if (isAdmitted && cost > 0) list.push({ atMs: nowMs, cost });
      let retryAfterMs = 0;
      let free = calls - used;
      for (const entry of isAdmitted ? [] : list) {
        free += entry.cost;
        retryAfterMs = entry.atMs + windowMs - nowMs;
        if (free >= cost) break;
      }
      const last = list.at(-1);
      return {
        isAdmitted,
        limit: calls,
        remaining: Math.max(0, calls - used - (isAdmitted ? cost : 0)),
        resetAfterMs: last ? last.atMs + windowMs - nowMs : 0,
        retryAfterMs,
      } satisfies Admission;
    },
    period: (name, calls, periodMs, firstPeriodStartMs) => {
      const stateOf = (key: string, nowMs: number): { start: number; used: number } => {
        const start =
          periodMs === 0 ? 0 : firstPeriodStartMs + Math.floor((nowMs - firstPeriodStartMs) / periodMs) * periodMs;
        const id = `${name}\n${key}`;
        const known = periods.get(id);
        if (known?.start === start) return known;
        const fresh = { start, used: 0 };
        periods.set(id, fresh);
        return fresh;
      };
      return {
        admit: (key, cost, nowMs) => {
          const state = stateOf(key, nowMs);
          const isAdmitted = state.used + cost <= calls;
          if (isAdmitted) state.used += cost;
          const resetAfterMs = periodMs === 0 ? Number.POSITIVE_INFINITY : state.start + periodMs - nowMs;
          return {
            isAdmitted,
            limit: calls,
            remaining: Math.max(0, calls - state.used),
            resetAfterMs,
            retryAfterMs: isAdmitted ? 0 : resetAfterMs,
          };
        },
        add: (key, cost, nowMs) => {
          stateOf(key, nowMs).used += cost;
        },
      };
    },
    concurrency: (name, max) => ({
      enter: (key) => {
        const id = `${name}\n${key}`;
        const count = running.get(id) ?? 0;
        if (count >= max) return false;
        running.set(id, count + 1);
        return true;
      },
      leave: (key) => {
        const id = `${name}\n${key}`;
        running.set(id, (running.get(id) ?? 1) - 1);
      },
    }),
  };
};
