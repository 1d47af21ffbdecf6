import { upgrade } from "@scalar/openapi-upgrader";
import { isObject, type JsonObject, type Located, member, textOf } from "./json-value.ts";
import { operationOf, operationPlaces } from "./operations.ts";
import { pointerTo, splitPlace, tokensOf, valueAt } from "./pointer.ts";
import type { OpenApiDocument } from "./read-document.ts";
import { fileOfReference, follow, refOf, uriOfExternal } from "./reference.ts";
import { serversOf } from "./servers.ts";

/**
 * A complete document of one operation alone, for tools that take OpenAPI: OpenAPI 3.1 (3.2 stays 3.2, which has more methods),
 * with only the components that the operation leads to. Undefined where there is no such operation.
 */
export const operationDocument = (document: OpenApiDocument, operationId: string): JsonObject | undefined => {
  const operation = operationOf(document, operationId);
  const place = operationPlaces(document).find((candidate) => candidate.operation.pointer === operation?.pointer);
  if (operation === undefined || place === undefined) return undefined;
  const root: Record<string, unknown> = {};
  const taken = new Set<string>();
  const waiting: Located[] = [];
  const copy = (at: Located): unknown => {
    const { value, pointer } = at;
    if (Array.isArray(value))
      return value.map((item, index) => copy({ value: item, pointer: pointerTo(pointer, index) }));
    if (!isObject(value)) return value;
    const copied: Record<string, unknown> = {};
    for (const name in value) set(copied, name, copy({ value: value[name], pointer: pointerTo(pointer, name) }));
    const ref = refOf(value);
    if (ref !== undefined) copied.$ref = keep(document, ref, at, taken, waiting);
    return copied;
  };
  // Parameters are put in place: the upgrader does not see that a reference leads to a body of 2.0.
  const parameters = (holder: Located): unknown => {
    const listed = member(holder.value, "parameters");
    if (!Array.isArray(listed)) return undefined;
    return listed.map((item, index) => copy(follow(document, item, pointerTo(holder.pointer, "parameters", index))));
  };
  for (const name of ["openapi", "swagger", "host", "basePath", "schemes", "consumes", "produces", "security"]) {
    const value = member(document.root, name);
    if (value !== undefined) root[name] = value;
  }
  const info = member(document.root, "info");
  root.info = { title: textOf(info, "title") ?? document.name, version: textOf(info, "version") ?? "" };
  if (document.version !== "2.0") root.servers = serversOf(document).map(({ url }) => ({ url }));
  const copied = copy(place.operation);
  const own = parameters(place.operation);
  const described = isObject(copied) ? { ...copied, ...(own === undefined ? {} : { parameters: own }) } : copied;
  const shared = parameters(place.pathItem);
  const field = methodField(place.operation.pointer, described);
  root.paths = { [place.path]: { ...(shared === undefined ? {} : { parameters: shared }), ...field } };
  copySchemes(document, root);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) put(root, next.pointer, copy(next));
  return document.version === "3.2" ? root : { ...upgrade(root, "3.1") };
};

const methodField = (pointer: string, described: unknown): JsonObject => {
  const tokens = tokensOf(splitPlace(pointer).pointer);
  const name = tokens.at(-1) ?? "";
  return tokens.at(-2) === "additionalOperations"
    ? { additionalOperations: { [name]: described } }
    : { [name]: described };
};

const copySchemes = (document: OpenApiDocument, root: Record<string, unknown>): void => {
  const pointer = document.version === "2.0" ? "/securityDefinitions" : "/components/securitySchemes";
  const schemes =
    document.version === "2.0"
      ? member(document.root, "securityDefinitions")
      : member(member(document.root, "components"), "securitySchemes");
  if (schemes !== undefined) put(root, pointer, structuredClone(schemes));
};

/** The reference as it stands in the copy; the component that it leads to or into is noted to be copied as well. */
const keep = (document: OpenApiDocument, ref: string, at: Located, taken: Set<string>, waiting: Located[]): string => {
  const { file, fragment } = fileOfReference(document, ref, at.pointer);
  // Other files stay where they are, under their whole address.
  if (file !== undefined) return `${uriOfExternal(document, file)}#${fragment}`;
  const target = follow(document, { $ref: ref }, at.pointer);
  const pointer = fragment.startsWith("/") ? decode(fragment) : target.pointer;
  // Only what lies in a place for shared things can be copied there; a reference into another path leads into nothing.
  const holder = /^\/(?:components\/[^/]+|definitions|parameters|responses)\/[^/]+/.exec(pointer)?.[0];
  if (target.broken !== undefined || holder === undefined) return ref;
  if (!taken.has(holder)) {
    taken.add(holder);
    waiting.push({ value: valueAt(document.root, holder), pointer: holder });
  }
  return fragment.startsWith("/") ? `#${fragment}` : `#${pointer}`;
};

const decode = (fragment: string): string => {
  try {
    return decodeURIComponent(fragment);
  } catch {
    // A broken reference stays as it is.
    return "";
  }
};

const put = (root: Record<string, unknown>, pointer: string, value: unknown): void => {
  const tokens = tokensOf(pointer);
  let holder = root;
  for (const token of tokens.slice(0, -1)) {
    const below = Object.hasOwn(holder, token) ? holder[token] : undefined;
    const next: Record<string, unknown> = isRecord(below) ? below : {};
    set(holder, token, next);
    holder = next;
  }
  set(holder, tokens.at(-1) ?? "", value);
};

const isRecord = (value: unknown): value is Record<string, unknown> => isObject(value);

// Assigning to `__proto__` would set the prototype instead.
const set = (target: Record<string, unknown>, name: string, value: unknown): void => {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
};
