import type { Operation } from "../model/operation.ts";
import {
  entriesOf,
  extensionsOf,
  isObject,
  isTrue,
  type JsonObject,
  type Located,
  member,
  textOf,
  textsOf,
} from "./json-value.ts";
import { readOpenApi3 } from "./openapi-3.ts";
import { operationIds } from "./operation-id.ts";
import { type OperationParts, type Parameter, type Security, type Server, securityOf } from "./operation-parts.ts";
import { parsePathTemplate } from "./path-template.ts";
import { pointerTo } from "./pointer.ts";
import type { OpenApiDocument } from "./read-document.ts";
import { follow } from "./reference.ts";
import { serversIn, serversOf } from "./servers.ts";
import { readSwagger2 } from "./swagger-2.ts";

/** An operation as its document describes it: references followed, path-level parts merged in; schemas stay where they are. */
export interface DocumentOperation extends OperationParts {
  /** Stable over re-imports: see `operationIds`. */
  readonly id: string;
  /** As the document has it. */
  readonly operationId: string | undefined;
  /** In capitals, but for methods under `additionalOperations`, which are as written. */
  readonly method: string;
  readonly path: string;
  readonly summary: string | undefined;
  readonly description: string | undefined;
  readonly tags: readonly string[];
  readonly isDeprecated: boolean;
  readonly security: Security;
  /** The operation's own, else the path's, else the document's. */
  readonly servers: readonly Server[];
  readonly extensions: JsonObject;
  readonly pointer: string;
}

/** Where an operation stands, before anything in it is read. */
export interface OperationPlace {
  readonly method: string;
  readonly path: string;
  readonly operation: Located;
  readonly pathItem: Located;
}

/** RFC 9110 section 9.1: a method is a token. */
export const methodPattern: RegExp = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** The methods that are fixed fields of a path item. */
const pathItemMethods = ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"] as const;

/**
 * The operations that a gateway can serve, in document order; webhooks and callbacks are none. Paths with problems (see the
 * lint) and methods that no gateway answers are left out. Remembered for as long as the document lives.
 */
export const operationsOf = (document: OpenApiDocument): readonly DocumentOperation[] => {
  const known = operations.get(document);
  if (known !== undefined) return known;
  const made = readOperations(document);
  operations.set(document, made);
  return made;
};

/** One operation by its id. */
export const operationOf = (document: OpenApiDocument, id: string): DocumentOperation | undefined =>
  operationsOf(document).find((operation) => operation.id === id);

/** What the data plane is told of an operation. */
export const toOperation = (operation: DocumentOperation): Operation => ({
  id: operation.id,
  method: operation.method,
  path: operation.path,
  ...(operation.summary === undefined ? {} : { summary: operation.summary }),
  ...(operation.isDeprecated ? { deprecated: true } : {}),
});

const operations = new WeakMap<OpenApiDocument, readonly DocumentOperation[]>();

/** Every place under `paths` where an operation stands, also on paths with problems. */
export const operationPlaces = (document: OpenApiDocument): readonly OperationPlace[] => {
  const places: OperationPlace[] = [];
  for (const [path, value] of entriesOf(member(document.root, "paths"))) {
    if (path.startsWith("x-")) continue;
    const seen = new Set<string>();
    for (const pathItem of pathItems(document, value, pointerTo("/paths", path))) {
      for (const [method, at] of operationsIn(document, pathItem)) {
        if (seen.has(method)) continue;
        seen.add(method);
        places.push({ method, path, operation: at, pathItem });
      }
    }
  }
  return places;
};

/** False for what no gateway answers: a tunnel, and an echo of what came, credentials included. */
export const isMethodServed = (method: string): boolean => !/^(?:TRACE|CONNECT|TRACK)$/.test(method);

/** False for what the lint says is not served. */
const isServed = ({ method, path }: OperationPlace): boolean =>
  isMethodServed(method) && parsePathTemplate(path).problems.length === 0;

const readOperations = (document: OpenApiDocument): readonly DocumentOperation[] => {
  const read = document.version === "2.0" ? readSwagger2 : readOpenApi3;
  const places = operationPlaces(document).filter(isServed);
  const documentServers = serversOf(document);
  const ids = operationIds(
    places.map((place) => ({
      method: place.method,
      path: place.path,
      operationId: textOf(place.operation.value, "operationId"),
    })),
  );
  return places.map(({ method, path, operation, pathItem }, index) => {
    const own = serversIn(operation.value, operation.pointer);
    const ofPath = own.length > 0 ? own : serversIn(pathItem.value, pathItem.pointer);
    return {
      id: ids[index] ?? "",
      operationId: textOf(operation.value, "operationId"),
      method,
      path,
      summary: textOf(operation.value, "summary") ?? textOf(pathItem.value, "summary"),
      description: textOf(operation.value, "description") ?? textOf(pathItem.value, "description"),
      tags: textsOf(operation.value, "tags"),
      isDeprecated: isTrue(operation.value, "deprecated"),
      security: securityOf(document.root, operation.value),
      servers: ofPath.length > 0 ? ofPath : documentServers,
      extensions: extensionsOf(operation.value),
      pointer: operation.pointer,
      ...withPathParameters(path, operation.pointer, read(document, operation, pathItem)),
    };
  });
};

// A name between braces is a parameter, declared or not (the lint says so where it is not).
const withPathParameters = (path: string, pointer: string, parts: OperationParts): OperationParts => {
  const declared = new Set(parts.parameters.filter(({ in: place }) => place === "path").map(({ name }) => name));
  const missing = parsePathTemplate(path).names.filter((name) => !declared.has(name));
  if (missing.length === 0) return parts;
  return { ...parts, parameters: [...missing.map((name) => undeclared(name, pointer)), ...parts.parameters] };
};

const undeclared = (name: string, pointer: string): Parameter => ({
  name,
  in: "path",
  isRequired: true,
  isDeprecated: false,
  description: undefined,
  style: undefined,
  explode: undefined,
  schema: undefined,
  mediaType: undefined,
  examples: [],
  pointer,
});

/** A path item may be a reference with operations beside it (3.1): both count, what stands beside it first. */
export const pathItems = (document: OpenApiDocument, value: unknown, pointer: string): readonly Located[] => {
  const end = follow(document, value, pointer);
  return [...(end.beside ?? []), end].filter((at) => isObject(at.value));
};

const operationsIn = (document: OpenApiDocument, pathItem: Located): readonly (readonly [string, Located])[] => {
  const found: (readonly [string, Located])[] = [];
  const allowed: readonly string[] = methodsOf(document);
  for (const [name, value] of entriesOf(pathItem.value)) {
    if (allowed.includes(name) && isObject(value)) {
      found.push([name.toUpperCase(), { value, pointer: pointerTo(pathItem.pointer, name) }]);
    }
    if (name === "additionalOperations" && document.version === "3.2") {
      for (const [method, operation] of entriesOf(value)) {
        if (isObject(operation) && methodPattern.test(method)) {
          found.push([method, { value: operation, pointer: pointerTo(pathItem.pointer, name, method) }]);
        }
      }
    }
  }
  return found;
};

/** The methods that a path item may have as fixed fields in the document's version. */
const methodsOf = (document: OpenApiDocument): readonly string[] => {
  if (document.version === "3.2") return pathItemMethods;
  return pathItemMethods.filter((method) => method !== "query" && (method !== "trace" || document.version !== "2.0"));
};
