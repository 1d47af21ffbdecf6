import type { ContractSchema } from "./contract.ts";

/** How the schemas of a contract are read by a policy. */
export interface SchemaVariant {
  readonly direction: "request" | "reply";
  /** `allow-additional-properties`: overrides what the schemas say; undefined: they decide. */
  readonly additional: boolean | undefined;
  /** `case-insensitive-property-names`: names are compared in lower case; the value must have been lowered too. */
  readonly isCaseless: boolean;
}

/** The name of a variant: equal names, equal schemas. */
export const variantName = (variant: SchemaVariant): string =>
  `${variant.direction} ${variant.additional ?? "as-written"} ${variant.isCaseless ? "caseless" : "exact"}`;

const lists: ReadonlySet<string> = new Set(["allOf", "anyOf", "oneOf", "prefixItems"]);
const maps: ReadonlySet<string> = new Set(["properties", "patternProperties", "dependentSchemas"]);
const singles: ReadonlySet<string> = new Set([
  "not",
  "if",
  "then",
  "else",
  "additionalProperties",
  "unevaluatedProperties",
  "unevaluatedItems",
  "propertyNames",
  "contains",
  "items",
]);

/**
 * A schema as a variant reads it. `isOpen`: it is one part of a whole (`allOf` and its like), so that what it does not know itself may
 * stand in the other parts; the whole is closed instead. References to such parts begin with `open:`.
 */
export const adaptSchema = (schema: ContractSchema, variant: SchemaVariant, isOpen: boolean): ContractSchema => {
  if (typeof schema === "boolean") return schema;
  const made: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(schema)) {
    if (name === "requiredInReply" || name === "requiredInRequest") continue;
    const isClosing = name === "additionalProperties" || name === "unevaluatedProperties";
    if (isClosing && value === false && variant.additional === true) continue;
    made[name] = adapted(name, value, variant, isOpen);
  }
  const required = schema[variant.direction === "reply" ? "requiredInReply" : "requiredInRequest"];
  if (Array.isArray(required))
    made.required = [
      ...(Array.isArray(made.required) ? made.required : []),
      ...required.map((name) => lowered(name, variant)),
    ];
  const isObject = made.properties !== undefined || (Array.isArray(made.allOf) && made.allOf.length > 0);
  if (variant.additional === false && isObject && !isOpen && made.additionalProperties === undefined)
    made.unevaluatedProperties = false;
  return made;
};

const adapted = (name: string, value: unknown, variant: SchemaVariant, isOpen: boolean): unknown => {
  const closes = variant.additional === false;
  if (name === "$ref" && typeof value === "string" && value.startsWith("schema:") && closes && isOpen)
    return value.replace("schema:", "open:");
  if (lists.has(name) && Array.isArray(value)) {
    const isPart = name !== "prefixItems";
    return value.map((one: ContractSchema) => adaptSchema(one, variant, isPart && closes));
  }
  if (maps.has(name)) return adaptMap(name, value as Readonly<Record<string, ContractSchema>>, variant);
  if (singles.has(name)) {
    const isPart = ["if", "then", "else", "not"].includes(name);
    return adaptSchema(value as ContractSchema, variant, isPart && closes);
  }
  if (name === "required" && Array.isArray(value)) return value.map((one) => lowered(one, variant));
  return value;
};

const adaptMap = (
  name: string,
  value: Readonly<Record<string, ContractSchema>>,
  variant: SchemaVariant,
): Readonly<Record<string, ContractSchema>> => {
  const made: Record<string, ContractSchema> = {};
  for (const [key, below] of Object.entries(value)) {
    const at = name === "patternProperties" ? key : lowered(key, variant);
    const isPart = name === "dependentSchemas" && variant.additional === false;
    Object.defineProperty(made, at, { value: adaptSchema(below, variant, isPart), enumerable: true });
  }
  return made;
};

const lowered = (name: string, variant: SchemaVariant): string => (variant.isCaseless ? name.toLowerCase() : name);
