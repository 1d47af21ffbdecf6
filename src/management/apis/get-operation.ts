import { z } from "zod";
import { nameSchema } from "../../model/names.ts";
import { describeOperation } from "../../openapi/describe-operation.ts";
import { findIn } from "../change.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { notFound } from "../resources/collection.ts";

/** One operation with parameters, bodies and answers, references resolved within bounds. */
export const getOperation: Operation = defineOperation({
  id: "getOperation",
  method: "GET",
  path: "/apis/{name}/operations/{operation}",
  tag: "APIs",
  summary: "Describe one operation of an API",
  access: "apis.read",
  params: z.object({ name: nameSchema, operation: z.string().min(1).max(500) }),
  hasEtag: true,
  answers: {
    200: {
      description: "Bounded in size: what is deeper is cut off and says so.",
      schema: z
        .looseObject({
          id: z.string(),
          method: z.string(),
          path: z.string(),
          summary: z.string().optional(),
          description: z.string().optional(),
          tags: z.array(z.string()),
          isDeprecated: z.boolean(),
          parameters: z.array(z.looseObject({ name: z.string(), in: z.string() })),
          responses: z.array(z.looseObject({ status: z.string() })),
        })
        .meta({ id: "DescribedOperation" }),
    },
  },
  refusals: [404],
  run: async ({ tools, params }) => {
    const { resources } = await tools.configuration.read();
    const document = findIn(resources, "api", params.name)?.resource.document;
    if (document === undefined) throw notFound("API", params.name);
    const described = describeOperation(await tools.documents.documentOf(tools.db, document), params.operation);
    if (described === undefined) throw notFound(`operation of the API '${params.name}' with the id`, params.operation);
    return { status: 200, json: described };
  },
});
