import { type Kysely, sql, type Transaction } from "kysely";
import type { UsageRow } from "../../model/snapshot.ts";
import type { Tables } from "../schema.ts";

/** What usage may be summed by. */
export const usageDimensions = ["api", "operation", "subscription", "status", "time"] as const;
export type UsageDimension = (typeof usageDimensions)[number];

/** Which calls to sum; absent members ask for nothing. */
export interface UsageFilter {
  readonly from: Date;
  readonly to: Date;
  readonly api?: string | undefined;
  readonly operation?: string | undefined;
  readonly subscriptions?: readonly string[] | undefined;
  readonly status?: number | undefined;
}

/** The sum of the calls that share what was asked for. */
export interface UsageSum {
  readonly api?: string;
  readonly operation?: string;
  readonly subscription?: string;
  readonly status?: number;
  /** Start of the bucket, milliseconds since 1970. */
  readonly timeMs?: number;
  readonly calls: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly durationMsSum: number;
  readonly durationMsMax: number;
}

/** Claims a batch: false where it was added before, so that a repeated delivery counts once. */
export const claimUsageBatch = async (trx: Transaction<Tables>, id: string, at: Date): Promise<boolean> => {
  const result = await trx
    .insertInto("usage_batch")
    .values({ id, at })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .executeTakeFirst();
  return Number(result.numInsertedOrUpdatedRows ?? 0) === 1;
};

/** Adds calls to the minutes they belong to. */
export const addUsage = async (trx: Transaction<Tables>, rows: readonly UsageRow[]): Promise<void> => {
  // In one order of keys, so that two writers never wait for each other in a circle.
  const merged = mergeRows(rows).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  for (let start = 0; start < merged.length; start += rowsPerStatement) {
    await trx
      .insertInto("usage_minute")
      .values(
        merged.slice(start, start + rowsPerStatement).map((row) => ({
          minute: new Date(row.minuteMs),
          api: row.api,
          operation: row.operation,
          subscription: row.subscription,
          status: row.status,
          calls: row.calls,
          request_bytes: row.requestBytes,
          response_bytes: row.responseBytes,
          duration_ms_sum: Math.round(row.durationMsSum),
          duration_ms_max: Math.round(row.durationMsMax),
        })),
      )
      .onConflict((conflict) =>
        conflict.columns(["minute", "api", "operation", "subscription", "status"]).doUpdateSet({
          calls: sql`usage_minute.calls + excluded.calls`,
          request_bytes: sql`usage_minute.request_bytes + excluded.request_bytes`,
          response_bytes: sql`usage_minute.response_bytes + excluded.response_bytes`,
          duration_ms_sum: sql`usage_minute.duration_ms_sum + excluded.duration_ms_sum`,
          duration_ms_max: sql`greatest(usage_minute.duration_ms_max, excluded.duration_ms_max)`,
        }),
      )
      .execute();
  }
};

/** Sums calls by the dimensions, at most `limit` sums, those with most calls first, or in order of time where time is asked for. */
export const sumUsage = async (
  db: Kysely<Tables>,
  filter: UsageFilter,
  by: readonly UsageDimension[],
  bucketMs: number,
  limit: number,
): Promise<UsageSum[]> => {
  const bucketSeconds = Math.max(60, Math.round(bucketMs / 1000));
  const time = sql<number>`(floor(extract(epoch from minute) / ${sql.lit(bucketSeconds)}) * ${sql.lit(bucketSeconds)})`;
  let query = db
    .selectFrom("usage_minute")
    .select([
      sql<string>`sum(calls)`.as("calls"),
      sql<string>`sum(request_bytes)`.as("request_bytes"),
      sql<string>`sum(response_bytes)`.as("response_bytes"),
      sql<string>`sum(duration_ms_sum)`.as("duration_ms_sum"),
      sql<string>`max(duration_ms_max)`.as("duration_ms_max"),
    ])
    .where("minute", ">=", filter.from)
    .where("minute", "<", filter.to)
    .limit(limit);
  if (filter.api !== undefined) query = query.where("api", "=", filter.api);
  if (filter.operation !== undefined) query = query.where("operation", "=", filter.operation);
  if (filter.subscriptions !== undefined) {
    if (filter.subscriptions.length === 0) return [];
    query = query.where("subscription", "in", filter.subscriptions);
  }
  if (filter.status !== undefined) query = query.where("status", "=", filter.status);
  const columns = by.filter((dimension) => dimension !== "time");
  const grouped = query.$if(columns.length > 0, (sums) => sums.select(columns).groupBy(columns));
  const rows = by.includes("time")
    ? await grouped.select(time.as("time")).groupBy(time).orderBy(time).execute()
    : await grouped.orderBy("calls", "desc").execute();
  return rows
    .filter((row) => row.calls !== null)
    .map((row) => ({
      ...(row.api === undefined ? {} : { api: row.api }),
      ...(row.operation === undefined ? {} : { operation: row.operation }),
      ...(row.subscription === undefined ? {} : { subscription: row.subscription }),
      ...(row.status === undefined ? {} : { status: row.status }),
      ...("time" in row ? { timeMs: Number(row.time) * 1000 } : {}),
      calls: Number(row.calls),
      requestBytes: Number(row.request_bytes),
      responseBytes: Number(row.response_bytes),
      durationMsSum: Number(row.duration_ms_sum),
      durationMsMax: Number(row.duration_ms_max),
    }));
};

/** Forgets minutes and batches before `before`. */
export const forgetUsage = async (db: Kysely<Tables>, before: Date, batchesBefore: Date): Promise<void> => {
  await db.deleteFrom("usage_minute").where("minute", "<", before).execute();
  await db.deleteFrom("usage_batch").where("at", "<", batchesBefore).execute();
};

const rowsPerStatement = 500;

const keyOf = (row: UsageRow): string =>
  `${row.minuteMs}\n${row.api}\n${row.operation}\n${row.subscription}\n${row.status}`;

// One statement must not name a row twice: PostgreSQL refuses to update it a second time.
const mergeRows = (rows: readonly UsageRow[]): UsageRow[] => {
  const merged = new Map<string, UsageRow>();
  for (const row of rows) {
    const key = keyOf(row);
    const known = merged.get(key);
    merged.set(
      key,
      known === undefined
        ? row
        : {
            ...row,
            calls: known.calls + row.calls,
            requestBytes: known.requestBytes + row.requestBytes,
            responseBytes: known.responseBytes + row.responseBytes,
            durationMsSum: known.durationMsSum + row.durationMsSum,
            durationMsMax: Math.max(known.durationMsMax, row.durationMsMax),
          },
    );
  }
  return [...merged.values()];
};
