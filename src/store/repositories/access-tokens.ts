import type { Kysely, Transaction } from "kysely";
import type { Tables } from "../schema.ts";
import { textsOf } from "./json-columns.ts";
import { isUuid, type Page } from "./organizations.ts";

/** A personal access token as it is stored: never the token itself. */
export interface StoredToken {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  readonly prefix: string;
  readonly digest: string;
  readonly roles: readonly string[];
  readonly createdAt: Date;
  readonly expiresAt: Date | undefined;
  readonly revokedAt: Date | undefined;
  readonly lastUsedAt: Date | undefined;
}

/** Tokens after the id of the page, of one user or of all; revoked ones are left out. */
export const listTokens = async (
  db: Kysely<Tables>,
  page: Page & { readonly userId?: string | undefined },
): Promise<StoredToken[]> => {
  let query = db.selectFrom("access_token").selectAll().where("revoked_at", "is", null).orderBy("id").limit(page.limit);
  if (page.after !== undefined) query = query.where("id", ">", page.after);
  if (page.userId !== undefined) query = query.where("user_id", "=", page.userId);
  return (await query.execute()).map(tokenOf);
};

/** A token by id. */
export const findToken = async (db: Kysely<Tables>, id: string): Promise<StoredToken | undefined> => {
  if (!isUuid(id)) return undefined;
  const row = await db.selectFrom("access_token").selectAll().where("id", "=", id).executeTakeFirst();
  return row === undefined ? undefined : tokenOf(row);
};

/** A token by the digest of its text. */
export const findTokenByDigest = async (db: Kysely<Tables>, digest: string): Promise<StoredToken | undefined> => {
  const row = await db.selectFrom("access_token").selectAll().where("digest", "=", digest).executeTakeFirst();
  return row === undefined ? undefined : tokenOf(row);
};

/** Adds a token. */
export const insertToken = async (trx: Transaction<Tables>, token: StoredToken): Promise<void> => {
  await trx
    .insertInto("access_token")
    .values({
      id: token.id,
      user_id: token.userId,
      name: token.name,
      prefix: token.prefix,
      digest: token.digest,
      roles: JSON.stringify(token.roles),
      created_at: token.createdAt,
      expires_at: token.expiresAt ?? null,
      revoked_at: token.revokedAt ?? null,
      last_used_at: token.lastUsedAt ?? null,
    })
    .execute();
};

/** Ends a token at once. */
export const revokeToken = async (trx: Transaction<Tables>, id: string, at: Date): Promise<void> => {
  await trx.updateTable("access_token").set({ revoked_at: at }).where("id", "=", id).execute();
};

/** Notes when a token was last used. */
export const touchToken = async (db: Kysely<Tables>, id: string, at: Date): Promise<void> => {
  await db.updateTable("access_token").set({ last_used_at: at }).where("id", "=", id).execute();
};

const tokenOf = (row: {
  id: string;
  user_id: string;
  name: string;
  prefix: string;
  digest: string;
  roles: unknown;
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
  last_used_at: Date | null;
}): StoredToken => ({
  id: row.id,
  userId: row.user_id,
  name: row.name,
  prefix: row.prefix,
  digest: row.digest,
  roles: textsOf(row.roles),
  createdAt: row.created_at,
  expiresAt: row.expires_at ?? undefined,
  revokedAt: row.revoked_at ?? undefined,
  lastUsedAt: row.last_used_at ?? undefined,
});
