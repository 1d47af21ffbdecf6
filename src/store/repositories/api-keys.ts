import type { Kysely, Transaction } from "kysely";
import type { KeySlot } from "../../model/consumer.ts";
import type { Tables } from "../schema.ts";
import { isUuid, type Page } from "./organizations.ts";

/** A key as it is stored: never the key itself. */
export interface StoredKey {
  readonly id: string;
  readonly subscriptionId: string;
  readonly slot: KeySlot;
  /** The characters that may be shown. */
  readonly prefix: string;
  /** SHA-256 of the key, hex. */
  readonly digest: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | undefined;
  readonly revokedAt: Date | undefined;
  /** To the minute, from what gateways report. */
  readonly lastUsedAt: Date | undefined;
  readonly changedRevision: number;
  /** The key that a rotation put in its place. */
  readonly replacedBy: string | undefined;
}

/** Keys after the id of the page, of one subscription or of all, revoked ones included where asked. */
export const listKeys = async (
  db: Kysely<Tables>,
  page: Page & { readonly subscriptionId?: string | undefined; readonly withRevoked?: boolean },
): Promise<StoredKey[]> => {
  let query = db.selectFrom("api_key").selectAll().orderBy("id").limit(page.limit);
  if (page.after !== undefined) query = query.where("id", ">", page.after);
  if (page.subscriptionId !== undefined) query = query.where("subscription_id", "=", page.subscriptionId);
  if (page.withRevoked !== true) query = query.where("revoked_at", "is", null);
  return (await query.execute()).map(keyOf);
};

/** A key by id. */
export const findKey = async (db: Kysely<Tables>, id: string): Promise<StoredKey | undefined> => {
  if (!isUuid(id)) return undefined;
  const row = await db.selectFrom("api_key").selectAll().where("id", "=", id).executeTakeFirst();
  return row === undefined ? undefined : keyOf(row);
};

/** Keys that a write after `from` up to and with `to` touched, revoked ones included. */
export const keysChangedBetween = async (db: Kysely<Tables>, from: number, to: number): Promise<StoredKey[]> => {
  const rows = await db
    .selectFrom("api_key")
    .selectAll()
    .where("changed_revision", ">", from)
    .where("changed_revision", "<=", to)
    .execute();
  return rows.map(keyOf);
};

/** Adds a key. */
export const insertKey = async (trx: Transaction<Tables>, key: StoredKey): Promise<void> => {
  await trx
    .insertInto("api_key")
    .values({
      id: key.id,
      subscription_id: key.subscriptionId,
      slot: key.slot,
      prefix: key.prefix,
      digest: key.digest,
      created_at: key.createdAt,
      expires_at: key.expiresAt ?? null,
      revoked_at: key.revokedAt ?? null,
      last_used_at: key.lastUsedAt ?? null,
      changed_revision: key.changedRevision,
      replaced_by: key.replacedBy ?? null,
    })
    .execute();
};

/** Changes when a key ends, what replaced it, and its slot. */
export const updateKey = async (
  trx: Transaction<Tables>,
  key: Pick<StoredKey, "id" | "slot" | "expiresAt" | "revokedAt" | "changedRevision" | "replacedBy">,
): Promise<void> => {
  await trx
    .updateTable("api_key")
    .set({
      expires_at: key.expiresAt ?? null,
      revoked_at: key.revokedAt ?? null,
      changed_revision: key.changedRevision,
      slot: key.slot,
      replaced_by: key.replacedBy ?? null,
    })
    .where("id", "=", key.id)
    .execute();
};

/** Ends every key of a subscription that is still valid; answers how many. */
export const revokeKeysOf = async (
  trx: Transaction<Tables>,
  subscriptionId: string,
  at: Date,
  changedRevision: number,
): Promise<number> => {
  const result = await trx
    .updateTable("api_key")
    .set({ revoked_at: at, changed_revision: changedRevision })
    .where("subscription_id", "=", subscriptionId)
    .where("revoked_at", "is", null)
    .executeTakeFirst();
  return Number(result.numUpdatedRows);
};

/** Notes that the subscription's keys were in use; which of two it was, usage does not tell, so both carry the time. */
export const touchKeysOf = async (db: Kysely<Tables>, subscriptionIds: readonly string[], at: Date): Promise<void> => {
  const ids = subscriptionIds.filter(isUuid);
  if (ids.length === 0) return;
  await db
    .updateTable("api_key")
    .set({ last_used_at: at })
    .where("subscription_id", "in", ids)
    .where("revoked_at", "is", null)
    .where((where) => where.or([where("last_used_at", "is", null), where("last_used_at", "<", at)]))
    .execute();
};

const keyOf = (row: {
  id: string;
  subscription_id: string;
  slot: string;
  prefix: string;
  digest: string;
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
  last_used_at: Date | null;
  changed_revision: number;
  replaced_by: string | null;
}): StoredKey => ({
  id: row.id,
  subscriptionId: row.subscription_id,
  slot: row.slot === "secondary" ? "secondary" : "primary",
  prefix: row.prefix,
  digest: row.digest,
  createdAt: row.created_at,
  expiresAt: row.expires_at ?? undefined,
  revokedAt: row.revoked_at ?? undefined,
  lastUsedAt: row.last_used_at ?? undefined,
  changedRevision: row.changed_revision,
  replacedBy: row.replaced_by ?? undefined,
});
