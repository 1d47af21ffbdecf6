import { z } from "zod";
import { outlineOf } from "../../openapi/outline.ts";
import { findIn } from "../change.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { nameParamsSchema, notFound } from "../resources/collection.ts";

/** The head of an API's document and its operations by tag: what a navigation needs. */
export const getOutline: Operation = defineOperation({
  id: "getOutline",
  method: "GET",
  path: "/apis/{name}/outline",
  tag: "APIs",
  summary: "Outline an API's document",
  access: "apis.read",
  params: nameParamsSchema,
  hasEtag: true,
  answers: {
    200: {
      description: "The document's head, and its operations by tag.",
      schema: z
        .looseObject({
          openapi: z.string(),
          title: z.string(),
          apiVersion: z.string().optional(),
          description: z.string().optional(),
          tags: z.array(
            z.looseObject({
              name: z.string(),
              operations: z.array(
                z.object({
                  id: z.string(),
                  method: z.string(),
                  path: z.string(),
                  summary: z.string().optional(),
                  isDeprecated: z.boolean(),
                }),
              ),
            }),
          ),
          operationCount: z.int(),
        })
        .meta({ id: "Outline" }),
    },
  },
  refusals: [404],
  run: async ({ tools, params }) => {
    const { resources } = await tools.configuration.read();
    const document = findIn(resources, "api", params.name)?.resource.document;
    if (document === undefined) throw notFound("API", params.name);
    return { status: 200, json: outlineOf(await tools.documents.documentOf(tools.db, document)) };
  },
});
