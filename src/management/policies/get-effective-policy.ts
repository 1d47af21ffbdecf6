import { z } from "zod";
import { protectionsOf } from "../../model/api.ts";
import { nameSchema } from "../../model/names.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { notFound } from "../resources/collection.ts";
import { effectivePolicy, planSteps } from "./effective-policy.ts";
import { finderOf, requireScope } from "./scope-operations.ts";
import { type PolicyScope, placeOfPolicy, policyAt } from "./scopes.ts";

const stepSchema = z.object({
  policy: z.string(),
  config: z.unknown(),
  scope: z.enum(["platform", "workspace", "product", "api", "operation", "plan", "built-in"]),
  product: z.string().optional(),
  file: z.string(),
  path: z.string(),
});

/** What runs for an operation, in order, each step with the scope that says so. */
export const getEffectivePolicy: Operation = defineOperation({
  id: "getEffectivePolicy",
  method: "GET",
  path: "/policies/apis/{api}/operations/{operation}/effective",
  tag: "Policies",
  summary: "Show what runs for an operation, in order",
  description:
    "Before all of it the gateway checks one of the credentials in `protect`. With `product`, as it runs for callers who come with a key of that product; with `plan` as well, with the limits of that plan.",
  access: "apis.read",
  params: z.object({ api: nameSchema, operation: z.string().min(1).max(500) }),
  query: z.object({ product: nameSchema.optional(), plan: nameSchema.optional() }),
  hasEtag: true,
  answers: {
    200: {
      description: "The sections with their steps.",
      schema: z
        .object({
          api: z.string(),
          operation: z.string(),
          product: z.string().optional(),
          plan: z.string().optional(),
          protect: z.array(z.enum(["key", "jwt"])).describe("Any one of these lets a caller in; empty: it is open."),
          inbound: z.array(stepSchema),
          backend: z.array(stepSchema),
          outbound: z.array(stepSchema),
          "on-error": z.array(stepSchema),
        })
        .meta({ id: "EffectivePolicy" }),
    },
  },
  refusals: [404],
  run: async ({ tools, params, query }) => {
    const find = finderOf(await tools.configuration.read());
    const { api, operation } = params;
    const { product, plan } = query;
    await requireScope(tools, tools.db, find, { scope: "operation", api, operation });
    const body = find("api", api)?.resource.body;
    const bought = product === undefined ? undefined : find("product", product)?.resource.body;
    const isIn = bought?.apis.includes(api) || body?.products?.includes(product ?? "");
    if (product !== undefined && isIn !== true) throw notFound(`product with the API '${api}' called`, product);
    const scopes: readonly PolicyScope[] = [
      { scope: "platform" },
      { scope: "workspace" },
      ...(product === undefined ? [] : [{ scope: "product", product } as const]),
      { scope: "api", api },
      { scope: "operation", api, operation },
    ];
    const written = scopes.map((at) => ({ at, document: policyAt(find, at), ...placeOfPolicy(at) }));
    const limits = plan === undefined ? undefined : bought?.plans[plan];
    if (plan !== undefined && limits === undefined) throw notFound("plan of this product called", plan);
    const protect = protectionsOf(body?.operations?.[operation]?.protect ?? body?.protect);
    const { inbound, ...others } = effectivePolicy(written);
    const first = limits === undefined ? [] : planSteps(product ?? "", plan ?? "", limits);
    return {
      status: 200,
      json: { api, operation, product, plan, protect, inbound: [...first, ...inbound], ...others },
    };
  },
});
