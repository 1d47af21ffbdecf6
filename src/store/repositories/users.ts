import type { Kysely, Transaction } from "kysely";
import type { Tables } from "../schema.ts";
import { textsOf } from "./json-columns.ts";
import { isUuid, type Page } from "./organizations.ts";

/** One who administers the platform. */
export interface StoredUser {
  readonly id: string;
  readonly name: string;
  readonly email: string | undefined;
  readonly roles: readonly string[];
  readonly isDisabled: boolean;
  readonly createdAt: Date;
}

/** Users after the id of the page. */
export const listUsers = async (db: Kysely<Tables>, page: Page): Promise<StoredUser[]> => {
  let query = db.selectFrom("platform_user").selectAll().orderBy("id").limit(page.limit);
  if (page.after !== undefined) query = query.where("id", ">", page.after);
  return (await query.execute()).map(userOf);
};

/** A user by id or by name. */
export const findUser = async (db: Kysely<Tables>, idOrName: string): Promise<StoredUser | undefined> => {
  const row = await db
    .selectFrom("platform_user")
    .selectAll()
    .where(isUuid(idOrName) ? "id" : "name", "=", idOrName)
    .executeTakeFirst();
  return row === undefined ? undefined : userOf(row);
};

/** Adds a user. */
export const insertUser = async (trx: Transaction<Tables>, user: StoredUser): Promise<void> => {
  await trx
    .insertInto("platform_user")
    .values({
      id: user.id,
      name: user.name,
      email: user.email ?? null,
      roles: JSON.stringify(user.roles),
      is_disabled: user.isDisabled,
      created_at: user.createdAt,
    })
    .execute();
};

/** Changes everything of a user but id and name. */
export const updateUser = async (trx: Transaction<Tables>, user: StoredUser): Promise<void> => {
  await trx
    .updateTable("platform_user")
    .set({ email: user.email ?? null, roles: JSON.stringify(user.roles), is_disabled: user.isDisabled })
    .where("id", "=", user.id)
    .execute();
};

/** Removes a user, all tokens and all sessions. */
export const deleteUser = async (trx: Transaction<Tables>, id: string): Promise<void> => {
  await trx.deleteFrom("access_token").where("user_id", "=", id).execute();
  await trx.deleteFrom("session").where("user_id", "=", id).execute();
  await trx.deleteFrom("sign_in_link").where("user_id", "=", id).execute();
  await trx.deleteFrom("platform_user").where("id", "=", id).execute();
};

const userOf = (row: {
  id: string;
  name: string;
  email: string | null;
  roles: unknown;
  is_disabled: boolean;
  created_at: Date;
}): StoredUser => ({
  id: row.id,
  name: row.name,
  email: row.email ?? undefined,
  roles: textsOf(row.roles),
  isDisabled: row.is_disabled,
  createdAt: row.created_at,
});
