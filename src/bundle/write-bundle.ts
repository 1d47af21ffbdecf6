import { type Document, isCollection, parseDocument, stringify } from "yaml";
import { contentHash } from "../base/canonical-json.ts";
import { Fault } from "../base/fault.ts";
import { type Resource, resourceSchemas } from "../model/resource.ts";
import { documentPathOf, filePathOf } from "./bundle-paths.ts";
import { readYamlText } from "./yaml-text.ts";

/**
 * The files of a bundle that says what the resources say. A resource whose `source` still says what its body says gives that
 * text back byte for byte; one that was changed since keeps the comments of what did not change; one without a source is
 * written in a fixed order. Throws a Fault `document.missing` where a document's bytes are not among `documents`.
 */
export const writeBundle = (
  resources: readonly Resource[],
  documents: ReadonlyMap<string, Uint8Array>,
): ReadonlyMap<string, Uint8Array> => {
  const files = new Map<string, Uint8Array>();
  const encoder = new TextEncoder();
  for (const resource of resources) {
    files.set(filePathOf(resource.kind, resource.name), encoder.encode(textOf(resource)));
    if (resource.document === undefined) continue;
    const bytes = documents.get(resource.document.hash);
    if (bytes === undefined) {
      throw new Fault("document.missing", {
        public: `The document of the API '${resource.name}' is not in the store.`,
        internal: `hash ${resource.document.hash}`,
      });
    }
    files.set(documentPathOf(resource.name, resource.document.fileName), bytes);
  }
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
};

/** The text of a resource's file. */
export const textOf = (resource: Resource): string => {
  const body = ordered(resource);
  if (resource.source === undefined) return stringify(body, writing);
  const read = readYamlText(resource.source);
  if (read.mistakes.length > 0) return stringify(body, writing);
  const said = resourceSchemas[resource.kind].safeParse(read.value ?? {});
  if (said.success && contentHash(said.data) === contentHash(resource.body)) return resource.source;
  return edited(resource.source, read.value, body);
};

const writing = { lineWidth: 0, aliasDuplicateObjects: false } as const;

// The schema decides the order of the fields it knows; names that people chose are sorted. A database may have lost both.
const ordered = (resource: Resource): unknown => {
  const parsed = resourceSchemas[resource.kind].safeParse(sortedDeep(resource.body));
  return parsed.success ? parsed.data : sortedDeep(resource.body);
};

const sortedDeep = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sortedDeep);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, sortedDeep(member)]),
  );
};

/** The source with only those nodes replaced whose values differ, so that comments elsewhere stay. */
const edited = (source: string, before: unknown, after: unknown): string => {
  const tree = parseDocument(source, { merge: false, stringKeys: true });
  if (!isCollection(tree.contents)) return stringify(after, writing);
  change(tree, [], before, after);
  const text = tree.toString(writing);
  // An alias may have carried the change to a place that was not meant: then the plain form is the safe one.
  const said = readYamlText(text);
  return contentHash(said.value) === contentHash(after) ? text : stringify(after, writing);
};

const change = (tree: Document, path: readonly (string | number)[], before: unknown, after: unknown): void => {
  if (contentHash(before) === contentHash(after)) return;
  if (!isPlainObject(before) || !isPlainObject(after)) {
    tree.setIn(path, tree.createNode(after, { aliasDuplicateObjects: false }));
    return;
  }
  for (const name of Object.keys(before)) if (!Object.hasOwn(after, name)) tree.deleteIn([...path, name]);
  for (const [name, value] of Object.entries(after)) {
    if (Object.hasOwn(before, name)) change(tree, [...path, name], Reflect.get(before, name), value);
    else tree.setIn([...path, name], tree.createNode(value, { aliasDuplicateObjects: false }));
  }
};

const isPlainObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);
