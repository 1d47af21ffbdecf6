import { findIn } from "../change.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { nameParamsSchema, notFound } from "../resources/collection.ts";
import { mediaTypeOf } from "./media-type.ts";

/** The document of an API, byte for byte as it came. */
export const getDocument: Operation = defineOperation({
  id: "getDocument",
  method: "GET",
  path: "/apis/{name}/document",
  tag: "APIs",
  summary: "Read an API's document, byte for byte",
  access: "apis.read",
  params: nameParamsSchema,
  answers: {
    200: { description: "The bytes as they were imported.", mediaTypes: ["application/json", "application/yaml"] },
  },
  refusals: [404],
  run: async ({ tools, params }) => {
    const { resources } = await tools.configuration.read();
    const document = findIn(resources, "api", params.name)?.resource.document;
    if (document === undefined) throw notFound("API", params.name);
    const { bytes } = await tools.documents.bytesOf(tools.db, document.hash);
    return {
      status: 200,
      bytes: { mediaType: mediaTypeOf(document.fileName), content: bytes },
      headers: {
        ETag: `"${document.hash}"`,
        "Content-Disposition": `attachment; filename="${document.fileName}"`,
        "X-Content-Type-Options": "nosniff",
      },
    };
  },
});
