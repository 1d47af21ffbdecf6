import { z } from "zod";
import { nameSchema } from "../../model/names.ts";
import { type Plan, planSchema, productSchema } from "../../model/product.ts";
import { type Change, findIn, type StoredOf } from "../change.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { limitOf, pageJson, pageOf, pageQuerySchema, placeOf } from "../paging.ts";
import { checkBody } from "../parse-request.ts";
import { notFound, putResource } from "../resources/collection.ts";
import { resourcesOfKind } from "../resources/operations.ts";

const bodySchema = planSchema.meta({ id: "Plan", description: "A plan of a product." });
const paramsSchema = z.object({ product: nameSchema, plan: nameSchema });
const viewSchema = z.intersection(z.object({ product: z.string(), name: z.string() }), planSchema.loose());

const viewOf = (product: string, name: string, plan: Plan) => ({ product, name, ...plan });

/** The plans of all products. */
export const listPlans: Operation = defineOperation({
  id: "listPlans",
  method: "GET",
  path: "/plans",
  tag: "Products",
  summary: "List the plans of all products",
  access: "apis.read",
  query: pageQuerySchema,
  answers: { 200: { description: "In order of product and plan.", schema: pageOf(viewSchema) } },
  run: async ({ tools, query }) => {
    const after = placeOf(query);
    const limit = limitOf(query);
    const products = await resourcesOfKind(tools, "product");
    const rows = products
      .flatMap(({ resource }) =>
        resource.kind === "product"
          ? Object.entries(resource.body.plans).map(([name, plan]) => viewOf(resource.name, name, plan))
          : [],
      )
      .sort((a, b) => (placeText(a) < placeText(b) ? -1 : 1))
      .filter((row) => after === undefined || placeText(row) > after);
    return { status: 200, json: pageJson(rows.slice(0, limit + 1), limit, placeText, (row) => row) };
  },
});

// No name holds a slash, so that the order is that of products, then plans.
const placeText = (row: { readonly product: string; readonly name: string }): string => `${row.product}/${row.name}`;

/** One plan. */
export const getPlan: Operation = defineOperation({
  id: "getPlan",
  method: "GET",
  path: "/products/{product}/plans/{plan}",
  tag: "Products",
  summary: "Read a plan",
  access: "apis.read",
  params: paramsSchema,
  hasEtag: true,
  answers: { 200: { description: "The plan.", schema: viewSchema } },
  refusals: [404],
  run: async ({ tools, params }) => {
    const { resources } = await tools.configuration.read();
    const plan = findIn(resources, "product", params.product)?.resource.body.plans[params.plan];
    if (plan === undefined) throw notFound(`plan of the product '${params.product}' called`, params.plan);
    return { status: 200, json: viewOf(params.product, params.plan, plan) };
  },
});

/** Creates or replaces a plan. */
export const putPlan: Operation = defineOperation({
  id: "putPlan",
  method: "PUT",
  path: "/products/{product}/plans/{plan}",
  tag: "Products",
  summary: "Create or replace a plan",
  access: "apis.write",
  params: paramsSchema,
  body: bodySchema,
  readOnlyFields: ["product", "name"],
  hasEtag: true,
  answers: {
    200: { description: "Replaced.", schema: viewSchema },
    201: { description: "Created.", schema: viewSchema },
  },
  refusals: [404, 412, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      const { product, plan } = call.params;
      const stored = productOf(change, product);
      const current = stored.resource.body.plans[plan];
      call.match(current === undefined ? undefined : viewOf(product, plan, current));
      writePlans(change, stored, { ...stored.resource.body.plans, [plan]: call.body });
      return { status: current === undefined ? 201 : 200, json: viewOf(product, plan, call.body) };
    }),
});

/** Removes a plan that no subscription uses. */
export const deletePlan: Operation = defineOperation({
  id: "deletePlan",
  method: "DELETE",
  path: "/products/{product}/plans/{plan}",
  tag: "Products",
  summary: "Delete a plan",
  access: "apis.write",
  params: paramsSchema,
  answers: { 204: { description: "Deleted." } },
  refusals: [404, 409, 412, 422],
  run: (call) =>
    call.change(async (change) => {
      const { product, plan } = call.params;
      const stored = productOf(change, product);
      const { [plan]: current, ...rest } = stored.resource.body.plans;
      if (current === undefined) throw notFound(`plan of the product '${product}' called`, plan);
      call.match(viewOf(product, plan, current));
      writePlans(change, stored, rest);
      return { status: 204 };
    }),
});

const productOf = (change: Change, name: string): StoredOf<"product"> => {
  const stored = change.find("product", name);
  if (stored === undefined) throw notFound("product", name);
  return stored;
};

const writePlans = (change: Change, { resource }: StoredOf<"product">, plans: Readonly<Record<string, Plan>>): void => {
  const body = checkBody(productSchema, { ...resource.body, plans });
  putResource(change, { kind: "product", name: resource.name, body });
};
