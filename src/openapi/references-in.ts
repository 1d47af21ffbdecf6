import { isObject } from "./json-value.ts";
import { pointerTo } from "./pointer.ts";
import { refOf } from "./reference.ts";

/** A `$ref` as it stands in a file. */
export interface FoundReference {
  readonly ref: string;
  /** The object that carries it. */
  readonly pointer: string;
}

/** Every `$ref` of a parsed file in its order, but for those inside examples, defaults and extensions, which are only data. */
export const referencesIn = (root: unknown): readonly FoundReference[] => {
  const found: FoundReference[] = [];
  const visit = (value: unknown, pointer: () => string, isNames: boolean): void => {
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index++) {
        const item: unknown = value[index];
        if (typeof item === "object" && item !== null) visit(item, () => pointerTo(pointer(), index), false);
      }
      return;
    }
    if (!isObject(value)) return;
    const ref = isNames ? undefined : refOf(value);
    if (ref !== undefined) found.push({ ref, pointer: pointer() });
    for (const name in value) {
      const below = value[name];
      if (typeof below !== "object" || below === null) continue;
      if (!isNames && (isData.has(name) || name.startsWith("x-")) && !(name === "examples" && isObject(below)))
        continue;
      visit(below, () => pointerTo(pointer(), name), !isNames && holdsNames.has(name));
    }
  };
  visit(root, () => "", false);
  return found;
};

// Fields whose value is an example or a constant, never a description.
const isData: ReadonlySet<string> = new Set(["example", "examples", "default", "enum", "const", "value", "dataValue"]);

// Fields whose members are called as somebody likes: a property may well be named `default` or `example`.
const holdsNames: ReadonlySet<string> = new Set([
  "properties",
  "patternProperties",
  "dependentSchemas",
  "definitions",
  "$defs",
  "schemas",
  "responses",
  "parameters",
  "headers",
  "examples",
  "requestBodies",
  "securitySchemes",
  "links",
  "callbacks",
  "pathItems",
  "mediaTypes",
  "paths",
  "webhooks",
  "content",
  "encoding",
]);
