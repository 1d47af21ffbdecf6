import { z } from "zod";
import { protectionsOf } from "../../model/api.ts";
import { consumerNameSchema, keySlots } from "../../model/consumer.ts";
import { nameSchema } from "../../model/names.ts";
import type { ResourceOf } from "../../model/resource.ts";
import { findApplicationByName } from "../../store/repositories/applications.ts";
import { findOrganization } from "../../store/repositories/organizations.ts";
import { listSubscriptions, type StoredSubscription } from "../../store/repositories/subscriptions.ts";
import type { Change } from "../change.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { type Role, requireKinds } from "../rights.ts";
import { createApplication, createOrganization, createSubscription, planOf, wrong } from "./consumer-writes.ts";
import { keyView, newKeySchema } from "./key-view.ts";
import { issueKey } from "./key-writes.ts";
import { subscriptionSchema, subscriptionView } from "./subscription-view.ts";

const usualName = "default";
/** The plan of a product that is made for one API: what a first caller needs, and no more than a first backend bears. */
const firstPlan = { name: "default", plan: { "rate-limit": { calls: 60, window: "60s" } } } as const;

const bodySchema = z.strictObject({
  api: nameSchema
    .optional()
    .describe(
      "An API that the key is for. Where no product holds it, one of its name is made, with one plan of 60 calls a minute.",
    ),
  product: nameSchema
    .optional()
    .describe("The product that the key is for; with `api`, the one of several that hold it."),
  plan: nameSchema.optional().describe("Where absent: the only plan, or the only one that needs no approval."),
  organization: consumerNameSchema.optional().describe("Made where it does not exist; `default` unless told."),
  application: consumerNameSchema.optional().describe("Made where it does not exist; `default` unless told."),
  slot: z.enum(keySlots).optional(),
  expiresAt: z.iso.datetime({ offset: true }).optional(),
});

/** From an API or a product to a key that may call it, in one step: whatever is missing on the way is made, all of it or nothing. */
export const postAccessKey: Operation = defineOperation({
  id: "postAccessKey",
  method: "POST",
  path: "/keys",
  tag: "Consumers",
  summary: "Issue a key for an API or a product, with everything that is missing on the way",
  description:
    "Finds or makes the product of an API that none holds, the organization, the application and its subscription, then issues a key into a free slot. The key is in this answer and nowhere else.",
  access: "consumers.write",
  body: bodySchema,
  answers: {
    201: {
      description: "Issued; the key is shown this once.",
      schema: newKeySchema
        .extend({
          subscription: subscriptionSchema,
          created: z.array(z.string()).describe("What was made on the way: `product/orders`, `organization/default`."),
        })
        .meta({ id: "AccessKey" }),
    },
  },
  refusals: [409, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      const { body } = call;
      const created: string[] = [];
      const product = productOf(change, body, call.actor.roles, created);
      const plan = planNameOf(change, product, body.plan);
      const subscription = await subscriptionOf(change, { ...body, product, plan }, created);
      const { row, key } = await issueKey(change, subscription.id, body);
      const view = { ...keyView(row, change.at.getTime()), key };
      return { status: 201, json: { ...view, subscription: subscriptionView(subscription), created } };
    }),
});

type Wanted = z.output<typeof bodySchema>;

const productOf = (change: Change, wanted: Wanted, roles: readonly Role[], created: string[]): string => {
  const { api, product } = wanted;
  if (api === undefined) {
    if (product === undefined) throw wrong("/api", "say which `api` or which `product` the key is for");
    if (change.find("product", product) === undefined) throw wrong("/product", unknownProduct(change, product));
    return product;
  }
  const resource = change.find("api", api)?.resource;
  if (resource === undefined) throw wrong("/api", `there is no API '${api}'`);
  const protections = protectionsOf(resource.body.protect);
  if (!protections.includes("key")) {
    throw wrong(
      "/api",
      `the API '${api}' takes no keys: it ${protections.length === 0 ? "is open" : "asks for tokens"}`,
    );
  }
  const holding = productsHolding(change, resource);
  if (product !== undefined) {
    if (holding.includes(product)) return product;
    throw wrong("/product", `the product '${product}' does not hold the API '${api}'; ${list(holding)}`);
  }
  const [only, ...others] = holding;
  if (others.length > 0)
    throw wrong("/product", `several products hold the API '${api}': name one of ${holding.join(", ")}`);
  if (only !== undefined) return only;
  requireKinds(roles, ["product"]);
  if (change.find("product", api) !== undefined) {
    throw wrong(
      "/product",
      `no product holds the API '${api}', and the product '${api}' is another one: add the API to a product`,
    );
  }
  change.put({ kind: "product", name: api, body: { apis: [api], plans: { [firstPlan.name]: firstPlan.plan } } });
  created.push(`product/${api}`);
  return api;
};

const list = (holding: readonly string[]): string =>
  holding.length === 0 ? "none does yet" : `these do: ${holding.join(", ")}`;

const unknownProduct = (change: Change, product: string): string => {
  const names = [...change.state.resources.values()].flatMap(({ resource }) =>
    resource.kind === "product" ? [resource.name] : [],
  );
  return `there is no product '${product}'; ${names.length === 0 ? "there are none yet" : `there are ${names.join(", ")}`}`;
};

/** Products that name the API, and those that the API names. */
const productsHolding = (change: Change, api: ResourceOf<"api">): readonly string[] => {
  const named = new Set(api.body.products ?? []);
  return [...change.state.resources.values()].flatMap(({ resource }) =>
    resource.kind === "product" && (named.has(resource.name) || resource.body.apis.includes(api.name))
      ? [resource.name]
      : [],
  );
};

const planNameOf = (change: Change, product: string, asked: string | undefined): string => {
  if (asked !== undefined) {
    planOf(change, product, asked);
    return asked;
  }
  const plans = Object.entries(change.find("product", product)?.resource.body.plans ?? {});
  const [only, ...others] = plans.length === 1 ? plans : plans.filter(([, plan]) => plan.approval !== "manual");
  if (only !== undefined && others.length === 0) return only[0];
  throw wrong("/plan", `the product '${product}' has the plans ${plans.map(([name]) => name).join(", ")}: name one`);
};

const subscriptionOf = async (
  change: Change,
  wanted: Wanted & { readonly product: string; readonly plan: string },
  created: string[],
): Promise<StoredSubscription> => {
  const { organization: organizationName = usualName, application: applicationName = usualName } = wanted;
  const { product, plan } = wanted;
  let organization = await findOrganization(change.trx, organizationName);
  if (organization === undefined) {
    organization = await createOrganization(change, { name: organizationName });
    created.push(`organization/${organizationName}`);
  }
  let application = await findApplicationByName(change.trx, organization.id, applicationName);
  if (application === undefined) {
    application = await createApplication(change, organization, { name: applicationName });
    created.push(`application/${applicationName}`);
  }
  const filter = { applicationId: application.id, product, plan };
  const known = await listSubscriptions(change.trx, { after: undefined, limit: 100, ...filter });
  const live = known.find(({ state }) => state !== "ended" && state !== "rejected");
  if (live !== undefined) return live;
  const made = await createSubscription(change, application, { product, plan });
  created.push(`subscription/${made.id}`);
  return made;
};
