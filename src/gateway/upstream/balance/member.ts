import type { BackendRow } from "../../shared/backend-table.ts";
import type { Pool } from "../pool.ts";
import type { PreparedTarget } from "../target.ts";

/** Values of the word `state` of a target's row. */
export const healthState = { unknown: 0, up: 1, down: 2 } as const;

/** A target that has just come back gets at least this share of its weight. */
const slowStartShareMin = 0.1;

/** One target of a cluster, as one thread uses it. */
export interface Member {
  readonly index: number;
  /** What the affinity cookie calls it. */
  readonly id: string;
  readonly prepared: PreparedTarget;
  readonly pool: Pool;
  readonly row: BackendRow;
  readonly weight: number;
  readonly priority: number;
  readonly zone: string;
  readonly slowStartMs: number;
  /** Of the smooth weighted round robin. */
  current: number;
}

/** True where neither a health check nor an ejection speaks against it. */
export const isUsable = ({ row }: Member, nowMs: number): boolean =>
  row.load("state") !== healthState.down && row.time("until") <= nowMs;

/** Its weight, less where it has come back a short while ago. */
export const weightOf = (member: Member, nowMs: number): number => {
  const { row, slowStartMs, weight } = member;
  if (slowStartMs === 0) return weight;
  const backSinceMs = Math.max(row.time("until"), row.time("since"));
  const sinceMs = nowMs - backSinceMs;
  if (backSinceMs === 0 || sinceMs >= slowStartMs) return weight;
  return weight * Math.max(slowStartShareMin, sinceMs / slowStartMs);
};
