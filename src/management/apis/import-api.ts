import { z } from "zod";
import { apiSchema, basePathSchema } from "../../model/api.ts";
import { nameLengthMax, nameSchema } from "../../model/names.ts";
import { missingFiles, resolveExternal } from "../../openapi/external-references.ts";
import { urlFetcher } from "../../openapi/fetch-document.ts";
import { member, textOf } from "../../openapi/json-value.ts";
import { type OpenApiDocument, readDocument } from "../../openapi/read-document.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { checkBody } from "../parse-request.ts";
import { refuse } from "../refuse.ts";
import type { ManagementTools } from "../tools.ts";
import { importDocument, type ReadyDocument, readyDocument } from "./import-document.ts";
import { importPlanSchema, importPlanView } from "./import-plan-view.ts";

const documentBytesMax = 32 * 1024 * 1024;

const givenDocumentSchema = z.strictObject({
  fileName: z.string().min(1).max(500).describe("As the sender knows it; findings name it."),
  contentBase64: z.base64(),
  externals: z
    .record(z.string().max(2000), z.string())
    .optional()
    .describe("Texts of the files that references lead to, by the names under which they are found from `place`."),
  place: z
    .string()
    .max(2000)
    .regex(/^(?:https?|document):\/\//)
    .optional()
    .describe("URL that relative references start from; `document:///NAME` for a file called so."),
});

const importBodySchema = z
  .strictObject({
    name: nameSchema.optional().describe("Derived from the title where it is absent. An existing name is a re-import."),
    path: basePathSchema.optional().describe("`/NAME` where it is absent."),
    title: apiSchema.shape.title,
    protect: apiSchema.shape.protect,
    backend: apiSchema.shape.backend,
    products: apiSchema.shape.products,
    document: z.union([givenDocumentSchema, z.strictObject({ url: z.url({ protocol: /^https?$/ }).max(2000) })]),
    dryRun: z.boolean().optional().describe("Answers the plan and changes nothing."),
  })
  .meta({ id: "ImportRequest" });

/** Imports an OpenAPI document: as a new API, or over the one there is, as one atomic swap. */
export const importApi: Operation = defineOperation({
  id: "importApi",
  method: "POST",
  path: "/apis:import",
  tag: "APIs",
  summary: "Import an OpenAPI document",
  description:
    "OpenAPI 2.0, 3.0, 3.1 or 3.2 in JSON or YAML, as bytes or by URL. The bytes are kept as they came. Policies of an operation whose id changes move with it; those of operations that are gone go too, and `affects` names them.",
  access: "apis.write",
  body: importBodySchema,
  bodyBytesMax: documentBytesMax * 1.4 + 1_000_000,
  answers: {
    200: { description: "Re-imported, or the plan of a dry run.", schema: importPlanSchema },
    201: { description: "Imported as a new API.", schema: importPlanSchema },
  },
  refusals: [409, 413, 415, 422],
  run: async (call) => {
    const { tools, body } = call;
    const ready =
      "url" in body.document
        ? await fetched(tools, body.document.url, call.signal)
        : await given(tools, body.document, call.signal);
    const name = body.name ?? nameOf(ready.document);
    const isDryRun = call.isDryRun || body.dryRun === true;
    return call.change(
      async (change) => {
        const before = change.find("api", name)?.resource.body;
        const { title, protect, backend, products } = body;
        const api = withoutUndefined({
          ...(before ?? { title: textOf(member(ready.document.root, "info"), "title")?.slice(0, 200) }),
          path: body.path ?? before?.path ?? `/${name}`,
          ...withoutUndefined({ title, protect, backend, products }),
        });
        const outcome = await importDocument(tools, change, name, checkBody(apiSchema, api), ready);
        const json = importPlanView(outcome, ready, isDryRun ? undefined : outcome.revision);
        return { status: outcome.isNew && !isDryRun ? 201 : 200, json, headers: { Location: `/api/v1/apis/${name}` } };
      },
      { isDryRun },
    );
  },
});

const given = async (
  tools: ManagementTools,
  document: z.output<typeof givenDocumentSchema>,
  signal: AbortSignal,
): Promise<ReadyDocument> => {
  const bytes = Buffer.from(document.contentBase64, "base64");
  if (bytes.length > documentBytesMax) throw refuse("body.too_large", `A document may have ${documentBytesMax} bytes.`);
  const { fileName: name, externals = {}, place } = document;
  const read = readDocument(bytes, { name, externals, ...(place === undefined ? {} : { uri: place }) });
  return readyDocument(bytes, await withFiles(tools, read, signal), name);
};

const fetched = async (tools: ManagementTools, url: string, signal: AbortSignal): Promise<ReadyDocument> => {
  const { bytes, uri } = await urlFetcher({ allowPrivate: tools.mayFetchPrivate })(url, {
    bytesMax: documentBytesMax,
    signal,
  });
  const fileName = new URL(uri).pathname.split("/").at(-1) || "document";
  const read = readDocument(bytes, { name: fileName, uri });
  return readyDocument(bytes, await withFiles(tools, read, signal), fileName);
};

/** The document with all files that it refers to. Refused where one cannot be had: its operations would be missing without a word. */
export const withFiles = async (
  tools: ManagementTools,
  document: OpenApiDocument,
  signal: AbortSignal,
): Promise<OpenApiDocument> => {
  if (missingFiles(document).length === 0) return document;
  return resolveExternal(document, urlFetcher({ allowPrivate: tools.mayFetchPrivate }), undefined, signal);
};

const withoutUndefined = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

const nameOf = (document: OpenApiDocument): string => {
  const title = textOf(member(document.root, "info"), "title") ?? document.name.replace(/\.(json|ya?ml)$/i, "");
  const name = title
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, nameLengthMax)
    .replace(/-+$/, "");
  return name === "" ? "api" : name;
};
