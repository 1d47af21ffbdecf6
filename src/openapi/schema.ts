import {
  isObject,
  isTrue,
  type JsonObject,
  type Located,
  listOf,
  member,
  numberOf,
  textOf,
  textsOf,
} from "./json-value.ts";
import { lastTokenOf, pointerTo, splitPlace } from "./pointer.ts";
import type { OpenApiDocument } from "./read-document.ts";
import { follow } from "./reference.ts";

/** The keywords that bound a value, named as in JSON Schema 2020-12. */
export const constraintNames = [
  "minimum",
  "exclusiveMinimum",
  "maximum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "minProperties",
  "maxProperties",
] as const;
export type ConstraintName = (typeof constraintNames)[number];

/** What JSON Schema calls types. */
export type SchemaType = "string" | "number" | "integer" | "boolean" | "object" | "array" | "null";

/** One property of an object schema. */
export interface SchemaProperty extends Located {
  readonly isRequired: boolean;
}

/**
 * One level of a schema, the same for all versions of OpenAPI: references followed, `allOf` merged in, `nullable` a type,
 * exclusive bounds numbers. What lies below stays as the document has it.
 */
export interface Schema {
  readonly pointer: string;
  /** The last segment of the reference that led here: `Pet`. */
  readonly refName: string | undefined;
  /** Empty: any type. */
  readonly types: readonly SchemaType[];
  /** `false` as a schema: nothing is valid. */
  readonly isNever: boolean;
  readonly title: string | undefined;
  readonly description: string | undefined;
  readonly format: string | undefined;
  readonly pattern: string | undefined;
  readonly isDeprecated: boolean;
  readonly isReadOnly: boolean;
  readonly isWriteOnly: boolean;
  readonly uniqueItems: boolean;
  readonly constraints: Readonly<Partial<Record<ConstraintName, number>>>;
  readonly enum: readonly unknown[] | undefined;
  readonly hasDefault: boolean;
  readonly default: unknown;
  readonly examples: readonly unknown[];
  readonly properties: ReadonlyMap<string, SchemaProperty>;
  /** Required names, also those that `properties` does not list. */
  readonly required: readonly string[];
  /** `false` where nothing else is allowed; undefined where nothing is said. */
  readonly additional: Located | false | undefined;
  readonly items: Located | undefined;
  readonly prefixItems: readonly Located[];
  readonly oneOf: readonly Located[];
  readonly anyOf: readonly Located[];
  readonly not: Located | undefined;
  readonly contentMediaType: string | undefined;
  readonly discriminator: string | undefined;
  /** A reference that leads nowhere, and why. */
  readonly broken: string | undefined;
}

/** Levels of `allOf` that are merged; a schema that contains itself ends there. */
const allOfDepthMax = 16;

/** Reads one level of a schema. Cheap, remembered per node, never follows what lies below. */
export const schemaAt = (document: OpenApiDocument, at: Located): Schema => {
  if (!isObject(at.value)) return read(document, at, allOfDepthMax);
  let known = schemas.get(document);
  if (known === undefined) {
    known = new WeakMap();
    schemas.set(document, known);
  }
  const found = known.get(at.value);
  if (found !== undefined) return found;
  const made = read(document, at, allOfDepthMax);
  known.set(at.value, made);
  return made;
};

const schemas = new WeakMap<OpenApiDocument, WeakMap<object, Schema>>();

const read = (document: OpenApiDocument, at: Located, depthLeft: number): Schema => {
  const end = follow(document, at.value, at.pointer);
  const refName = end.ref === undefined ? undefined : nameOfReference(end.pointer);
  const own = readNode(document, end, refName, end.broken);
  const parts = listOf(end.value, "allOf");
  let merged = own;
  if (depthLeft > 0) {
    for (const [index, part] of parts.entries()) {
      merged = merge(
        merged,
        read(document, { value: part, pointer: pointerTo(end.pointer, "allOf", index) }, depthLeft - 1),
      );
    }
  }
  // Beside `$ref`, 3.1 allows every keyword; earlier versions say they are ignored, but a description there is meant.
  for (const beside of end.beside ?? []) {
    const extra = document.version === "2.0" || document.version === "3.0" ? annotationsOf(beside) : withoutRef(beside);
    merged = merge(readNode(document, extra, undefined, undefined), merged, refName, merged.pointer);
  }
  return merged;
};

/** The name of what a reference led to: the last segment of its pointer, or the file. */
export const nameOfReference = (pointer: string): string => {
  const place = splitPlace(pointer);
  if (place.pointer !== "") return lastTokenOf(place.pointer);
  return (place.file ?? "").replace(/^.*\//, "").replace(/\.(json|ya?ml)$/i, "");
};

const annotationsOf = (at: Located): Located => {
  const kept: Record<string, unknown> = {};
  for (const name of ["title", "description", "deprecated", "readOnly", "writeOnly", "nullable"]) {
    const value = member(at.value, name);
    if (value !== undefined) kept[name] = value;
  }
  return { value: kept, pointer: at.pointer };
};

const withoutRef = (at: Located): Located => {
  if (!isObject(at.value)) return at;
  const { $ref: _, ...rest } = at.value;
  return { value: rest, pointer: at.pointer };
};

const readNode = (
  document: OpenApiDocument,
  at: Located,
  refName: string | undefined,
  broken: string | undefined,
): Schema => {
  const node: JsonObject = isObject(at.value) ? at.value : noSchema;
  const below = (name: string): Located | undefined => {
    const value = member(node, name);
    return isObject(value) || typeof value === "boolean" ? { value, pointer: pointerTo(at.pointer, name) } : undefined;
  };
  const each = (name: string): readonly Located[] =>
    listOf(node, name).map((value, index) => ({ value, pointer: pointerTo(at.pointer, name, index) }));
  const required = textsOf(node, "required");
  const additional = member(node, "additionalProperties") ?? member(node, "unevaluatedProperties");
  const additionalName =
    member(node, "additionalProperties") === undefined ? "unevaluatedProperties" : "additionalProperties";
  const items = member(node, "items");
  return {
    pointer: at.pointer,
    refName,
    types: typesOf(node),
    isNever: at.value === false,
    title: textOf(node, "title"),
    description: textOf(node, "description"),
    format: formatOf(node),
    pattern: textOf(node, "pattern"),
    isDeprecated: isTrue(node, "deprecated") || isTrue(node, "x-deprecated"),
    isReadOnly: isTrue(node, "readOnly"),
    isWriteOnly: isTrue(node, "writeOnly") || isTrue(node, "x-writeOnly"),
    uniqueItems: isTrue(node, "uniqueItems"),
    constraints: constraintsOf(node),
    enum: Object.hasOwn(node, "const")
      ? [member(node, "const")]
      : Array.isArray(member(node, "enum"))
        ? listOf(node, "enum")
        : undefined,
    hasDefault: Object.hasOwn(node, "default"),
    default: member(node, "default"),
    examples: examplesOf(document, node),
    properties: propertiesOf(node, at.pointer, required),
    required,
    additional: additional === false ? false : additional === true ? undefined : below(additionalName),
    items: Array.isArray(items) ? undefined : below("items"),
    // Tuples are a list under `items` up to draft 2019-09, and documents of 3.1 still have them.
    prefixItems: each(Array.isArray(items) ? "items" : "prefixItems"),
    oneOf: each("oneOf"),
    anyOf: each("anyOf"),
    not: below("not"),
    contentMediaType: textOf(node, "contentMediaType") === octets ? undefined : textOf(node, "contentMediaType"),
    discriminator: textOf(member(node, "discriminator"), "propertyName") ?? textOf(node, "discriminator"),
    broken,
  };
};

const octets = "application/octet-stream";

// 3.1 says with content keywords what 3.0 said with the formats `byte` and `binary`, and 2.0 with the type `file`.
const formatOf = (node: JsonObject): string | undefined => {
  if (textOf(node, "type") === "file") return "binary";
  const declared = textOf(node, "format");
  if (declared !== undefined) return declared;
  if (textOf(node, "contentEncoding") === "base64") return "byte";
  return textOf(node, "contentMediaType") === octets ? "binary" : undefined;
};

const noSchema: JsonObject = Object.freeze({});

const typeNames: ReadonlySet<string> = new Set(["string", "number", "integer", "boolean", "object", "array", "null"]);
const isType = (value: unknown): value is SchemaType => typeof value === "string" && typeNames.has(value);

const typesOf = (node: JsonObject): readonly SchemaType[] => {
  const declared = member(node, "type");
  const listed = (Array.isArray(declared) ? declared : [declared === "file" ? "string" : declared]).filter(isType);
  const types = listed.length > 0 ? listed : implied(node);
  const isNullable = isTrue(node, "nullable") || isTrue(node, "x-nullable");
  return isNullable && types.length > 0 && !types.includes("null") ? [...types, "null"] : types;
};

// Many documents leave the type out where a keyword of one type makes it plain.
const implied = (node: JsonObject): readonly SchemaType[] => {
  if (isObject(member(node, "properties"))) return ["object"];
  if (isObject(member(node, "items"))) return ["array"];
  // What has an encoding or a media type of its own is a string (JSON Schema 2020-12 validation, section 8).
  if (textOf(node, "contentEncoding") !== undefined || textOf(node, "contentMediaType") !== undefined)
    return ["string"];
  return [];
};

const constraintsOf = (node: JsonObject): Readonly<Partial<Record<ConstraintName, number>>> => {
  let found: Partial<Record<ConstraintName, number>> | undefined;
  for (const name of constraintNames) {
    if (!Object.hasOwn(node, name)) continue;
    const value = numberOf(node, name);
    found ??= {};
    if (value !== undefined) found[name] = value;
  }
  if (found === undefined) return noConstraints;
  // Up to 3.0 an exclusive bound is a flag beside the bound.
  if (isTrue(node, "exclusiveMinimum") && found.minimum !== undefined) {
    found.exclusiveMinimum = found.minimum;
    delete found.minimum;
  }
  if (isTrue(node, "exclusiveMaximum") && found.maximum !== undefined) {
    found.exclusiveMaximum = found.maximum;
    delete found.maximum;
  }
  return found;
};

const noConstraints = Object.freeze({});

const examplesOf = (document: OpenApiDocument, node: JsonObject): readonly unknown[] => {
  const single = member(node, "example") ?? (document.version === "2.0" ? member(node, "x-example") : undefined);
  const listed = listOf(node, "examples");
  return single === undefined ? listed : [single, ...listed];
};

const propertiesOf = (
  node: JsonObject,
  pointer: string,
  required: readonly string[],
): ReadonlyMap<string, SchemaProperty> => {
  const properties = member(node, "properties");
  if (!isObject(properties)) return noProperties;
  const found = new Map<string, SchemaProperty>();
  const at = pointerTo(pointer, "properties");
  for (const name of Object.keys(properties)) {
    found.set(name, { value: properties[name], pointer: pointerTo(at, name), isRequired: required.includes(name) });
  }
  return found;
};

const noProperties: ReadonlyMap<string, SchemaProperty> = new Map();

/** Both must hold: the names of `first`, the strictest of both bounds, all properties. */
const merge = (first: Schema, second: Schema, refName = first.refName, pointer = first.pointer): Schema => {
  const required = [...new Set([...first.required, ...second.required])];
  return {
    pointer,
    refName,
    types: bothTypes(first.types, second.types),
    isNever: first.isNever || second.isNever,
    title: first.title ?? second.title,
    description: first.description ?? second.description,
    format: first.format ?? second.format,
    pattern: first.pattern ?? second.pattern,
    isDeprecated: first.isDeprecated || second.isDeprecated,
    isReadOnly: first.isReadOnly || second.isReadOnly,
    isWriteOnly: first.isWriteOnly || second.isWriteOnly,
    uniqueItems: first.uniqueItems || second.uniqueItems,
    constraints: bothConstraints(first.constraints, second.constraints),
    enum: bothEnums(first.enum, second.enum),
    hasDefault: first.hasDefault || second.hasDefault,
    default: first.hasDefault ? first.default : second.default,
    examples: first.examples.length > 0 ? first.examples : second.examples,
    properties: bothProperties(first.properties, second.properties, required),
    required,
    additional: first.additional ?? second.additional,
    items: first.items ?? second.items,
    prefixItems: first.prefixItems.length > 0 ? first.prefixItems : second.prefixItems,
    oneOf: first.oneOf.length > 0 ? first.oneOf : second.oneOf,
    anyOf: first.anyOf.length > 0 ? first.anyOf : second.anyOf,
    not: first.not ?? second.not,
    contentMediaType: first.contentMediaType ?? second.contentMediaType,
    discriminator: first.discriminator ?? second.discriminator,
    broken: first.broken ?? second.broken,
  };
};

const bothTypes = (first: readonly SchemaType[], second: readonly SchemaType[]): readonly SchemaType[] => {
  if (first.length === 0) return second;
  if (second.length === 0) return first;
  const both = first.filter((type) => second.includes(type) || (type === "integer" && second.includes("number")));
  if (first.includes("number") && second.includes("integer")) both.push("integer");
  return both.length > 0 ? both : first;
};

const bothConstraints = (first: Schema["constraints"], second: Schema["constraints"]): Schema["constraints"] => {
  if (second === noConstraints) return first;
  if (first === noConstraints) return second;
  const both: Partial<Record<ConstraintName, number>> = { ...first };
  for (const name of constraintNames) {
    const [a, b] = [first[name], second[name]];
    if (b === undefined) continue;
    both[name] = a === undefined ? b : /^(min|exclusiveMin)/.test(name) ? Math.max(a, b) : Math.min(a, b);
  }
  return both;
};

const bothEnums = (first: Schema["enum"], second: Schema["enum"]): Schema["enum"] => {
  if (first === undefined || second === undefined) return first ?? second;
  const texts = new Set(second.map((value) => JSON.stringify(value)));
  const both = first.filter((value) => texts.has(JSON.stringify(value)));
  return both.length > 0 ? both : first;
};

const bothProperties = (
  first: Schema["properties"],
  second: Schema["properties"],
  required: readonly string[],
): Schema["properties"] => {
  if (first.size === 0 && second.size === 0) return noProperties;
  const both = new Map<string, SchemaProperty>();
  for (const [name, property] of [...first, ...second]) {
    if (!both.has(name)) both.set(name, { ...property, isRequired: required.includes(name) });
  }
  return both;
};
