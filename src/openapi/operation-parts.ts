import { entriesOf, isObject, type JsonObject, type Located, member, textOf, textsOf } from "./json-value.ts";
import { pointerTo } from "./pointer.ts";
import type { OpenApiDocument } from "./read-document.ts";
import { follow } from "./reference.ts";

/** Where a parameter stands in a request. `querystring` (3.2) is the whole query as one value. */
export type ParameterPlace = "path" | "query" | "header" | "cookie" | "querystring";

/** An example that the document gives, its value in place. */
export interface Example {
  readonly name: string | undefined;
  readonly summary: string | undefined;
  readonly value: unknown;
  /** 3.2's `serializedValue`: the text as it goes over the wire. */
  readonly serialized: string | undefined;
}

/** One parameter or header. */
export interface Parameter {
  readonly name: string;
  readonly in: ParameterPlace;
  readonly isRequired: boolean;
  readonly isDeprecated: boolean;
  readonly description: string | undefined;
  readonly style: string | undefined;
  readonly explode: boolean | undefined;
  readonly schema: Located | undefined;
  /** The media type, where the value is serialised by one. */
  readonly mediaType: string | undefined;
  readonly examples: readonly Example[];
  readonly pointer: string;
}

/** A body in one media type. */
export interface Content {
  readonly mediaType: string;
  readonly schema: Located | undefined;
  /** Whether the schema describes one item of a stream (3.2's `itemSchema`). */
  readonly isStream: boolean;
  readonly examples: readonly Example[];
  readonly pointer: string;
}

/** What an operation takes. */
export interface RequestBody {
  readonly isRequired: boolean;
  readonly description: string | undefined;
  readonly content: readonly Content[];
  readonly pointer: string;
}

/** What an operation answers. */
export interface ResponsePart {
  /** `200`, a range `2XX`, or `default`. */
  readonly status: string;
  readonly description: string | undefined;
  readonly headers: readonly Parameter[];
  readonly content: readonly Content[];
  readonly pointer: string;
}

/** One security scheme that a requirement names, with its scopes. */
export interface RequiredScheme {
  readonly scheme: string;
  readonly scopes: readonly string[];
}

/** Alternatives, of which each needs all its schemes; an empty alternative is anonymous access, an empty list none at all. */
export type Security = readonly (readonly RequiredScheme[])[];

/** Base URLs of an operation or document, variables filled with their defaults. */
export interface Server {
  readonly url: string;
  readonly description: string | undefined;
  readonly pointer: string;
}

/** The whole of an operation but for its place and its id. */
export interface OperationParts {
  readonly parameters: readonly Parameter[];
  readonly requestBody: RequestBody | undefined;
  readonly responses: readonly ResponsePart[];
}

/** The parts that a version of OpenAPI reads in its own way. */
export type ReadParts = (document: OpenApiDocument, operation: Located, pathItem: Located) => OperationParts;

/** The parameters of a path item and of its operation, references followed; the operation's replace those of equal name and place. */
export const mergedParameters = (
  document: OpenApiDocument,
  operation: Located,
  pathItem: Located,
): readonly Located[] => {
  const merged = new Map<string, Located>();
  for (const holder of [pathItem, operation]) {
    const listed = member(holder.value, "parameters");
    if (!Array.isArray(listed)) continue;
    for (const [index, entry] of listed.entries()) {
      const end = follow(document, entry, pointerTo(holder.pointer, "parameters", index));
      const name = textOf(end.value, "name");
      const place = textOf(end.value, "in");
      if (name === undefined || place === undefined) continue;
      // Header names are case-insensitive (RFC 9110 section 5.1).
      const key = place === "header" ? name.toLowerCase() : name;
      merged.set(`${place} ${key}`, { value: end.value, pointer: end.pointer });
    }
  }
  return [...merged.values()];
};

/** The responses of an operation by status, references followed. */
export const responseNodes = (
  document: OpenApiDocument,
  operation: Located,
): readonly (Located & { readonly status: string })[] => {
  const at = pointerTo(operation.pointer, "responses");
  return entriesOf(member(operation.value, "responses"))
    .filter(([status]) => /^([1-5](\d\d|XX)|default)$/i.test(status))
    .map(([status, value]) => {
      const end = follow(document, value, pointerTo(at, status));
      return { status: /^\dxx$/i.test(status) ? status.toUpperCase() : status, value: end.value, pointer: end.pointer };
    });
};

/** The security that an operation asks for: its own, else the document's. */
export const securityOf = (root: JsonObject, operation: unknown): Security => {
  const declared = member(operation, "security") ?? member(root, "security");
  if (!Array.isArray(declared)) return [];
  return declared
    .filter(isObject)
    .map((alternative) => Object.keys(alternative).map((scheme) => ({ scheme, scopes: textsOf(alternative, scheme) })));
};
