import { z } from "zod";
import { listVersions } from "../../store/repositories/resources.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { limitOf, numberPlaceOf, pageJson, pageOf, pageQuerySchema } from "../paging.ts";
import { nameParamsSchema } from "../resources/collection.ts";

/** The revisions in which an API changed, the newest first. */
export const listApiRevisions: Operation = defineOperation({
  id: "listApiRevisions",
  method: "GET",
  path: "/apis/{name}/revisions",
  tag: "APIs",
  summary: "List the revisions in which an API changed",
  description: "Also of an API that is deleted. `GET /revisions/{number}` tells who made each of them.",
  access: "apis.read",
  params: nameParamsSchema,
  query: pageQuerySchema,
  answers: {
    200: {
      description: "The newest first.",
      schema: pageOf(
        z.object({
          revision: z.int(),
          isDeleted: z.boolean(),
          document: z.object({ fileName: z.string(), hash: z.string() }).optional(),
        }),
      ),
    },
  },
  run: async ({ tools, params, query }) => {
    const limit = limitOf(query);
    const rows = await listVersions(tools.db, "api", params.name, { before: numberPlaceOf(query), limit: limit + 1 });
    const json = pageJson(
      rows,
      limit,
      (row) => String(row.revision),
      (row) => ({
        revision: row.revision,
        isDeleted: row.stored === undefined,
        document: row.stored?.resource.document,
      }),
    );
    return { status: 200, json };
  },
});
