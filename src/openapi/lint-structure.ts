import { isObject, member } from "./json-value.ts";
import type { RawFinding } from "./lint-rules.ts";
import { pointerTo } from "./pointer.ts";
import type { OpenApiDocument } from "./read-document.ts";
import { type FieldKind, type ObjectKind, structureOf } from "./structure.ts";

/** Checks every object of the document against the table of its version: types, required fields, unknown names. */
export const lintStructure = (document: OpenApiDocument): readonly RawFinding[] => {
  const found: RawFinding[] = [];
  const table = structureOf(document.version);
  check({ found, table, version: document.version }, "Document", document.root, "");
  return found;
};

interface Checking {
  readonly found: RawFinding[];
  readonly table: Readonly<Record<string, ObjectKind>>;
  readonly version: string;
}

const check = (checking: Checking, kind: FieldKind, value: unknown, pointer: string): void => {
  const scalar = scalars[kind];
  if (scalar !== undefined) {
    if (!scalar.fits(value)) wrongType(checking, scalar.words, value, pointer);
    return;
  }
  if (kind.endsWith("[]")) {
    if (!Array.isArray(value)) {
      wrongType(checking, "a list", value, pointer);
      return;
    }
    value.forEach((item, index) => {
      check(checking, kind.slice(0, -2), item, pointerTo(pointer, index));
    });
    return;
  }
  if (kind.startsWith("{")) {
    if (!isObject(value)) {
      wrongType(checking, "an object", value, pointer);
      return;
    }
    for (const name in value) {
      if (name.startsWith("x-") && !isObject(value[name])) continue;
      check(checking, kind.slice(1, -1), value[name], pointerTo(pointer, name));
    }
    return;
  }
  if (kind === "SchemaOrList" && Array.isArray(value)) check(checking, "Schema[]", value, pointer);
  else if (kind.startsWith("Schema")) checkSchema(checking, kind, value, pointer);
  else checkObject(checking, kind, value, pointer);
};

interface Scalar {
  readonly words: string;
  fits(value: unknown): boolean;
}

const isTypeName = (value: unknown): boolean =>
  typeof value === "string" &&
  ["string", "number", "integer", "boolean", "object", "array", "null", "file"].includes(value);

const scalars: Readonly<Record<string, Scalar | undefined>> = {
  any: { words: "anything", fits: () => true },
  string: { words: "a text", fits: (value) => typeof value === "string" },
  boolean: { words: "true or false", fits: (value) => typeof value === "boolean" },
  number: { words: "a number", fits: (value) => typeof value === "number" },
  list: { words: "a list", fits: Array.isArray },
  strings: {
    words: "a list of texts",
    fits: (value) => Array.isArray(value) && value.every((item) => typeof item === "string"),
  },
  type: {
    words: "one of string, number, integer, boolean, object, array, null, or a list of these",
    fits: (value) => isTypeName(value) || (Array.isArray(value) && value.every(isTypeName)),
  },
};

// Schemas are most of a large document: their fields are looked up once per member, and messages are made only when needed.
const checkSchema = (checking: Checking, kind: FieldKind, value: unknown, pointer: string): void => {
  if (typeof value === "boolean" && (kind !== "Schema" || checking.version >= "3.1")) return;
  if (!isObject(value)) {
    wrongType(checking, "a schema", value, pointer);
    return;
  }
  if (typeof member(value, "$ref") === "string" && checking.version < "3.1") return;
  const fields = checking.table.Schema?.fields ?? {};
  for (const name in value) {
    if (!Object.hasOwn(fields, name)) continue;
    const field = fields[name];
    // In 2.0 a parameter is its own schema, and `required` says something else there.
    if (field !== undefined) check(checking, field, value[name], `${pointer}/${name}`);
  }
};

const checkObject = (checking: Checking, kind: FieldKind, value: unknown, pointer: string): void => {
  const object = checking.table[kind];
  if (object === undefined) return;
  if (!isObject(value)) {
    wrongType(checking, "an object", value, pointer);
    return;
  }
  if (object.isReferable && member(value, "$ref") !== undefined) {
    if (typeof member(value, "$ref") !== "string")
      wrongType(checking, "a text", member(value, "$ref"), pointerTo(pointer, "$ref"));
    return;
  }
  for (const name of object.required ?? []) {
    if (Object.hasOwn(value, name)) continue;
    checking.found.push({ rule: "structure-required", message: `${nounOf(kind)} has no \`${name}\`.`, pointer });
  }
  for (const name in value) checkMember(checking, kind, object, name, value[name], pointer);
};

const checkMember = (
  checking: Checking,
  kind: FieldKind,
  object: ObjectKind,
  name: string,
  value: unknown,
  pointer: string,
): void => {
  const at = pointerTo(pointer, name);
  const field = Object.hasOwn(object.fields, name) ? object.fields[name] : undefined;
  if (field !== undefined) {
    check(checking, field, value, at);
    return;
  }
  if (name.startsWith("x-")) return;
  const pattern = object.patterns?.find(([expression]) => expression.test(name));
  if (pattern !== undefined) {
    check(checking, pattern[1], value, at);
    return;
  }
  if (object.isOpen) return;
  if (kind === "PathItem" && isObject(value)) {
    checking.found.push({
      rule: "method-unknown",
      message: `There is no method \`${name}\` in OpenAPI ${checking.version}.`,
      pointer: at,
    });
    return;
  }
  const meant = nearest(name, Object.keys(object.fields));
  checking.found.push({
    rule: "structure-unknown",
    message:
      kind === "Responses"
        ? `\`${name}\` is no status: use a number, a range such as 4XX, or default.`
        : `${nounOf(kind)} has no field \`${name}\` in OpenAPI ${checking.version}${meant === undefined ? "" : `; \`${meant}\` is meant?`}`,
    pointer: at,
  });
};

const nounOf = (kind: FieldKind): string =>
  kind === "Document" ? "The document" : `The ${kind.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase()}`;

const wrongType = (checking: Checking, wanted: string, value: unknown, pointer: string): void => {
  checking.found.push({
    rule: "structure-type",
    message: `Here stands ${wordsOf(value)}; expected is ${wanted}.`,
    pointer,
  });
};

const wordsOf = (value: unknown): string => {
  if (value === null) return "nothing (null)";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  const text = String(value);
  return `the ${typeof value === "string" ? "text" : typeof value} ${text.length > 40 ? `${text.slice(0, 39)}…` : text}`;
};

/** The name among `known` that differs least, if it differs little. */
const nearest = (name: string, known: readonly string[]): string | undefined => {
  let best: string | undefined;
  let bestDistance = Math.min(3, Math.ceil(name.length / 2));
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
};

const editDistance = (a: string, b: string, bound: number): number => {
  if (Math.abs(a.length - b.length) >= bound) return bound;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? bound;
};
