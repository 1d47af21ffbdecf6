import { isObject, type Located, member, textOf } from "./json-value.ts";
import { joinPlace, pointerTo, splitPlace, valueAt } from "./pointer.ts";
import type { OpenApiDocument } from "./read-document.ts";

/** References that one reference may lead through. */
const referenceHopsMax = 32;

/** Where following references ended. */
export interface Followed extends Located {
  /** The last reference followed: what a reader would call the thing. */
  readonly ref?: string;
  /** Objects on the way that carry members beside `$ref`, outermost first. */
  readonly beside?: readonly Located[];
  /** Why there is no value. */
  readonly broken?: string;
}

/** Follows `$ref` from a value until something else is found. Lazy: what the target holds is not looked at. */
export const follow = (document: OpenApiDocument, value: unknown, pointer: string): Followed => {
  if (refOf(value) === undefined) return { value, pointer };
  let at: Located = { value, pointer };
  let last: string | undefined;
  let beside: Located[] | undefined;
  for (let hops = 0; hops < referenceHopsMax; hops++) {
    const ref = refOf(at.value);
    if (ref === undefined) {
      return { ...at, ...(last === undefined ? {} : { ref: last }), ...(beside ? { beside } : {}) };
    }
    if (hasMore(at.value)) {
      beside ??= [];
      beside.push(at);
    }
    const next = targetOf(document, ref, at.pointer);
    if (typeof next === "string") return { value: undefined, pointer: at.pointer, ref, broken: next };
    last = ref;
    at = next;
  }
  return { value: undefined, pointer, ref: last ?? "", broken: "the references lead in a circle" };
};

/** The `$ref` of an object, where it has one that is a string. */
export const refOf = (value: unknown): string | undefined =>
  typeof value === "object" && value !== null ? textOf(value, "$ref") : undefined;

/** The file a reference names, as a key of `document.externals`; undefined for references within the same file. */
export const fileOfReference = (
  document: OpenApiDocument,
  ref: string,
  fromPointer: string,
): { readonly file: string | undefined; readonly fragment: string } => {
  const hash = ref.indexOf("#");
  const path = hash < 0 ? ref : ref.slice(0, hash);
  const fragment = hash < 0 ? "" : ref.slice(hash + 1);
  const from = splitPlace(fromPointer).file;
  if (path === "") return { file: from, fragment };
  const main = mainUri(document);
  const base = from === undefined ? main : uriOfExternal(document, from);
  if (!URL.canParse(path, base)) return { file: path, fragment };
  const absolute = new URL(path, base);
  absolute.hash = "";
  if (absolute.href === main) return { file: undefined, fragment };
  // Inside the document's own directory the key is relative, so that the directory can move.
  const directory = main.slice(0, main.lastIndexOf("/") + 1);
  return {
    file: absolute.href.startsWith(directory) ? absolute.href.slice(directory.length) : absolute.href,
    fragment,
  };
};

/** The absolute URL of the key of an external file; what cannot be a URL stays as it is, and no fetcher will take it. */
export const uriOfExternal = (document: OpenApiDocument, file: string): string =>
  URL.canParse(file, mainUri(document)) ? new URL(file, mainUri(document)).href : file;

/** What relative references start from, also for a document that came without a place. */
const mainUri = (document: OpenApiDocument): string => {
  const given = document.uri ?? "openapi";
  const declared = document.version === "3.2" ? textOf(document.root, "$self") : undefined;
  const base = URL.canParse(given) ? given : new URL(given, placeless).href;
  return new URL(declared !== undefined && URL.canParse(declared, base) ? declared : base, base).href;
};

/** The scheme of documents that came without a place: it can be compared but not fetched. */
export const placeless = "document:///";

/** Where one reference leads, without following what stands there; a text says why it leads nowhere. */
export const targetOf = (document: OpenApiDocument, ref: string, fromPointer: string): Located | string => {
  const known = targetsOf(document);
  const from = splitPlace(fromPointer).file;
  const key = from === undefined ? ref : `${from} ${ref}`;
  const found = known.get(key) ?? find(document, ref, fromPointer);
  known.set(key, found);
  return found;
};

const find = (document: OpenApiDocument, ref: string, fromPointer: string): Located | string => {
  const { file, fragment } = fileOfReference(document, ref, fromPointer);
  const root = file === undefined ? document.root : document.externals.get(file)?.root;
  if (root === undefined) return `the file ${file} has not been fetched`;
  const pointer = decodeFragment(fragment);
  if (pointer === undefined) return "the part after # is not valid percent-encoding";
  if (pointer === "" || pointer.startsWith("/")) {
    const value = valueAt(root, pointer);
    return value === undefined ? "there is nothing at this place" : { value, pointer: joinPlace(file, pointer) };
  }
  const anchored = anchorIn(root, pointer);
  return anchored === undefined
    ? "there is no such anchor"
    : { value: anchored.value, pointer: joinPlace(file, anchored.pointer) };
};

const decodeFragment = (fragment: string): string | undefined => {
  try {
    return decodeURIComponent(fragment);
  } catch {
    // Malformed percent-encoding: the caller reports the reference as broken.
    return undefined;
  }
};

// `$anchor` and `$dynamicAnchor` of JSON Schema 2020-12; looked for only when a reference asks.
const anchorIn = (root: unknown, name: string): Located | undefined => {
  const visit = (value: unknown, pointer: string): Located | undefined => {
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) {
        const found = visit(item, pointerTo(pointer, index));
        if (found) return found;
      }
    }
    if (!isObject(value)) return undefined;
    if (textOf(value, "$anchor") === name || textOf(value, "$dynamicAnchor") === name) return { value, pointer };
    for (const key in value) {
      const found = visit(member(value, key), pointerTo(pointer, key));
      if (found) return found;
    }
    return undefined;
  };
  return visit(root, "");
};

const hasMore = (value: unknown): boolean => {
  if (!isObject(value)) return false;
  for (const key in value) if (key !== "$ref") return true;
  return false;
};

// Remembers targets per document, for as long as the document lives.
const targets = new WeakMap<OpenApiDocument, Map<string, Located | string>>();

const targetsOf = (document: OpenApiDocument): Map<string, Located | string> => {
  let known = targets.get(document);
  if (known === undefined) {
    known = new Map();
    targets.set(document, known);
  }
  return known;
};
