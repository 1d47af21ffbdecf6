import type { Kysely, Transaction } from "kysely";
import type { Tables } from "../schema.ts";

/** An organization as it is stored. */
export interface StoredOrganization {
  readonly id: string;
  readonly name: string;
  readonly title: string | undefined;
  readonly createdAt: Date;
}

/** A page of rows in the order of their ids, which is the order in which they were made. */
export interface Page {
  readonly after: string | undefined;
  readonly limit: number;
}

/** Organizations after the id of the page. */
export const listOrganizations = async (db: Kysely<Tables>, page: Page): Promise<StoredOrganization[]> => {
  let query = db.selectFrom("organization").selectAll().orderBy("id").limit(page.limit);
  if (page.after !== undefined) query = query.where("id", ">", page.after);
  return (await query.execute()).map(organizationOf);
};

/** An organization by id or by name. */
export const findOrganization = async (
  db: Kysely<Tables>,
  idOrName: string,
): Promise<StoredOrganization | undefined> => {
  const row = await db
    .selectFrom("organization")
    .selectAll()
    .where(isUuid(idOrName) ? "id" : "name", "=", idOrName)
    .executeTakeFirst();
  return row === undefined ? undefined : organizationOf(row);
};

/** Adds an organization. */
export const insertOrganization = async (trx: Transaction<Tables>, row: StoredOrganization): Promise<void> => {
  await trx
    .insertInto("organization")
    .values({ id: row.id, name: row.name, title: row.title ?? null, created_at: row.createdAt })
    .execute();
};

/** Changes what of an organization may change: its title. */
export const updateOrganization = async (trx: Transaction<Tables>, row: StoredOrganization): Promise<void> => {
  await trx
    .updateTable("organization")
    .set({ title: row.title ?? null })
    .where("id", "=", row.id)
    .execute();
};

/** Removes an organization that has no applications. */
export const deleteOrganization = async (trx: Transaction<Tables>, id: string): Promise<void> => {
  await trx.deleteFrom("organization").where("id", "=", id).execute();
};

/** Whether a text has the form of an id. */
export const isUuid = (text: string): boolean =>
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text);

const organizationOf = (row: {
  id: string;
  name: string;
  title: string | null;
  created_at: Date;
}): StoredOrganization => ({ id: row.id, name: row.name, title: row.title ?? undefined, createdAt: row.created_at });
