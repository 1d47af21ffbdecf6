import { isObject, type Located, member, textOf } from "./json-value.ts";
import { joinPlace, pointerTo, splitPlace, tokensOf, valueAt } from "./pointer.ts";
import type { OpenApiDocument } from "./read-document.ts";
import { placeless } from "./reference.ts";

/** The schemas of a document that have an `$id` of their own, from which references below them start (JSON Schema 2020-12, section 8.2). */
export interface SchemaResources {
  /** Where a reference at a place leads by the rules of `$id`; undefined where these say nothing. */
  find(ref: string, fromPlace: string): Located | undefined;
}

/** Searched once per document; one without `$id` costs nothing further. */
export const schemaResources = (document: OpenApiDocument): SchemaResources => {
  const byUri = new Map<string, Located>();
  const uriAt = new Map<string, string>();
  const search = (
    value: unknown,
    place: { readonly file: string | undefined; readonly pointer: string },
    base: string,
  ): void => {
    if (typeof value !== "object" || value === null) return;
    let here = base;
    const id = Array.isArray(value) ? undefined : textOf(value, "$id");
    if (id !== undefined && URL.canParse(id, base)) {
      const url = new URL(id, base);
      url.hash = "";
      here = url.href;
      const at = joinPlace(place.file, place.pointer);
      if (!byUri.has(here)) byUri.set(here, { value, pointer: at });
      uriAt.set(at, here);
    }
    for (const [name, below] of Object.entries(value)) {
      // What examples and constants hold is data.
      if (name === "enum" || name === "const" || name === "example" || name === "default") continue;
      search(below, { file: place.file, pointer: pointerTo(place.pointer, name) }, here);
    }
  };
  const files: readonly (readonly [string | undefined, unknown, string])[] = [
    [undefined, document.root, document.text],
    ...[...document.externals].map(([name, file]) => [name, file.root, file.text] as const),
  ];
  for (const [file, root, text] of files) {
    if (text.includes("$id")) search(root, { file, pointer: "" }, `${placeless}${file ?? "openapi"}`);
  }

  /** The innermost resource that a place lies in. */
  const resourceOf = (place: string): string | undefined => {
    const { file, pointer } = splitPlace(place);
    const tokens = tokensOf(pointer);
    for (let length = tokens.length; length >= 0; length--) {
      const uri = uriAt.get(joinPlace(file, pointerTo("", ...tokens.slice(0, length))));
      if (uri !== undefined) return uri;
    }
    return undefined;
  };

  return {
    find: (ref, fromPlace) => {
      if (byUri.size === 0) return undefined;
      const base = resourceOf(fromPlace) ?? `${placeless}${splitPlace(fromPlace).file ?? "openapi"}`;
      if (!URL.canParse(ref, base)) return undefined;
      const url = new URL(ref, base);
      const fragment = decoded(url.hash.slice(1));
      url.hash = "";
      const resource = byUri.get(url.href);
      if (resource === undefined || fragment === undefined) return undefined;
      if (fragment === "") return resource;
      if (fragment.startsWith("/")) {
        const value = valueAt(resource.value, fragment);
        return value === undefined ? undefined : { value, pointer: resource.pointer + fragment };
      }
      return anchored(resource, fragment);
    },
  };
};

const decoded = (fragment: string): string | undefined => {
  try {
    return decodeURIComponent(fragment);
  } catch {
    // Malformed percent-encoding: the reference is then looked for as any other, which says that it is broken.
    return undefined;
  }
};

/** An anchor within a resource; other resources inside have anchors of their own. */
const anchored = (resource: Located, name: string): Located | undefined => {
  const visit = (value: unknown, pointer: string, isRoot: boolean): Located | undefined => {
    if (typeof value !== "object" || value === null) return undefined;
    if (isObject(value)) {
      if (!isRoot && textOf(value, "$id") !== undefined) return undefined;
      if (member(value, "$anchor") === name || member(value, "$dynamicAnchor") === name) return { value, pointer };
    }
    for (const [key, below] of Object.entries(value)) {
      if (key === "enum" || key === "const") continue;
      const found = visit(below, pointerTo(pointer, key), false);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return visit(resource.value, resource.pointer, true);
};
