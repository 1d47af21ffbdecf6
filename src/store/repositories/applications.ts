import type { Kysely, Transaction } from "kysely";
import type { Tables } from "../schema.ts";
import { isUuid, type Page } from "./organizations.ts";

/** An application as it is stored. */
export interface StoredApplication {
  readonly id: string;
  readonly organizationId: string;
  readonly organization: string;
  readonly name: string;
  readonly title: string | undefined;
  readonly createdAt: Date;
}

/** Applications after the id of the page, of one organization or of all. */
export const listApplications = async (
  db: Kysely<Tables>,
  page: Page & { readonly organizationId?: string | undefined },
): Promise<StoredApplication[]> => {
  let query = withOrganization(db).orderBy("application.id").limit(page.limit);
  if (page.after !== undefined) query = query.where("application.id", ">", page.after);
  if (page.organizationId !== undefined) query = query.where("application.organization_id", "=", page.organizationId);
  return (await query.execute()).map(applicationOf);
};

/** An application by id, or by a name that only one organization uses. */
export const findApplication = async (db: Kysely<Tables>, idOrName: string): Promise<StoredApplication | undefined> => {
  const column = isUuid(idOrName) ? "application.id" : "application.name";
  const rows = await withOrganization(db).where(column, "=", idOrName).limit(2).execute();
  const [row] = rows;
  return row === undefined || rows.length > 1 ? undefined : applicationOf(row);
};

/** An application by its name within an organization. */
export const findApplicationByName = async (
  db: Kysely<Tables>,
  organizationId: string,
  name: string,
): Promise<StoredApplication | undefined> => {
  const row = await withOrganization(db)
    .where("application.organization_id", "=", organizationId)
    .where("application.name", "=", name)
    .executeTakeFirst();
  return row === undefined ? undefined : applicationOf(row);
};

/** Adds an application. */
export const insertApplication = async (
  trx: Transaction<Tables>,
  row: Omit<StoredApplication, "organization">,
): Promise<void> => {
  await trx
    .insertInto("application")
    .values({
      id: row.id,
      organization_id: row.organizationId,
      name: row.name,
      title: row.title ?? null,
      created_at: row.createdAt,
    })
    .execute();
};

/** Changes what of an application may change: its title. */
export const updateApplication = async (
  trx: Transaction<Tables>,
  id: string,
  title: string | undefined,
): Promise<void> => {
  await trx
    .updateTable("application")
    .set({ title: title ?? null })
    .where("id", "=", id)
    .execute();
};

/** Removes an application together with its subscriptions and keys, all of which must have ended. */
export const deleteApplication = async (trx: Transaction<Tables>, id: string): Promise<void> => {
  const subscriptions = trx.selectFrom("subscription").select("id").where("application_id", "=", id);
  await trx.deleteFrom("api_key").where("subscription_id", "in", subscriptions).execute();
  await trx.deleteFrom("subscription").where("application_id", "=", id).execute();
  await trx.deleteFrom("application").where("id", "=", id).execute();
};

const withOrganization = (db: Kysely<Tables>) =>
  db
    .selectFrom("application")
    .innerJoin("organization", "organization.id", "application.organization_id")
    .select([
      "application.id",
      "application.organization_id",
      "organization.name as organization",
      "application.name",
      "application.title",
      "application.created_at",
    ]);

const applicationOf = (row: {
  id: string;
  organization_id: string;
  organization: string;
  name: string;
  title: string | null;
  created_at: Date;
}): StoredApplication => ({
  id: row.id,
  organizationId: row.organization_id,
  organization: row.organization,
  name: row.name,
  title: row.title ?? undefined,
  createdAt: row.created_at,
});
