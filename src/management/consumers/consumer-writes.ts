import { uuidv7 } from "../../base/ids.ts";
import type { SubscriptionState } from "../../model/consumer.ts";
import type { Plan } from "../../model/product.ts";
import { insertApplication, type StoredApplication } from "../../store/repositories/applications.ts";
import { insertOrganization, type StoredOrganization } from "../../store/repositories/organizations.ts";
import { insertSubscription, type StoredSubscription } from "../../store/repositories/subscriptions.ts";
import type { Change } from "../change.ts";
import { refuse } from "../refuse.ts";
import { applicationView } from "./application-view.ts";
import { organizationView } from "./organization-view.ts";
import { subscriptionView } from "./subscription-view.ts";

/** Makes an organization, with its entry in the audit; the caller has looked that the name is free. */
export const createOrganization = async (
  change: Change,
  { name, title }: { readonly name: string; readonly title?: string | undefined },
): Promise<StoredOrganization> => {
  const row = { id: uuidv7(change.at.getTime()), name, title, createdAt: change.at };
  await insertOrganization(change.trx, row);
  change.audit({ target: `organization/${name}`, after: organizationView(row) });
  return row;
};

/** Makes an application of an organization; the caller has looked that the name is free in it. */
export const createApplication = async (
  change: Change,
  organization: StoredOrganization,
  { name, title }: { readonly name: string; readonly title?: string | undefined },
): Promise<StoredApplication> => {
  const row = {
    id: uuidv7(change.at.getTime()),
    organizationId: organization.id,
    organization: organization.name,
    name,
    title,
    createdAt: change.at,
  };
  await insertApplication(change.trx, row);
  change.audit({ target: `application/${row.id}`, after: applicationView(row) });
  return row;
};

/** Subscribes an application to a plan: active, or pending where the plan asks for approval and no state is given. */
export const createSubscription = async (
  change: Change,
  application: StoredApplication,
  wanted: {
    readonly product: string;
    readonly plan: string;
    readonly state?: Extract<SubscriptionState, "active" | "pending"> | undefined;
  },
): Promise<StoredSubscription> => {
  const { product, plan } = wanted;
  const approval = planOf(change, product, plan).approval ?? "automatic";
  const row: StoredSubscription = {
    id: uuidv7(change.at.getTime()),
    applicationId: application.id,
    application: application.name,
    organizationId: application.organizationId,
    organization: application.organization,
    product,
    plan,
    state: wanted.state ?? (approval === "manual" ? "pending" : "active"),
    createdAt: change.at,
    changedRevision: change.revision,
  };
  await insertSubscription(change.trx, row);
  change.touchAccess();
  change.audit({ target: `subscription/${row.id}`, after: subscriptionView(row) });
  return row;
};

/** A plan of a product; refuses with the place in the body where one of them does not exist. */
export const planOf = (change: Change, product: string, plan: string): Plan => {
  const found = change.find("product", product)?.resource.body;
  if (found === undefined) throw wrong("/product", `there is no product '${product}'`);
  const bought = found.plans[plan];
  if (bought === undefined) {
    throw wrong(
      "/plan",
      `the product '${product}' has no plan '${plan}'; it has ${Object.keys(found.plans).join(", ")}`,
    );
  }
  return bought;
};

/** A refusal of one member of the body. */
export const wrong = (pointer: string, message: string): Error =>
  refuse("body.invalid", `${pointer}: ${message}`, [{ pointer, message }]);
