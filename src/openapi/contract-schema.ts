import type { ContractSchema } from "../model/contract.ts";
import { isObject, isTrue, type JsonObject, type Located, member, textOf, textsOf } from "./json-value.ts";
import { lastTokenOf, pointerTo, splitPlace } from "./pointer.ts";
import type { OpenApiDocument } from "./read-document.ts";
import { refOf, targetOf } from "./reference.ts";
import { schemaAt } from "./schema.ts";
import { schemaResources } from "./schema-resources.ts";

/** Copies schemas of one document into contracts; what references lead to is copied once, under a name. */
export interface SchemaCopier {
  copy(at: Located): ContractSchema;
  /** A component by its name; one that does not exist is a problem. */
  named(name: string): void;
  /** The named schemas, when everything that leads to one has been copied. */
  finish(): Readonly<Record<string, ContractSchema>>;
  readonly problems: readonly { readonly path: string; readonly message: string }[];
}

/** The schema of schemas: a validator brings it along. */
const metaSchema = "https://json-schema.org/draft/2020-12/schema";

/** A copier; what it makes is JSON Schema 2020-12 whatever the document's version, without annotations. */
export const createSchemaCopier = (document: OpenApiDocument): SchemaCopier => {
  const isOld = document.version === "2.0" || document.version === "3.0";
  const names = new Map<string, string>();
  const taken = new Set<string>();
  const waiting: { readonly name: string; readonly at: Located }[] = [];
  const problems: { path: string; message: string }[] = [];
  const resources = schemaResources(document);

  const nameOf = (at: Located): string => {
    const known = names.get(at.pointer);
    if (known !== undefined) return known;
    const { file, pointer } = splitPlace(at.pointer);
    const wanted = (pointer === "" ? (file ?? "root") : lastTokenOf(pointer)).replace(/[^A-Za-z0-9_.-]/g, "_") || "_";
    let name = wanted;
    for (let number = 2; taken.has(name); number++) name = `${wanted}-${number}`;
    taken.add(name);
    names.set(at.pointer, name);
    waiting.push({ name, at });
    return name;
  };

  const reference = (ref: string, at: Located): string | undefined => {
    if (ref.replace(/#$/, "") === metaSchema) return metaSchema;
    const found = resources.find(ref, at.pointer) ?? targetOf(document, ref, at.pointer);
    if (typeof found !== "string") return `schema:${nameOf(found)}`;
    problems.push({ path: at.pointer, message: `The reference ${ref.slice(0, 200)} cannot be followed: ${found}.` });
    return undefined;
  };

  const copy = (at: Located): ContractSchema => {
    const { value } = at;
    if (typeof value === "boolean") return value;
    if (!isObject(value)) return true;
    const ref = refOf(value) ?? textOf(value, "$dynamicRef") ?? textOf(value, "$recursiveRef");
    const target = ref === undefined ? undefined : reference(ref, at);
    // Before 3.1 nothing beside a reference counts.
    if (isOld && refOf(value) !== undefined) return target === undefined ? true : { $ref: target };
    const made: Record<string, unknown> = target === undefined ? {} : { $ref: target };
    for (const name in value) {
      const kind = Object.hasOwn(keywords, name) ? keywords[name] : undefined;
      if (kind === undefined) continue;
      const below: Located = { value: value[name], pointer: pointerTo(at.pointer, name) };
      const copied = copiers[kind](below, copy);
      if (copied !== undefined) made[name] = copied;
    }
    upgrade(value, made, at, copy);
    splitRequired(document, at, made);
    return isNullable(value) ? nullable(made) : made;
  };

  return {
    copy,
    problems,
    named: (name) => {
      const path = document.version === "2.0" ? "#/definitions" : "#/components/schemas";
      const found = targetOf(document, `${path}${pointerTo("", name)}`, "");
      if (typeof found !== "string") nameOf(found);
      else problems.push({ path: "", message: `The document has no schema ${JSON.stringify(name.slice(0, 100))}.` });
    },
    finish: () => {
      const schemas: Record<string, ContractSchema> = {};
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) schemas[next.name] = copy(next.at);
      return Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)));
    },
  };
};

type Kind = "schema" | "schemas" | "map" | "value" | "dependencies";
type Copy = (at: Located) => ContractSchema;

const rows = (kind: Kind, names: string): readonly (readonly [string, Kind])[] =>
  names.split(" ").map((name) => [name, kind]);

/** Everything that is checked; what is not here describes and is left out. */
const keywords: Readonly<Record<string, Kind | undefined>> = Object.fromEntries([
  ...rows(
    "schema",
    "not if then else additionalProperties unevaluatedProperties unevaluatedItems propertyNames contains items",
  ),
  ...rows("schemas", "allOf anyOf oneOf prefixItems"),
  ...rows("map", "properties patternProperties dependentSchemas"),
  ...rows("dependencies", "dependencies"),
  ...rows(
    "value",
    "type enum const multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern format maxItems minItems uniqueItems maxContains minContains maxProperties minProperties required dependentRequired",
  ),
]);

const copiers: Readonly<Record<Kind, (at: Located, copy: Copy) => unknown>> = {
  schema: (at, copy) => (isObject(at.value) || typeof at.value === "boolean" ? copy(at) : undefined),
  schemas: (at, copy) =>
    Array.isArray(at.value) && at.value.length > 0
      ? at.value.map((value: unknown, index) => copy({ value, pointer: pointerTo(at.pointer, index) }))
      : undefined,
  map: (at, copy) => {
    if (!isObject(at.value)) return undefined;
    const made: Record<string, unknown> = {};
    for (const name of Object.keys(at.value))
      set(made, name, copy({ value: at.value[name], pointer: pointerTo(at.pointer, name) }));
    return made;
  },
  value: (at) => at.value,
  // 2019-09 split it into `dependentRequired` and `dependentSchemas`: see `upgrade`.
  dependencies: () => undefined,
};

/** What other versions of JSON Schema say in other words. */
const upgrade = (value: JsonObject, made: Record<string, unknown>, at: Located, copy: Copy): void => {
  for (const [flag, bound] of [
    ["exclusiveMinimum", "minimum"],
    ["exclusiveMaximum", "maximum"],
  ] as const) {
    if (typeof made[flag] !== "boolean") continue;
    const isExclusive = made[flag];
    delete made[flag];
    if (!isExclusive || made[bound] === undefined) continue;
    made[flag] = made[bound];
    delete made[bound];
  }
  if (made.type === "file") delete made.type;
  // A parameter of 2.0 is its own schema, and its `required` speaks of the parameter.
  if (made.required !== undefined && !Array.isArray(made.required)) delete made.required;
  if (Array.isArray(value.items)) {
    made.prefixItems = copiers.schemas({ value: value.items, pointer: pointerTo(at.pointer, "items") }, copy) ?? [];
    const rest = copiers.schema(
      { value: member(value, "additionalItems"), pointer: pointerTo(at.pointer, "additionalItems") },
      copy,
    );
    if (rest !== undefined) made.items = rest;
    if (Array.isArray(made.prefixItems) && made.prefixItems.length === 0) delete made.prefixItems;
  }
  const dependencies = member(value, "dependencies");
  if (!isObject(dependencies)) return;
  const required: Record<string, unknown> = {};
  const schemas: Record<string, unknown> = {};
  for (const [name, below] of Object.entries(dependencies)) {
    if (Array.isArray(below)) set(required, name, below);
    else set(schemas, name, copy({ value: below, pointer: pointerTo(at.pointer, "dependencies", name) }));
  }
  made.dependentRequired ??= required;
  made.dependentSchemas ??= schemas;
};

/**
 * A property that is `readOnly` is required in replies alone, one that is `writeOnly` in requests alone (OpenAPI 3.0, Schema Object;
 * 3.1 leaves it to the reader, and readers do the same).
 */
const splitRequired = (document: OpenApiDocument, at: Located, made: Record<string, unknown>): void => {
  if (!Array.isArray(made.required) || made.required.length === 0) return;
  const properties = schemaAt(document, at).properties;
  const inReply: string[] = [];
  const inRequest: string[] = [];
  for (const name of textsOf(made, "required")) {
    const property = properties.get(name);
    const schema = property === undefined ? undefined : schemaAt(document, property);
    if (schema?.isReadOnly === true) inReply.push(name);
    else if (schema?.isWriteOnly === true) inRequest.push(name);
  }
  if (inReply.length + inRequest.length === 0) return;
  const excused = new Set([...inReply, ...inRequest]);
  made.required = textsOf(made, "required").filter((name) => !excused.has(name));
  if (inReply.length > 0) made.requiredInReply = inReply;
  if (inRequest.length > 0) made.requiredInRequest = inRequest;
};

const isNullable = (value: JsonObject): boolean => isTrue(value, "nullable") || isTrue(value, "x-nullable");

// Beside `allOf` or a reference `nullable` strictly says nothing; whoever writes it there means null.
const nullable = (made: Record<string, unknown>): ContractSchema => {
  const { type } = made;
  if (typeof type !== "string" && !Array.isArray(type))
    return Object.keys(made).length === 0 ? true : { anyOf: [{ type: "null" }, made] };
  if (made.allOf !== undefined || made.$ref !== undefined || made.oneOf !== undefined || made.anyOf !== undefined)
    return { anyOf: [{ type: "null" }, made] };
  return { ...made, type: [...new Set([...(Array.isArray(type) ? type : [type]), "null"])] };
};

// Assigning to `__proto__` would set the prototype instead.
const set = (target: Record<string, unknown>, name: string, value: unknown): void => {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
};
