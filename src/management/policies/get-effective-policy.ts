import { z } from "zod";
import { nameSchema } from "../../model/names.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { notFound } from "../resources/collection.ts";
import { effectivePolicy } from "./effective-policy.ts";
import { finderOf, requireScope } from "./scope-operations.ts";
import { type PolicyScope, placeOfPolicy, policyAt } from "./scopes.ts";

const stepSchema = z.object({
  policy: z.string(),
  config: z.unknown(),
  scope: z.enum(["platform", "workspace", "product", "api", "operation"]),
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
  description: "With `product`, as it runs for callers who come with a key of that product.",
  access: "apis.read",
  params: z.object({ api: nameSchema, operation: z.string().min(1).max(500) }),
  query: z.object({ product: nameSchema.optional() }),
  hasEtag: true,
  answers: {
    200: {
      description: "The sections with their steps.",
      schema: z
        .object({
          api: z.string(),
          operation: z.string(),
          product: z.string().optional(),
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
    const { product } = query;
    await requireScope(tools, tools.db, find, { scope: "operation", api, operation });
    const held = product === undefined ? undefined : find("product", product)?.resource.body.apis;
    const isIn = held?.includes(api) || find("api", api)?.resource.body.products?.includes(product ?? "");
    if (product !== undefined && isIn !== true) throw notFound(`product with the API '${api}' called`, product);
    const scopes: readonly PolicyScope[] = [
      { scope: "platform" },
      { scope: "workspace" },
      ...(product === undefined ? [] : [{ scope: "product", product } as const]),
      { scope: "api", api },
      { scope: "operation", api, operation },
    ];
    const written = scopes.map((at) => ({ at, document: policyAt(find, at), ...placeOfPolicy(at) }));
    return { status: 200, json: { api, operation, product, ...effectivePolicy(written) } };
  },
});
