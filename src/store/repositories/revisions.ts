import type { Kysely, Transaction } from "kysely";
import type { Tables } from "../schema.ts";

/** What a revision changed: the configuration, or who may call. */
export type RevisionKind = "configuration" | "access";

/** One write that was committed. Numbers have no gaps and are in the order of commits. */
export interface Revision {
  readonly number: number;
  readonly at: Date;
  readonly actor: string;
  readonly message: string | undefined;
  readonly kind: RevisionKind;
  readonly requestId: string | undefined;
}

/** Waits until every write before this one has ended, and answers the number of the last. Held until the transaction ends. */
export const lockRevisions = async (trx: Transaction<Tables>): Promise<number> => {
  const row = await trx
    .selectFrom("revision_counter")
    .select("value")
    .where("id", "=", 1)
    .forUpdate()
    .executeTakeFirstOrThrow();
  return row.value;
};

/** The number of the last committed write; 0 on an empty platform. */
export const currentRevision = async (db: Kysely<Tables>): Promise<number> => {
  const row = await db.selectFrom("revision_counter").select("value").where("id", "=", 1).executeTakeFirstOrThrow();
  return row.value;
};

/** Writes the row of the next revision. The caller holds the lock of `lockRevisions`. */
export const writeRevision = async (trx: Transaction<Tables>, revision: Revision): Promise<void> => {
  await trx.updateTable("revision_counter").set({ value: revision.number }).where("id", "=", 1).execute();
  await trx
    .insertInto("revision")
    .values({
      number: revision.number,
      at: revision.at,
      actor: revision.actor,
      message: revision.message ?? null,
      kind: revision.kind,
      request_id: revision.requestId ?? null,
    })
    .execute();
};

/** Revisions, the newest first, below `before`. */
export const listRevisions = async (
  db: Kysely<Tables>,
  page: { readonly before: number | undefined; readonly limit: number; readonly kind?: RevisionKind | undefined },
): Promise<Revision[]> => {
  let query = db.selectFrom("revision").selectAll().orderBy("number", "desc").limit(page.limit);
  if (page.before !== undefined) query = query.where("number", "<", page.before);
  if (page.kind !== undefined) query = query.where("kind", "=", page.kind);
  return (await query.execute()).map(revisionOf);
};

/** One revision, or undefined where the number was never given. */
export const findRevision = async (db: Kysely<Tables>, number: number): Promise<Revision | undefined> => {
  const row = await db.selectFrom("revision").selectAll().where("number", "=", number).executeTakeFirst();
  return row === undefined ? undefined : revisionOf(row);
};

const revisionOf = (row: {
  number: number;
  at: Date;
  actor: string;
  message: string | null;
  kind: string;
  request_id: string | null;
}): Revision => ({
  number: row.number,
  at: row.at,
  actor: row.actor,
  message: row.message ?? undefined,
  kind: row.kind === "access" ? "access" : "configuration",
  requestId: row.request_id ?? undefined,
});
