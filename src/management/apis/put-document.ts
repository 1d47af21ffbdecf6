import { withReferredFilesOnly } from "../../openapi/external-references.ts";
import { readDocument } from "../../openapi/read-document.ts";
import { readOptions } from "../documents.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { refuse } from "../refuse.ts";
import { nameParamsSchema, notFound } from "../resources/collection.ts";
import { withFiles } from "./import-api.ts";
import { importDocument, readyDocument } from "./import-document.ts";
import { importPlanSchema, importPlanView } from "./import-plan-view.ts";
import { documentMediaTypes } from "./media-type.ts";

/** Replaces an API's document by the bytes of the body: a re-import as one atomic swap. */
export const putDocument: Operation = defineOperation({
  id: "putDocument",
  method: "PUT",
  path: "/apis/{name}/document",
  tag: "APIs",
  summary: "Replace an API's document",
  description:
    "The body is the document itself. `If-Match` compares with the entity tag of the document. Files that its references lead to are those that came with the document before, or are fetched.",
  access: "apis.write",
  params: nameParamsSchema,
  bytesBody: { mediaTypes: [...documentMediaTypes, ""], description: "The document in JSON or YAML." },
  bodyBytesMax: 32 * 1024 * 1024,
  answers: { 200: { description: "What the re-import changed.", schema: importPlanSchema } },
  refusals: [404, 409, 412, 413, 415, 422],
  run: async (call) => {
    const { tools, params, bytes } = call;
    const known = (await tools.configuration.read()).resources.get(`api/${params.name}`)?.resource.document;
    if (known === undefined) throw notFound("API", params.name);
    const { files } = await tools.documents.bytesOf(tools.db, known.hash);
    const read = readDocument(bytes, readOptions(known.fileName, files));
    const whole = withReferredFilesOnly(await withFiles(tools, read, call.signal));
    const ready = readyDocument(bytes, whole, undefined);
    return call.change(async (change) => {
      const current = change.find("api", params.name)?.resource;
      if (current?.document === undefined) throw notFound("API", params.name);
      matchDocument(call.headers, current.document.hash);
      const outcome = await importDocument(tools, change, params.name, current.body, ready);
      return { status: 200, json: importPlanView(outcome, ready, call.isDryRun ? undefined : outcome.revision) };
    });
  },
});

const matchDocument = (headers: Headers, hash: string): void => {
  const ifMatch = headers.get("if-match")?.trim();
  if (ifMatch === undefined || ifMatch === "*" || ifMatch.includes(`"${hash}"`)) return;
  throw refuse(
    "precondition.failed",
    "Somebody replaced the document since you read it. Read it again, then repeat your change.",
  );
};
