import type { Kysely, Transaction } from "kysely";
import { type SubscriptionState, subscriptionStates } from "../../model/consumer.ts";
import type { Tables } from "../schema.ts";
import { isUuid, type Page } from "./organizations.ts";

/** A subscription as it is stored, with the names of those it belongs to. */
export interface StoredSubscription {
  readonly id: string;
  readonly applicationId: string;
  readonly application: string;
  readonly organizationId: string;
  readonly organization: string;
  readonly product: string;
  readonly plan: string;
  readonly state: SubscriptionState;
  readonly createdAt: Date;
  readonly changedRevision: number;
}

/** Which subscriptions a list shows; absent members ask for nothing. */
export interface SubscriptionFilter {
  readonly applicationId?: string | undefined;
  readonly organizationId?: string | undefined;
  readonly product?: string | undefined;
  readonly plan?: string | undefined;
  readonly state?: SubscriptionState | undefined;
}

/** Subscriptions after the id of the page. */
export const listSubscriptions = async (
  db: Kysely<Tables>,
  page: Page & SubscriptionFilter,
): Promise<StoredSubscription[]> => {
  let query = withNames(db).orderBy("subscription.id").limit(page.limit);
  if (page.after !== undefined) query = query.where("subscription.id", ">", page.after);
  if (page.applicationId !== undefined) query = query.where("subscription.application_id", "=", page.applicationId);
  if (page.organizationId !== undefined) query = query.where("application.organization_id", "=", page.organizationId);
  if (page.product !== undefined) query = query.where("subscription.product", "=", page.product);
  if (page.plan !== undefined) query = query.where("subscription.plan", "=", page.plan);
  if (page.state !== undefined) query = query.where("subscription.state", "=", page.state);
  return (await query.execute()).map(subscriptionOf);
};

/** A subscription by id. */
export const findSubscription = async (db: Kysely<Tables>, id: string): Promise<StoredSubscription | undefined> => {
  if (!isUuid(id)) return undefined;
  const row = await withNames(db).where("subscription.id", "=", id).executeTakeFirst();
  return row === undefined ? undefined : subscriptionOf(row);
};

/** Subscriptions whose id is in the list, in no order. */
export const findSubscriptions = async (db: Kysely<Tables>, ids: readonly string[]): Promise<StoredSubscription[]> => {
  if (ids.length === 0) return [];
  return (await withNames(db).where("subscription.id", "in", ids).execute()).map(subscriptionOf);
};

/** Subscriptions that a write after `from` up to and with `to` touched. */
export const subscriptionsChangedBetween = async (
  db: Kysely<Tables>,
  from: number,
  to: number,
): Promise<StoredSubscription[]> => {
  const rows = await withNames(db)
    .where("subscription.changed_revision", ">", from)
    .where("subscription.changed_revision", "<=", to)
    .execute();
  return rows.map(subscriptionOf);
};

/** How many subscriptions that have not ended use a product, or one plan of it. */
export const countLiveSubscriptions = async (db: Kysely<Tables>, product: string, plan?: string): Promise<number> => {
  let query = db
    .selectFrom("subscription")
    .select((select) => select.fn.countAll<number>().as("count"))
    .where("product", "=", product)
    .where("state", "not in", ["ended", "rejected"]);
  if (plan !== undefined) query = query.where("plan", "=", plan);
  return (await query.executeTakeFirstOrThrow()).count;
};

/** Adds a subscription. */
export const insertSubscription = async (
  trx: Transaction<Tables>,
  row: Pick<
    StoredSubscription,
    "id" | "applicationId" | "product" | "plan" | "state" | "createdAt" | "changedRevision"
  >,
): Promise<void> => {
  await trx
    .insertInto("subscription")
    .values({
      id: row.id,
      application_id: row.applicationId,
      product: row.product,
      plan: row.plan,
      state: row.state,
      created_at: row.createdAt,
      changed_revision: row.changedRevision,
    })
    .execute();
};

/** Changes state or plan. */
export const updateSubscription = async (
  trx: Transaction<Tables>,
  row: Pick<StoredSubscription, "id" | "plan" | "state" | "changedRevision">,
): Promise<void> => {
  await trx
    .updateTable("subscription")
    .set({ plan: row.plan, state: row.state, changed_revision: row.changedRevision })
    .where("id", "=", row.id)
    .execute();
};

const withNames = (db: Kysely<Tables>) =>
  db
    .selectFrom("subscription")
    .innerJoin("application", "application.id", "subscription.application_id")
    .innerJoin("organization", "organization.id", "application.organization_id")
    .select([
      "subscription.id",
      "subscription.application_id",
      "application.name as application",
      "application.organization_id",
      "organization.name as organization",
      "subscription.product",
      "subscription.plan",
      "subscription.state",
      "subscription.created_at",
      "subscription.changed_revision",
    ]);

const subscriptionOf = (row: {
  id: string;
  application_id: string;
  application: string;
  organization_id: string;
  organization: string;
  product: string;
  plan: string;
  state: string;
  created_at: Date;
  changed_revision: number;
}): StoredSubscription => ({
  id: row.id,
  applicationId: row.application_id,
  application: row.application,
  organizationId: row.organization_id,
  organization: row.organization,
  product: row.product,
  plan: row.plan,
  // A state that this version does not know may not call: unknown means no.
  state: isState(row.state) ? row.state : "suspended",
  createdAt: row.created_at,
  changedRevision: row.changed_revision,
});

const isState = (text: string): text is SubscriptionState => Object.hasOwn(subscriptionStates, text);
