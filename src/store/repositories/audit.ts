import type { Kysely, Transaction } from "kysely";
import { uuidv7 } from "../../base/ids.ts";
import type { Tables } from "../schema.ts";

/** Who did what to which thing, and how it looked before and after; secrets were taken out before it came here. */
export interface AuditEntry {
  readonly id: string;
  readonly at: Date;
  readonly actor: string;
  readonly operation: string;
  readonly target: string;
  readonly revision: number | undefined;
  readonly requestId: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** Adds entries; nobody changes or deletes them. */
export const writeAudit = async (
  trx: Transaction<Tables>,
  entries: readonly Omit<AuditEntry, "id">[],
): Promise<void> => {
  for (const entry of entries) {
    await trx
      .insertInto("audit_entry")
      .values({
        id: uuidv7(entry.at.getTime()),
        at: entry.at,
        actor: entry.actor,
        operation: entry.operation,
        target: entry.target,
        revision: entry.revision ?? null,
        request_id: entry.requestId,
        before: entry.before === undefined ? null : JSON.stringify(entry.before),
        after: entry.after === undefined ? null : JSON.stringify(entry.after),
      })
      .execute();
  }
};

/** Entries, the newest first, below the id `before`. */
export const listAudit = async (
  db: Kysely<Tables>,
  page: {
    readonly before: string | undefined;
    readonly limit: number;
    readonly target?: string | undefined;
    readonly actor?: string | undefined;
  },
): Promise<AuditEntry[]> => {
  let query = db.selectFrom("audit_entry").selectAll().orderBy("id", "desc").limit(page.limit);
  if (page.before !== undefined) query = query.where("id", "<", page.before);
  if (page.target !== undefined) query = query.where("target", "=", page.target);
  if (page.actor !== undefined) query = query.where("actor", "=", page.actor);
  return (await query.execute()).map((row) => ({
    id: row.id,
    at: row.at,
    actor: row.actor,
    operation: row.operation,
    target: row.target,
    revision: row.revision ?? undefined,
    requestId: row.request_id,
    before: row.before ?? undefined,
    after: row.after ?? undefined,
  }));
};
