import { parse } from "yaml";
import { Fault } from "../base/fault.ts";

/** A document without some of its operations, as JSON: what hides an operation must not be undone by a download. */
export const publicDocument = (
  text: string,
  hidden: readonly { readonly method: string; readonly path: string }[],
): Response => {
  // JSON is YAML, but its own parser is a hundred times as fast.
  const document: unknown = text.trimStart().startsWith("{") ? JSON.parse(text) : parse(text, { maxAliasCount: 1000 });
  const paths = isRecord(document) ? document.paths : undefined;
  if (!isRecord(document) || !isRecord(paths)) {
    throw new Fault("portal.fault", { public: "The document could not be read.", internal: "no paths in a document" });
  }
  const kept = Object.fromEntries(
    Object.entries(paths).map(([path, item]) => [path, withoutMethods(path, item, hidden)]),
  );
  return new Response(JSON.stringify({ ...document, paths: kept }, null, 2), {
    headers: { "content-type": "application/json" },
  });
};

const withoutMethods = (
  path: string,
  item: unknown,
  hidden: readonly { readonly method: string; readonly path: string }[],
): unknown => {
  const methods = new Set(hidden.filter((entry) => entry.path === path).map((entry) => entry.method.toUpperCase()));
  if (methods.size === 0 || !isRecord(item)) return item;
  const isKept = ([name]: readonly [string, unknown]): boolean => !methods.has(name.toUpperCase());
  const more = item.additionalOperations;
  const rest = Object.fromEntries(Object.entries(item).filter(isKept));
  return isRecord(more)
    ? { ...rest, additionalOperations: Object.fromEntries(Object.entries(more).filter(isKept)) }
    : rest;
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === "object" && !Array.isArray(value);
