import { z } from "zod";
import { type SubscriptionState, subscriptionStateSchema } from "../../model/consumer.ts";
import { nameSchema } from "../../model/names.ts";
import { revokeKeysOf } from "../../store/repositories/api-keys.ts";
import { findApplication } from "../../store/repositories/applications.ts";
import {
  findSubscription,
  listSubscriptions as listRows,
  updateSubscription,
} from "../../store/repositories/subscriptions.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { idPlaceOf, limitOf, pageJson, pageOf, pageQuerySchema } from "../paging.ts";
import { refuse } from "../refuse.ts";
import { notFound } from "../resources/collection.ts";
import { createSubscription, planOf, wrong } from "./consumer-writes.ts";
import { subscriptionSchema, subscriptionView } from "./subscription-view.ts";

const paramsSchema = z.object({ subscription: z.string().max(100) });

/** Where a subscription may go from each state: approve is `active`, and what has ended stays so. */
const nextStates: Readonly<Record<SubscriptionState, readonly SubscriptionState[]>> = {
  pending: ["active", "rejected", "ended"],
  active: ["suspended", "ended"],
  suspended: ["active", "ended"],
  rejected: [],
  ended: [],
};

/** The subscriptions. */
export const listSubscriptions: Operation = defineOperation({
  id: "listSubscriptions",
  method: "GET",
  path: "/subscriptions",
  tag: "Consumers",
  summary: "List the subscriptions",
  access: "consumers.read",
  query: pageQuerySchema.extend({
    application: z.uuid().optional(),
    organization: z.uuid().optional(),
    product: nameSchema.optional(),
    plan: nameSchema.optional(),
    state: subscriptionStateSchema.optional(),
  }),
  answers: { 200: { description: "The oldest first.", schema: pageOf(subscriptionSchema) } },
  run: async ({ tools, query }) => {
    const limit = limitOf(query);
    const { application, organization, product, plan, state } = query;
    const filter = { applicationId: application, organizationId: organization, product, plan, state };
    const rows = await listRows(tools.db, { after: idPlaceOf(query), limit: limit + 1, ...filter });
    return { status: 200, json: pageJson(rows, limit, (row) => row.id, subscriptionView) };
  },
});

/** One subscription. */
export const getSubscription: Operation = defineOperation({
  id: "getSubscription",
  method: "GET",
  path: "/subscriptions/{subscription}",
  tag: "Consumers",
  summary: "Read a subscription",
  access: "consumers.read",
  params: paramsSchema,
  hasEtag: true,
  answers: { 200: { description: "The subscription.", schema: subscriptionSchema } },
  refusals: [404],
  run: async ({ tools, params }) => {
    const row = await findSubscription(tools.db, params.subscription);
    if (row === undefined) throw notFound("subscription", params.subscription);
    return { status: 200, json: subscriptionView(row) };
  },
});

/** Subscribes an application to a plan of a product. */
export const postSubscription: Operation = defineOperation({
  id: "postSubscription",
  method: "POST",
  path: "/subscriptions",
  tag: "Consumers",
  summary: "Subscribe an application to a plan",
  description: "Active at once, or pending where the plan asks for approval.",
  access: "consumers.write",
  body: z.strictObject({
    applicationId: z.string().max(100),
    product: nameSchema,
    plan: nameSchema,
    state: z.enum(["active", "pending"]).optional().describe("What the plan says, where it is absent."),
  }),
  answers: { 201: { description: "Created.", schema: subscriptionSchema } },
  refusals: [415, 422],
  run: (call) =>
    call.change(async (change) => {
      const { applicationId, product, plan } = call.body;
      const application = await findApplication(change.trx, applicationId);
      if (application === undefined) throw wrong("/applicationId", `there is no application '${applicationId}'`);
      const row = await createSubscription(change, application, { product, plan, state: call.body.state });
      return { status: 201, json: subscriptionView(row), headers: { Location: `/api/v1/subscriptions/${row.id}` } };
    }),
});

/** Approves, suspends, resumes or ends a subscription, or moves it to another plan. */
export const patchSubscription: Operation = defineOperation({
  id: "patchSubscription",
  method: "PATCH",
  path: "/subscriptions/{subscription}",
  tag: "Consumers",
  summary: "Change a subscription's state or plan",
  description:
    "`active` approves or resumes, `suspended` pauses, `rejected` and `ended` are for good and end its keys.",
  access: "consumers.write",
  params: paramsSchema,
  body: z.strictObject({ state: subscriptionStateSchema.optional(), plan: nameSchema.optional() }),
  hasEtag: true,
  answers: { 200: { description: "Changed.", schema: subscriptionSchema } },
  refusals: [404, 409, 412, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      const row = await findSubscription(change.trx, call.params.subscription);
      if (row === undefined) throw notFound("subscription", call.params.subscription);
      call.match(subscriptionView(row));
      const { state = row.state, plan = row.plan } = call.body;
      if (state !== row.state && !nextStates[row.state].includes(state)) {
        const possible = nextStates[row.state].join(" or ") || "nothing else";
        throw refuse("state.conflict", `A subscription that is ${row.state} may become ${possible}, not ${state}.`);
      }
      if (plan !== row.plan) {
        if (nextStates[row.state].length === 0)
          throw refuse("state.conflict", `A subscription that is ${row.state} keeps its plan.`);
        planOf(change, row.product, plan);
      }
      if (state === row.state && plan === row.plan) return { status: 200, json: subscriptionView(row) };
      const after = { ...row, state, plan, changedRevision: change.revision };
      await updateSubscription(change.trx, after);
      if (state === "ended" || state === "rejected") await revokeKeysOf(change.trx, row.id, change.at, change.revision);
      change.touchAccess();
      change.audit({
        target: `subscription/${row.id}`,
        before: subscriptionView(row),
        after: subscriptionView(after),
      });
      return { status: 200, json: subscriptionView(after) };
    }),
});
