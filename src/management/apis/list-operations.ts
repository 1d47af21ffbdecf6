import { z } from "zod";
import { protectionsOf } from "../../model/api.ts";
import { operationsOf } from "../../openapi/operations.ts";
import { findIn } from "../change.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { limitOf, numberPlaceOf, pageJson, pageOf, pageQuerySchema } from "../paging.ts";
import { nameParamsSchema, notFound } from "../resources/collection.ts";

/** The operations of an API in the order of its document. */
export const listOperations: Operation = defineOperation({
  id: "listOperations",
  method: "GET",
  path: "/apis/{name}/operations",
  tag: "APIs",
  summary: "List an API's operations",
  access: "apis.read",
  params: nameParamsSchema,
  query: pageQuerySchema,
  answers: {
    200: {
      description: "In the order of the document.",
      schema: pageOf(
        z.object({
          id: z.string(),
          method: z.string(),
          path: z.string(),
          summary: z.string().optional(),
          tags: z.array(z.string()),
          isDeprecated: z.boolean(),
          isHidden: z.boolean(),
          protect: z.array(z.enum(["key", "jwt"])).describe("Any one of these suffices; empty: open."),
          backend: z.string().optional(),
          hasPolicy: z.boolean(),
        }),
      ),
    },
  },
  refusals: [404],
  run: async ({ tools, params, query }) => {
    const { resources } = await tools.configuration.read();
    const api = findIn(resources, "api", params.name)?.resource;
    if (api?.document === undefined) throw notFound("API", params.name);
    const policies = findIn(resources, "api-policy", params.name)?.resource.body.operations ?? {};
    const operations = operationsOf(await tools.documents.documentOf(tools.db, api.document)).map(
      (operation, index) => ({
        operation,
        index,
      }),
    );
    const after = numberPlaceOf(query);
    const limit = limitOf(query);
    const rows = operations.filter(({ index }) => after === undefined || index > after).slice(0, limit + 1);
    const json = pageJson(
      rows,
      limit,
      ({ index }) => String(index),
      ({ operation }) => {
        const extras = api.body.operations?.[operation.id];
        return {
          id: operation.id,
          method: operation.method,
          path: operation.path,
          summary: operation.summary,
          tags: operation.tags,
          isDeprecated: operation.isDeprecated,
          isHidden: extras?.hidden === true,
          protect: protectionsOf(extras?.protect ?? api.body.protect),
          backend: extras?.backend ?? api.body.backend,
          hasPolicy: Object.hasOwn(policies, operation.id),
        };
      },
    );
    return { status: 200, json };
  },
});
