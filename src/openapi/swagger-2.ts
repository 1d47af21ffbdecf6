import { entriesOf, isObject, isTrue, type Located, member, textOf, textsOf } from "./json-value.ts";
import {
  type Content,
  type Example,
  mergedParameters,
  type Parameter,
  type ParameterPlace,
  type ReadParts,
  type RequestBody,
  responseNodes,
} from "./operation-parts.ts";
import { pointerTo } from "./pointer.ts";
import type { OpenApiDocument } from "./read-document.ts";

/** Reads an operation of OpenAPI 2.0 into the parts that 3.x has: body and form parameters become a request body. */
export const readSwagger2: ReadParts = (document, operation, pathItem) => {
  const parameters = mergedParameters(document, operation, pathItem);
  return {
    parameters: parameters.flatMap((at) => {
      const place = places.get(textOf(at.value, "in") ?? "");
      return place === undefined ? [] : [parameter(at, textOf(at.value, "name") ?? "", place)];
    }),
    requestBody: bodyOf(document, operation, parameters) ?? formOf(document, operation, parameters),
    responses: responseNodes(document, operation).map((response) => ({
      status: response.status,
      description: textOf(response.value, "description"),
      headers: entriesOf(member(response.value, "headers")).map(([name, value]) =>
        parameter({ value, pointer: pointerTo(response.pointer, "headers", name) }, name, "header"),
      ),
      content: responseContent(document, operation, response),
      pointer: response.pointer,
    })),
  };
};

const places: ReadonlyMap<string, ParameterPlace> = new Map([
  ["path", "path"],
  ["query", "query"],
  ["header", "header"],
]);

// The type keywords of a 2.0 parameter stand in the parameter itself, which therefore is its own schema.
const parameter = (at: Located, name: string, place: ParameterPlace): Parameter => ({
  name,
  in: place,
  isRequired: place === "path" || isTrue(at.value, "required"),
  isDeprecated: isTrue(at.value, "x-deprecated"),
  description: textOf(at.value, "description"),
  ...(collections.get(textOf(at.value, "collectionFormat") ?? "") ?? { style: undefined, explode: undefined }),
  schema: at,
  mediaType: undefined,
  examples: [],
  pointer: at.pointer,
});

const collections: ReadonlyMap<string, { readonly style: string; readonly explode: boolean }> = new Map([
  ["csv", { style: "form", explode: false }],
  ["ssv", { style: "spaceDelimited", explode: false }],
  ["pipes", { style: "pipeDelimited", explode: false }],
  ["multi", { style: "form", explode: true }],
]);

const bodyOf = (
  document: OpenApiDocument,
  operation: Located,
  parameters: readonly Located[],
): RequestBody | undefined => {
  const body = parameters.find((at) => textOf(at.value, "in") === "body");
  if (body === undefined) return undefined;
  const schema = member(body.value, "schema");
  return {
    isRequired: isTrue(body.value, "required"),
    description: textOf(body.value, "description"),
    content: mediaTypes(document, operation, "consumes").map((mediaType) => ({
      mediaType,
      schema: schema === undefined ? undefined : { value: schema, pointer: pointerTo(body.pointer, "schema") },
      isStream: false,
      examples: [],
      pointer: body.pointer,
    })),
    pointer: body.pointer,
  };
};

const formOf = (
  document: OpenApiDocument,
  operation: Located,
  parameters: readonly Located[],
): RequestBody | undefined => {
  const fields = parameters.filter((at) => textOf(at.value, "in") === "formData");
  if (fields.length === 0) return undefined;
  const properties: Record<string, unknown> = Object.create(null);
  const required: string[] = [];
  for (const field of fields) {
    const name = textOf(field.value, "name") ?? "";
    properties[name] = withoutRequired(field.value);
    if (isTrue(field.value, "required")) required.push(name);
  }
  const pointer = pointerTo(operation.pointer, "parameters");
  const hasFile = fields.some((field) => textOf(field.value, "type") === "file");
  const declared = mediaTypes(document, operation, "consumes").filter((type) => /form/.test(type));
  const types =
    declared.length > 0 ? declared : [hasFile ? "multipart/form-data" : "application/x-www-form-urlencoded"];
  const schema: Located = { value: { type: "object", properties, required }, pointer };
  return {
    isRequired: required.length > 0,
    description: undefined,
    content: types.map((mediaType) => ({ mediaType, schema, isStream: false, examples: [], pointer })),
    pointer,
  };
};

const withoutRequired = (value: unknown): unknown => {
  if (!isObject(value)) return value;
  const { required: _, ...rest } = value;
  return rest;
};

const responseContent = (document: OpenApiDocument, operation: Located, response: Located): readonly Content[] => {
  const schema = member(response.value, "schema");
  const examples = member(response.value, "examples");
  const given = entriesOf(examples);
  if (schema === undefined && given.length === 0) return [];
  const produced = mediaTypes(document, operation, "produces");
  const types = [...new Set([...produced, ...given.map(([type]) => type)])];
  return types.map((mediaType) => ({
    mediaType,
    // An example of a type that is not produced by declaration says nothing about the schema.
    schema:
      schema === undefined || !produced.includes(mediaType)
        ? undefined
        : { value: schema, pointer: pointerTo(response.pointer, "schema") },
    isStream: false,
    examples: given.filter(([type]) => type === mediaType).map(([, value]) => exampleOf(value)),
    pointer: response.pointer,
  }));
};

const exampleOf = (value: unknown): Example => ({ name: undefined, summary: undefined, value, serialized: undefined });

const mediaTypes = (
  document: OpenApiDocument,
  operation: Located,
  name: "consumes" | "produces",
): readonly string[] => {
  const declared = Array.isArray(member(operation.value, name)) ? operation.value : document.root;
  const types = textsOf(declared, name);
  return types.length > 0 ? types : ["application/json"];
};
