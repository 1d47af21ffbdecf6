import { z } from "zod";
import { subscriptionStateSchema } from "../../model/consumer.ts";
import type { StoredSubscription } from "../../store/repositories/subscriptions.ts";

/** A subscription as it is shown. */
export const subscriptionSchema = z
  .object({
    id: z.string(),
    applicationId: z.string(),
    application: z.string(),
    organizationId: z.string(),
    organization: z.string(),
    product: z.string(),
    plan: z.string(),
    state: subscriptionStateSchema,
    createdAt: z.iso.datetime(),
    revision: z.int().describe("The revision that last changed it."),
  })
  .meta({ id: "Subscription" });

/** The view of a row. */
export const subscriptionView = (row: StoredSubscription) => ({
  id: row.id,
  applicationId: row.applicationId,
  application: row.application,
  organizationId: row.organizationId,
  organization: row.organization,
  product: row.product,
  plan: row.plan,
  state: row.state,
  createdAt: row.createdAt.toISOString(),
  revision: row.changedRevision,
});
