import type { Located } from "./json-value.ts";
import type { OpenApiDocument } from "./read-document.ts";
import { constraintNames, type Schema, schemaAt } from "./schema.ts";

/** What a node is to the one above it. */
type SchemaRole = "root" | "property" | "items" | "additional" | "choice";

/** One line of a schema as a page shows it. JSON all through; what is undefined is absent. */
export interface SchemaNode {
  readonly role: SchemaRole;
  /** The property's name; undefined for everything that has none. */
  readonly name: string | undefined;
  /** In words: `string <uuid>`, `list of Pet`, `one of Cat, Dog`, `integer or null`. */
  readonly type: string;
  /** The name under which the document keeps this schema. */
  readonly refName: string | undefined;
  readonly isRequired: boolean;
  readonly isDeprecated: boolean;
  readonly isReadOnly: boolean;
  readonly isWriteOnly: boolean;
  readonly title: string | undefined;
  readonly description: string | undefined;
  /** In words: `at least 1`, `at most 100 characters`. */
  readonly constraints: readonly string[];
  readonly enum: readonly unknown[] | undefined;
  readonly default: unknown;
  readonly example: unknown;
  readonly children: readonly SchemaNode[];
  /** Something lies below that is not shown: ask again with this node's pointer. */
  readonly isTruncated: boolean;
  /** It contains itself here. */
  readonly isRecursive: boolean;
  readonly pointer: string;
}

/** The bounds of one tree. */
export interface TreeLimits {
  readonly depthMax: number;
  readonly nodesMax: number;
  readonly enumMax: number;
  readonly textLengthMax: number;
}

/** Three levels, 150 nodes: what a page shows before anything is opened. */
export const treeLimits: TreeLimits = { depthMax: 3, nodesMax: 150, enumMax: 50, textLengthMax: 800 };

/**
 * The tree of a schema, references resolved as far as the limits allow. It grows level by level, so that a budget spent early
 * leaves out what is deep rather than what comes last.
 */
export const schemaTree = (document: OpenApiDocument, at: Located, limits: TreeLimits = treeLimits): SchemaNode => {
  const budget = { nodesLeft: limits.nodesMax };
  const root = growing(document, at, { role: "root", name: undefined, isRequired: false }, [], limits);
  let level: readonly Growing[] = [root];
  for (let depth = 0; level.length > 0 && depth < limits.depthMax; depth++) {
    level = level.flatMap((node) => grow(document, node, limits, budget));
  }
  return root.node;
};

interface Growing {
  readonly node: SchemaNode & { children: SchemaNode[]; isTruncated: boolean };
  readonly schema: Schema;
  /** Pointers of the schemas above. */
  readonly above: readonly string[];
}

interface Place {
  readonly role: SchemaRole;
  readonly name: string | undefined;
  readonly isRequired: boolean;
}

const grow = (
  document: OpenApiDocument,
  parent: Growing,
  limits: TreeLimits,
  budget: { nodesLeft: number },
): readonly Growing[] => {
  if (parent.node.isRecursive) return [];
  const above = [...parent.above, parent.schema.pointer];
  const grown: Growing[] = [];
  parent.node.isTruncated = false;
  for (const [place, at] of below(parent.schema)) {
    if (budget.nodesLeft <= 0) {
      parent.node.isTruncated = true;
      break;
    }
    budget.nodesLeft--;
    const child = growing(document, at, place, above, limits);
    parent.node.children.push(child.node);
    grown.push(child);
  }
  return grown;
};

const growing = (
  document: OpenApiDocument,
  at: Located,
  place: Place,
  above: readonly string[],
  limits: TreeLimits,
): Growing => {
  const schema = schemaAt(document, at);
  const isRecursive = above.includes(schema.pointer);
  return {
    node: {
      ...place,
      type: typeText(document, schema),
      refName: schema.refName,
      isDeprecated: schema.isDeprecated,
      isReadOnly: schema.isReadOnly,
      isWriteOnly: schema.isWriteOnly,
      title: schema.title,
      description: clip(schema.description, limits.textLengthMax),
      constraints: constraintTexts(schema),
      enum: schema.enum?.slice(0, limits.enumMax),
      default: small(schema.default, limits),
      example: small(schema.examples[0], limits),
      children: [],
      // Until it is grown, whatever has something below is cut off here.
      isTruncated: !isRecursive && below(schema).length > 0,
      isRecursive,
      pointer: at.pointer,
    },
    schema,
    above,
  };
};

const below = (schema: Schema): readonly (readonly [Place, Located])[] => {
  const found: (readonly [Place, Located])[] = [];
  for (const [name, property] of schema.properties) {
    found.push([{ role: "property", name, isRequired: property.isRequired }, property]);
  }
  for (const [index, item] of schema.prefixItems.entries()) {
    found.push([{ role: "items", name: String(index), isRequired: false }, item]);
  }
  if (schema.items) found.push([{ role: "items", name: undefined, isRequired: false }, schema.items]);
  if (schema.additional) found.push([{ role: "additional", name: undefined, isRequired: false }, schema.additional]);
  for (const choice of [...schema.oneOf, ...schema.anyOf]) {
    found.push([{ role: "choice", name: undefined, isRequired: false }, choice]);
  }
  return found;
};

/** The type of a schema in words. */
const typeText = (document: OpenApiDocument, schema: Schema, depthLeft = 3): string => {
  if (schema.broken !== undefined) return "unknown (its reference leads nowhere)";
  if (schema.isNever) return "nothing";
  const choices = schema.oneOf.length > 0 ? schema.oneOf : schema.anyOf;
  if (choices.length > 0 && schema.properties.size === 0) {
    const names = choices.slice(0, 5).map((choice) => nameText(document, schemaAt(document, choice), depthLeft - 1));
    return `${schema.oneOf.length > 0 ? "one" : "any"} of ${[...new Set(names)].join(", ")}${choices.length > 5 ? ", ..." : ""}`;
  }
  const types = schema.types.map((type) => {
    if (type === "array")
      return `list of ${schema.items ? nameText(document, schemaAt(document, schema.items), depthLeft - 1) : "anything"}`;
    if (type === "object" && schema.properties.size === 0 && schema.additional) {
      return `map of ${nameText(document, schemaAt(document, schema.additional), depthLeft - 1)}`;
    }
    return schema.format !== undefined && type !== "null" ? `${type} <${schema.format}>` : type;
  });
  if (types.length > 0) return types.join(" or ");
  return schema.enum === undefined
    ? "anything"
    : [...new Set(schema.enum.map((value) => (value === null ? "null" : typeof value)))].join(" or ");
};

const nameText = (document: OpenApiDocument, schema: Schema, depthLeft: number): string => {
  if (schema.refName !== undefined) return schema.refName;
  return depthLeft <= 0 ? (schema.types[0] ?? "anything") : typeText(document, schema, depthLeft);
};

const units: Readonly<Record<(typeof constraintNames)[number], (bound: number) => string>> = {
  minimum: (bound) => `at least ${bound}`,
  exclusiveMinimum: (bound) => `more than ${bound}`,
  maximum: (bound) => `at most ${bound}`,
  exclusiveMaximum: (bound) => `less than ${bound}`,
  multipleOf: (bound) => `a multiple of ${bound}`,
  minLength: (bound) => `at least ${plural(bound, "character", "characters")}`,
  maxLength: (bound) => `at most ${plural(bound, "character", "characters")}`,
  minItems: (bound) => `at least ${plural(bound, "item", "items")}`,
  maxItems: (bound) => `at most ${plural(bound, "item", "items")}`,
  minProperties: (bound) => `at least ${plural(bound, "property", "properties")}`,
  maxProperties: (bound) => `at most ${plural(bound, "property", "properties")}`,
};

const plural = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

const constraintTexts = (schema: Schema): readonly string[] => {
  const texts = constraintNames.flatMap((name) => {
    const bound = schema.constraints[name];
    return bound === undefined ? [] : [units[name](bound)];
  });
  if (schema.pattern !== undefined) texts.push(`matches ${schema.pattern}`);
  if (schema.uniqueItems) texts.push("no item twice");
  if (schema.additional === false && schema.properties.size > 0) texts.push("no other properties");
  return texts;
};

/** A text cut at a length, with an ellipsis where something is missing. */
export const clip = (text: string | undefined, lengthMax: number): string | undefined =>
  text === undefined || text.length <= lengthMax ? text : `${text.slice(0, lengthMax - 1)}…`;

const small = (value: unknown, limits: TreeLimits): unknown =>
  value !== undefined && JSON.stringify(value).length <= limits.textLengthMax ? value : undefined;
