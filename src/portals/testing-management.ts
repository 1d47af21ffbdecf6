import { readFileSync } from "node:fs";
import { describeOperation } from "../openapi/describe-operation.ts";
import { outlineOf } from "../openapi/outline.ts";
import { type OpenApiDocument, readDocument } from "../openapi/read-document.ts";
import type { Management } from "./management-call.ts";

/** An API of a test: what its file says, and the file with its document. */
export interface TestingApi {
  readonly body: Readonly<Record<string, unknown>> & { readonly name: string };
  readonly file: string;
}

/** The management API's reading part over documents in files, with the real readers of the room `openapi`. */
export const testingManagement = (apis: readonly TestingApi[]): Management => {
  const documents = new Map<string, { readonly bytes: Uint8Array<ArrayBuffer>; readonly document: OpenApiDocument }>();
  const documentOf = (api: TestingApi) => {
    const known = documents.get(api.body.name);
    if (known !== undefined) return known;
    const bytes = new Uint8Array(readFileSync(api.file));
    const made = { bytes, document: readDocument(bytes, { name: api.file }) };
    documents.set(api.body.name, made);
    return made;
  };
  const json = (value: unknown): Response =>
    value === undefined ? new Response("{}", { status: 404 }) : Response.json(value);

  return async (request) => {
    const [, name, part, id] = new URL(request.url).pathname.replace("/api/v1/", "").split("/").map(decodeURIComponent);
    if (name === undefined) return json({ items: apis.map((api) => api.body) });
    const api = apis.find((one) => one.body.name === name);
    if (api === undefined) return json(undefined);
    if (part === undefined) return json(api.body);
    const { bytes, document } = documentOf(api);
    if (part === "outline") return json(outlineOf(document));
    if (part === "operations" && id !== undefined) return json(describeOperation(document, id));
    if (part === "document") {
      const type = /\.ya?ml$/.test(api.file) ? "application/yaml" : "application/json";
      return new Response(bytes, { headers: { "content-type": type } });
    }
    return json(undefined);
  };
};
