import { entriesOf, isObject, isTrue, type Located, member, textOf } from "./json-value.ts";
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
import { follow } from "./reference.ts";

/** Reads an operation of OpenAPI 3.0, 3.1 or 3.2. */
export const readOpenApi3: ReadParts = (document, operation, pathItem) => ({
  parameters: mergedParameters(document, operation, pathItem).flatMap((at) => {
    const place = textOf(at.value, "in");
    return isPlace(place) ? [parameter(document, at, textOf(at.value, "name") ?? "", place)] : [];
  }),
  requestBody: requestBody(document, operation),
  responses: responseNodes(document, operation).map((response) => ({
    status: response.status,
    description: textOf(response.value, "description"),
    headers: entriesOf(member(response.value, "headers")).map(([name, value]) => {
      const end = follow(document, value, pointerTo(response.pointer, "headers", name));
      return parameter(document, end, name, "header");
    }),
    content: contentOf(document, response),
    pointer: response.pointer,
  })),
});

const places: ReadonlySet<string> = new Set(["path", "query", "header", "cookie", "querystring"]);
const isPlace = (text: string | undefined): text is ParameterPlace => text !== undefined && places.has(text);

const parameter = (document: OpenApiDocument, at: Located, name: string, place: ParameterPlace): Parameter => {
  const content = contentOf(document, at)[0];
  const schema = member(at.value, "schema");
  const explode = member(at.value, "explode");
  return {
    name,
    in: place,
    isRequired: place === "path" || isTrue(at.value, "required"),
    isDeprecated: isTrue(at.value, "deprecated"),
    description: textOf(at.value, "description"),
    style: textOf(at.value, "style"),
    explode: typeof explode === "boolean" ? explode : undefined,
    schema: schema === undefined ? content?.schema : { value: schema, pointer: pointerTo(at.pointer, "schema") },
    mediaType: schema === undefined ? content?.mediaType : undefined,
    examples: [...examplesOf(document, at), ...(content?.examples ?? [])],
    pointer: at.pointer,
  };
};

const requestBody = (document: OpenApiDocument, operation: Located): RequestBody | undefined => {
  const declared = member(operation.value, "requestBody");
  if (declared === undefined) return undefined;
  const end = follow(document, declared, pointerTo(operation.pointer, "requestBody"));
  if (!isObject(end.value)) return undefined;
  return {
    isRequired: isTrue(end.value, "required"),
    description: textOf(end.value, "description"),
    content: contentOf(document, end),
    pointer: end.pointer,
  };
};

const contentOf = (document: OpenApiDocument, holder: Located): readonly Content[] =>
  entriesOf(member(holder.value, "content")).map(([mediaType, value]) => {
    // Media types may be references from 3.2 on.
    const end = follow(document, value, pointerTo(holder.pointer, "content", mediaType));
    const isStream = member(end.value, "schema") === undefined && member(end.value, "itemSchema") !== undefined;
    const keyword = isStream ? "itemSchema" : "schema";
    const schema = member(end.value, keyword);
    return {
      mediaType,
      schema: schema === undefined ? undefined : { value: schema, pointer: pointerTo(end.pointer, keyword) },
      isStream,
      examples: examplesOf(document, end),
      pointer: end.pointer,
    };
  });

const examplesOf = (document: OpenApiDocument, holder: Located): readonly Example[] => {
  const found: Example[] = [];
  if (isObject(holder.value) && Object.hasOwn(holder.value, "example")) {
    found.push({ name: undefined, summary: undefined, value: member(holder.value, "example"), serialized: undefined });
  }
  for (const [name, value] of entriesOf(member(holder.value, "examples"))) {
    const end = follow(document, value, pointerTo(holder.pointer, "examples", name));
    if (!isObject(end.value)) continue;
    const valueName = ["dataValue", "value"].find((candidate) => member(end.value, candidate) !== undefined);
    const serialized = textOf(end.value, "serializedValue");
    // An `externalValue` stays where it is: nothing here reads the network.
    if (valueName === undefined && serialized === undefined && !Object.hasOwn(end.value, "value")) continue;
    found.push({
      name,
      summary: textOf(end.value, "summary"),
      value: member(end.value, valueName ?? "value"),
      serialized,
    });
  }
  return found;
};
