import { type ChangeCode, type ContractChange, contractRules } from "./contract-rules.ts";
import type { Direction } from "./example.ts";
import { isObject, isTrue, type Located, member } from "./json-value.ts";
import { pointerTo } from "./pointer.ts";
import type { OpenApiDocument } from "./read-document.ts";
import { follow, refOf } from "./reference.ts";
import { type ConstraintName, constraintNames, nameOfReference, type Schema, schemaAt } from "./schema.ts";

/** Compares schemas of two documents; what several operations share is compared once. */
export interface SchemaComparer {
  /** The differences of a pair and of everything it leads to; `where` goes in front of each message. */
  compare(
    before: Located | undefined,
    after: Located | undefined,
    direction: Direction,
    where: string,
  ): readonly ContractChange[];
}

/** Differences of one schema that are reported for one place; beyond, the first ones speak for the rest. */
const changesMax = 100;

/** A comparer for two documents. Ends also where schemas contain themselves. */
export const schemaComparer = (before: OpenApiDocument, after: OpenApiDocument): SchemaComparer => {
  const pairs = new Map<string, Pair>();
  const pairOf = (edge: Edge, direction: Direction): Pair => {
    const key = `${direction} ${edge.before.pointer} ${edge.after.pointer}`;
    const known = pairs.get(key);
    if (known !== undefined) return known;
    const comparison: Comparison = { before, after, direction, changes: [], edges: [], open: new Set() };
    compareAt(comparison, edge.before, edge.after, edge.name);
    const made: Pair = { changes: comparison.changes, edges: comparison.edges };
    pairs.set(key, made);
    return made;
  };
  return {
    compare: (from, to, direction, where) => {
      if (from === undefined || to === undefined) return onlyOne(from, to, direction, where);
      const seen = new Set<Pair>();
      const found: ContractChange[] = [];
      const visit = (pair: Pair): void => {
        if (seen.has(pair)) return;
        seen.add(pair);
        for (const { code, path, message, pointer } of pair.changes) {
          if (found.length >= changesMax) return;
          const subject = path === "" ? where : `${where}: ${path}`;
          found.push({ code, level: contractRules[code][direction], message: `${subject}: ${message}`, pointer });
        }
        for (const edge of pair.edges) visit(pairOf(edge, direction));
      };
      visit(pairOf({ before: from, after: to, name: "" }, direction));
      return found;
    },
  };
};

/** What was found at one pair of schemas, and which named pairs it leads to. */
interface Pair {
  readonly changes: readonly SchemaChange[];
  readonly edges: readonly Edge[];
}

interface SchemaChange {
  readonly code: ChangeCode;
  readonly path: string;
  readonly message: string;
  readonly pointer: string;
}

interface Edge {
  readonly before: Located;
  readonly after: Located;
  /** How messages call the schema. */
  readonly name: string;
}

interface Comparison {
  readonly before: OpenApiDocument;
  readonly after: OpenApiDocument;
  readonly direction: Direction;
  readonly changes: SchemaChange[];
  readonly edges: Edge[];
  /** Pairs that are being compared, so that a schema within itself is compared once. */
  readonly open: Set<string>;
}

const onlyOne = (
  before: Located | undefined,
  after: Located | undefined,
  direction: Direction,
  where: string,
): readonly ContractChange[] => {
  if (before === undefined && after === undefined) return [];
  const code = before === undefined ? "schema.type_narrowed" : "schema.type_widened";
  const message = `${where}: ${before === undefined ? "a schema was added" : "the schema was removed"}`;
  return [{ code, level: contractRules[code][direction], message, pointer: (after ?? before)?.pointer ?? "" }];
};

const compareAt = (comparison: Comparison, before: Located, after: Located, path: string): void => {
  const refBefore = refOf(before.value);
  const refAfter = refOf(after.value);
  if (
    refBefore !== undefined &&
    refAfter !== undefined &&
    path !== "" &&
    isOnlyRef(before.value) &&
    isOnlyRef(after.value)
  ) {
    follows(comparison, before, after);
    return;
  }
  if (isEqual(before.value, after.value)) {
    // Equal texts may still lead to named schemas that differ.
    collectEdges(comparison, before, after);
    return;
  }
  const a = schemaAt(comparison.before, before);
  const b = schemaAt(comparison.after, after);
  const key = `${a.pointer} ${b.pointer}`;
  if (comparison.open.has(key)) return;
  comparison.open.add(key);
  compareSchemas(comparison, a, b, path);
  comparison.open.delete(key);
};

const isOnlyRef = (value: unknown): boolean => isObject(value) && Object.keys(value).length === 1;

const follows = (comparison: Comparison, before: Located, after: Located): void => {
  const a = follow(comparison.before, before.value, before.pointer);
  const b = follow(comparison.after, after.value, after.pointer);
  if (a.broken !== undefined || b.broken !== undefined) return;
  comparison.edges.push({ before: a, after: b, name: nameOfReference(b.pointer) });
};

const collectEdges = (comparison: Comparison, before: Located, after: Located): void => {
  const { value } = after;
  if (Array.isArray(value) && Array.isArray(before.value)) {
    const old: readonly unknown[] = before.value;
    value.forEach((item, index) => {
      if (typeof item !== "object") return;
      collectEdges(
        comparison,
        { value: old[index], pointer: pointerTo(before.pointer, index) },
        { value: item, pointer: pointerTo(after.pointer, index) },
      );
    });
    return;
  }
  if (!isObject(value)) return;
  // What does not travel in this direction cannot break anybody in it.
  if (isTrue(value, comparison.direction === "request" ? "readOnly" : "writeOnly")) return;
  if (refOf(value) !== undefined) follows(comparison, before, after);
  for (const name in value) {
    const below = value[name];
    if (typeof below !== "object" || name === "example" || name === "examples" || name === "default" || name === "enum")
      continue;
    collectEdges(
      comparison,
      { value: member(before.value, name), pointer: pointerTo(before.pointer, name) },
      { value: below, pointer: pointerTo(after.pointer, name) },
    );
  }
};

/** Whether two parsed values say the same, in whatever order of members. */
export const isEqual = (a: unknown, b: unknown): boolean => {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => isEqual(item, b[index]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  let count = 0;
  for (const name in a) {
    if (!Object.hasOwn(b, name) || !isEqual(a[name], b[name])) return false;
    count++;
  }
  for (const _ in b) count--;
  return count === 0;
};

const compareSchemas = (comparison: Comparison, a: Schema, b: Schema, path: string): void => {
  const note = (code: ChangeCode, message: string, pointer = b.pointer, at = path): void => {
    comparison.changes.push({ code, path: at, message, pointer });
  };
  compareTypes(a, b, note);
  compareTexts(a, b, note);
  compareEnums(a, b, note);
  compareBounds(a, b, note);
  compareProperties(comparison, a, b, path, note);
  compareElements(comparison, a, b, path, note);
  compareChoices(comparison, "oneOf", a, b, path, note);
  compareChoices(comparison, "anyOf", a, b, path, note);
};

type Note = (code: ChangeCode, message: string, pointer?: string, path?: string) => void;

const compareTypes = (a: Schema, b: Schema, note: Note): void => {
  if (a.isNever !== b.isNever)
    note(
      b.isNever ? "schema.type_narrowed" : "schema.type_widened",
      b.isNever ? "nothing is allowed any more" : "something is allowed now",
    );
  const before = typeSet(a);
  const after = typeSet(b);
  const gone = [...before].filter((type) => !covers(after, type));
  const fresh = [...after].filter((type) => !covers(before, type));
  if (gone.length === 0 && fresh.length === 0) {
    compareFormats(a, b, note);
    return;
  }
  const words = `type ${a.types.join(" or ") || "anything"} became ${b.types.join(" or ") || "anything"}`;
  if (fresh.length === 0) note("schema.type_narrowed", words);
  else if (gone.length === 0) note("schema.type_widened", words);
  else note("schema.type_changed", words);
};

const allTypes = ["string", "number", "integer", "boolean", "object", "array", "null"] as const;

const typeSet = (schema: Schema): ReadonlySet<string> => {
  if (schema.types.length > 0) return new Set(schema.types);
  // Choices say the types themselves.
  return new Set(allTypes);
};

const covers = (types: ReadonlySet<string>, type: string): boolean =>
  types.has(type) || (type === "integer" && types.has("number"));

const formatWidth: Readonly<Record<string, number>> = { int32: 1, int64: 2, float: 1, double: 2 };

const compareFormats = (a: Schema, b: Schema, note: Note): void => {
  if (a.format === b.format) return;
  if (a.format === undefined) {
    note("schema.format_added", `format ${b.format} was added`);
    return;
  }
  if (b.format === undefined) {
    note("schema.format_removed", `format ${a.format} was removed`);
    return;
  }
  const words = `format ${a.format} became ${b.format}`;
  const before = formatWidth[a.format];
  const after = formatWidth[b.format];
  if (before === undefined || after === undefined || before === after) {
    note("schema.format_changed", words);
    return;
  }
  note(after > before ? "schema.format_removed" : "schema.format_added", words);
};

const compareTexts = (a: Schema, b: Schema, note: Note): void => {
  if (a.title !== b.title || a.description !== b.description || !isEqual(a.examples, b.examples)) {
    note("schema.text_changed", "title, description or examples changed");
  }
  if (!a.isDeprecated && b.isDeprecated) note("schema.deprecated", "was deprecated");
  if (!isEqual(a.default, b.default)) {
    note("schema.default_changed", `default ${shown(a.default)} became ${shown(b.default)}`);
  }
};

const shown = (value: unknown): string => {
  const text = value === undefined ? "(none)" : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
};

const compareEnums = (a: Schema, b: Schema, note: Note): void => {
  if (a.enum === undefined && b.enum === undefined) return;
  if (a.enum === undefined) {
    note("schema.enum_added", `only ${b.enum?.slice(0, 10).map(shown).join(", ")} are allowed now`);
    return;
  }
  if (b.enum === undefined) {
    note("schema.enum_lifted", "the list of allowed values was removed");
    return;
  }
  const before = new Set(a.enum.map((value) => JSON.stringify(value)));
  const after = new Set(b.enum.map((value) => JSON.stringify(value)));
  for (const value of before) if (!after.has(value)) note("schema.enum_value_removed", `value ${value} was removed`);
  for (const value of after) if (!before.has(value)) note("schema.enum_value_added", `value ${value} was added`);
};

const compareBounds = (a: Schema, b: Schema, note: Note): void => {
  for (const name of constraintNames) {
    const [before, after] = [a.constraints[name], b.constraints[name]];
    if (before === after) continue;
    const words = `${name} ${before ?? "(none)"} became ${after ?? "(none)"}`;
    note(isTighter(name, before, after) ? "schema.bound_tightened" : "schema.bound_loosened", words);
  }
  if (a.uniqueItems !== b.uniqueItems) {
    note(b.uniqueItems ? "schema.bound_tightened" : "schema.bound_loosened", `uniqueItems became ${b.uniqueItems}`);
  }
  if (a.pattern !== b.pattern) {
    if (a.pattern === undefined) note("schema.pattern_added", `pattern ${b.pattern} was added`);
    else if (b.pattern === undefined) note("schema.pattern_removed", `pattern ${a.pattern} was removed`);
    else note("schema.pattern_changed", `pattern ${a.pattern} became ${b.pattern}`);
  }
};

const isTighter = (name: ConstraintName, before: number | undefined, after: number | undefined): boolean => {
  if (before === undefined) return true;
  if (after === undefined) return false;
  if (name === "multipleOf") return before % after !== 0;
  return /^(min|exclusiveMin)/.test(name) ? after > before : after < before;
};

const compareProperties = (comparison: Comparison, a: Schema, b: Schema, path: string, note: Note): void => {
  const travels = (document: OpenApiDocument, at: Located): boolean => {
    const schema = schemaAt(document, at);
    return comparison.direction === "request" ? !schema.isReadOnly : !schema.isWriteOnly;
  };
  for (const [name, property] of a.properties) {
    if (!travels(comparison.before, property)) continue;
    const below = `${path}${path === "" ? "" : "."}${name}`;
    const other = b.properties.get(name);
    if (other === undefined || !travels(comparison.after, other)) {
      const isRefused = comparison.direction === "request" && b.additional === false;
      note(
        isRefused ? "schema.property_refused" : "schema.property_removed",
        "property was removed",
        property.pointer,
        below,
      );
      continue;
    }
    if (property.isRequired !== other.isRequired) {
      if (other.isRequired) note("schema.property_became_required", "became required", other.pointer, below);
      else note("schema.property_became_optional", "became optional", other.pointer, below);
    }
    compareAt(comparison, property, other, below);
  }
  for (const [name, property] of b.properties) {
    if (!travels(comparison.after, property)) continue;
    const other = a.properties.get(name);
    if (other !== undefined && travels(comparison.before, other)) continue;
    const code = property.isRequired ? "schema.property_added_required" : "schema.property_added_optional";
    const words = property.isRequired ? "required property was added" : "optional property was added";
    note(code, words, property.pointer, `${path}${path === "" ? "" : "."}${name}`);
  }
  compareUnlisted(a, b, note);
};

// Names in `required` that `properties` does not list bind as well.
const compareUnlisted = (a: Schema, b: Schema, note: Note): void => {
  for (const name of b.required) {
    if (!a.required.includes(name) && !b.properties.has(name))
      note("schema.property_became_required", `${name} became required`);
  }
  for (const name of a.required) {
    if (!b.required.includes(name) && !a.properties.has(name))
      note("schema.property_became_optional", `${name} became optional`);
  }
};

const compareElements = (comparison: Comparison, a: Schema, b: Schema, path: string, note: Note): void => {
  if (a.additional !== false && b.additional === false)
    note("schema.others_refused", "other properties are refused now");
  if (a.additional === false && b.additional !== false)
    note("schema.others_allowed", "other properties are allowed now");
  if (a.additional && b.additional) compareAt(comparison, a.additional, b.additional, `${path}.*`);
  else if (a.additional === undefined && b.additional)
    note("schema.restriction_added", "other properties have a schema now");
  else if (a.additional && b.additional === undefined)
    note("schema.restriction_lifted", "other properties have no schema any more");
  if (a.items && b.items) compareAt(comparison, a.items, b.items, `${path}[]`);
  else if (b.items && a.types.includes("array")) note("schema.restriction_added", "items have a schema now");
  else if (a.items && b.types.includes("array")) note("schema.restriction_lifted", "items have no schema any more");
  const length = Math.max(a.prefixItems.length, b.prefixItems.length);
  for (let index = 0; index < length; index++) {
    const [before, after] = [a.prefixItems[index], b.prefixItems[index]];
    if (before && after) compareAt(comparison, before, after, `${path}[${index}]`);
    else
      note(
        after ? "schema.restriction_added" : "schema.restriction_lifted",
        `item ${index} ${after ? "has" : "lost"} its schema`,
      );
  }
  for (const name of ["not", "contentMediaType", "discriminator"] as const) {
    const before = name === "not" ? a.not?.value : a[name];
    const after = name === "not" ? b.not?.value : b[name];
    if (isEqual(before, after)) continue;
    if (before === undefined) note("schema.restriction_added", `${name} was added`);
    else if (after === undefined) note("schema.restriction_lifted", `${name} was removed`);
    else note("schema.restriction_changed", `${name} changed`);
  }
};

const compareChoices = (
  comparison: Comparison,
  keyword: "oneOf" | "anyOf",
  a: Schema,
  b: Schema,
  path: string,
  note: Note,
): void => {
  if (a[keyword].length === 0 && b[keyword].length === 0) return;
  const label = (at: Located, index: number): string => {
    const ref = refOf(at.value);
    return ref === undefined ? `#${index + 1}` : ref.replace(/^.*\//, "");
  };
  if (a[keyword].length === 0) {
    note("schema.restriction_added", `${keyword} was added`);
    return;
  }
  if (b[keyword].length === 0) {
    note("schema.restriction_lifted", `${keyword} was removed`);
    return;
  }
  const left = new Set(b[keyword].keys());
  const unmatched: number[] = [];
  const pair = (before: Located, index: number): void => {
    left.delete(index);
    const after = b[keyword][index];
    if (after !== undefined) compareAt(comparison, before, after, `${path}<${label(after, index)}>`);
  };
  for (const [index, before] of a[keyword].entries()) {
    const same = b[keyword].findIndex(
      (after, at) => left.has(at) && (isEqual(before.value, after.value) || sameRef(before, after)),
    );
    if (same >= 0) pair(before, same);
    else unmatched.push(index);
  }
  for (const index of unmatched) {
    const before = a[keyword][index];
    const after = b[keyword][index];
    if (before === undefined) continue;
    // An inline choice at the same place is the same choice, changed.
    if (
      after !== undefined &&
      left.has(index) &&
      refOf(before.value) === undefined &&
      refOf(after.value) === undefined
    ) {
      pair(before, index);
    } else note("schema.choice_removed", `choice ${label(before, index)} was removed`, before.pointer);
  }
  for (const index of left) {
    const after = b[keyword][index];
    if (after !== undefined) note("schema.choice_added", `choice ${label(after, index)} was added`, after.pointer);
  }
};

const sameRef = (before: Located, after: Located): boolean => {
  const ref = refOf(before.value);
  return (
    ref !== undefined &&
    nameOfReference(ref.replace(/^#/, "")) === nameOfReference((refOf(after.value) ?? "").replace(/^#/, ""))
  );
};
