import type { Kysely } from "kysely";
import type { GatewayReport, UnitError } from "../../model/snapshot.ts";
import type { Tables } from "../schema.ts";
import { textsOf } from "./json-columns.ts";

/** A gateway as it last said it was. */
export interface StoredGateway {
  readonly instance: string;
  readonly version: string;
  readonly labels: readonly string[];
  readonly revision: number;
  readonly hash: string;
  readonly threads: number;
  readonly startedAt: Date | undefined;
  readonly unitErrors: readonly UnitError[];
  /** A time in the future: its stream is open. Each beat moves it. */
  readonly connectedUntil: Date | undefined;
  readonly reportedAt: Date | undefined;
}

/** Every gateway that was seen. */
export const listGateways = async (db: Kysely<Tables>): Promise<StoredGateway[]> => {
  const rows = await db.selectFrom("gateway").selectAll().orderBy("instance").execute();
  return rows.map((row) => ({
    instance: row.instance,
    version: row.version,
    labels: textsOf(row.labels),
    revision: row.revision,
    hash: row.hash,
    threads: row.threads,
    startedAt: row.started_at ?? undefined,
    // Written by `writeReport`, which takes only parsed reports.
    unitErrors: Array.isArray(row.unit_errors) ? (row.unit_errors as UnitError[]) : [],
    connectedUntil: row.connected_until ?? undefined,
    reportedAt: row.reported_at ?? undefined,
  }));
};

/** Notes that a gateway's stream is open until then unless it beats again; makes its row at the first time. */
export const writeConnection = async (
  db: Kysely<Tables>,
  gateway: { readonly instance: string; readonly version: string; readonly labels: readonly string[] },
  revision: number,
  connectedUntil: Date,
): Promise<void> => {
  const facts = {
    version: gateway.version,
    labels: JSON.stringify(gateway.labels),
    connected_until: connectedUntil,
    revision,
  };
  await db
    .insertInto("gateway")
    .values({ instance: gateway.instance, hash: "", threads: 0, unit_errors: "[]", ...facts })
    .onConflict((conflict) => conflict.column("instance").doUpdateSet(facts))
    .execute();
};

/** Moves the time until which a gateway counts as connected. */
export const extendConnection = async (db: Kysely<Tables>, instance: string, connectedUntil: Date): Promise<void> => {
  await db.updateTable("gateway").set({ connected_until: connectedUntil }).where("instance", "=", instance).execute();
};

/** Writes what a gateway reports about itself. */
export const writeReport = async (db: Kysely<Tables>, report: GatewayReport, at: Date): Promise<void> => {
  const facts = {
    version: report.version,
    labels: JSON.stringify(report.labels),
    revision: report.revision,
    hash: report.hash,
    threads: report.threads,
    started_at: new Date(report.startedAtMs),
    unit_errors: JSON.stringify(report.unitErrors),
    reported_at: at,
  };
  await db
    .insertInto("gateway")
    .values({ instance: report.instance, ...facts })
    .onConflict((conflict) => conflict.column("instance").doUpdateSet(facts))
    .execute();
};

/** Forgets gateways that were not connected since `before`. */
export const forgetGateways = async (db: Kysely<Tables>, before: Date): Promise<void> => {
  await db.deleteFrom("gateway").where("connected_until", "<", before).execute();
};
