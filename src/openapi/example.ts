import { entriesOf, isObject, type Located, member } from "./json-value.ts";
import type { Content, Parameter } from "./operation-parts.ts";
import { textForPattern } from "./pattern-text.ts";
import type { OpenApiDocument } from "./read-document.ts";
import { type Schema, type SchemaType, schemaAt } from "./schema.ts";

/** Which way a value travels: what is read-only has no place in a request, what is write-only none in a response. */
export type Direction = "request" | "response";

/** The bounds of a generated example. */
export interface ExampleLimits {
  /** Levels of objects and lists; what lies deeper is left out, or empty where it is required. */
  readonly depthMax: number;
  /** Values in one example. */
  readonly valuesMax: number;
}

/** Eight levels and 500 values: a page of JSON. */
const exampleLimits: ExampleLimits = { depthMax: 8, valuesMax: 500 };

/** A value in one media type, as an example. */
export interface BodyExample {
  readonly name: string | undefined;
  readonly summary: string | undefined;
  readonly value: unknown;
  /** What goes over the wire. */
  readonly text: string;
  /** Whether the document gives it; otherwise it was made from the schema. */
  readonly isGiven: boolean;
}

/** An example of a schema: the one it gives, else one made from it, the same every time. Ends also where schemas contain themselves. */
export const exampleFor = (
  document: OpenApiDocument,
  schema: Located,
  direction: Direction = "response",
  limits: ExampleLimits = exampleLimits,
): unknown => {
  const made = make({ document, direction, limits, valuesLeft: limits.valuesMax, open: [] }, schema, 0);
  return made === absent ? null : made;
};

/** The examples of a body in one media type: those that the document gives, else one made from the schema, else none. */
export const bodyExamples = (
  document: OpenApiDocument,
  content: Content,
  direction: Direction,
  limits: ExampleLimits = exampleLimits,
): readonly BodyExample[] => {
  if (content.examples.length > 0) {
    return content.examples.map((example) => ({
      name: example.name,
      summary: example.summary,
      value: example.value,
      text: example.serialized ?? serialise(example.value, content.mediaType),
      isGiven: true,
    }));
  }
  if (content.schema === undefined) return [];
  const value = exampleFor(document, content.schema, direction, limits);
  const isGiven = schemaAt(document, content.schema).examples.length > 0;
  return [
    {
      name: undefined,
      summary: undefined,
      value,
      text: serialise(value, content.mediaType, content.isStream),
      isGiven,
    },
  ];
};

/** An example of a parameter's value. */
export const parameterExample = (document: OpenApiDocument, parameter: Parameter): unknown => {
  const given = parameter.examples[0];
  if (given !== undefined) return given.serialized ?? given.value;
  return parameter.schema === undefined ? "string" : exampleFor(document, parameter.schema, "request");
};

/** Whether a media type carries JSON: `application/json`, and whatever ends in `+json` (RFC 6839). */
export const isJsonMediaType = (mediaType: string): boolean => /^[^;]*[/+]json\s*(;|$)/i.test(mediaType);

interface Making {
  readonly document: OpenApiDocument;
  readonly direction: Direction;
  readonly limits: ExampleLimits;
  valuesLeft: number;
  /** Pointers of the schemas that are being made, outermost first. */
  readonly open: string[];
}

/** Where nothing can be given: the schema allows no value, or it contains itself. */
const absent = Symbol("absent");

const make = (making: Making, at: Located, depth: number): unknown => {
  const schema = schemaAt(making.document, at);
  if (schema.isNever || making.valuesLeft <= 0 || making.open.includes(schema.pointer)) return absent;
  making.valuesLeft--;
  if (schema.examples.length > 0) return schema.examples[0];
  if (schema.hasDefault) return schema.default;
  if (schema.enum !== undefined && schema.enum.length > 0) return schema.enum.find((value) => value !== null) ?? null;
  making.open.push(schema.pointer);
  const made = makeChoice(making, schema, depth);
  making.open.pop();
  return made;
};

const makeChoice = (making: Making, schema: Schema, depth: number): unknown => {
  const choices = schema.oneOf.length > 0 ? schema.oneOf : schema.anyOf;
  const isNull = (choice: Located): boolean => schemaAt(making.document, choice).types.every((type) => type === "null");
  // What says nothing but null, or no type at all, is the last thing that somebody wants to see.
  for (const choice of choices.toSorted((a, b) => Number(isNull(a)) - Number(isNull(b)))) {
    const made = make(making, choice, depth);
    if (made === absent) continue;
    if (!isObject(made) || schema.properties.size === 0) return made;
    const own = makeObject(making, schema, depth);
    return isObject(own) ? { ...own, ...made } : made;
  }
  return makeTyped(making, schema, schema.types.find((type) => type !== "null") ?? schema.types[0], depth);
};

const makeTyped = (making: Making, schema: Schema, type: SchemaType | undefined, depth: number): unknown => {
  if (type === "object") return makeObject(making, schema, depth);
  if (type === "array") return makeList(making, schema, depth);
  if (type === "boolean") return true;
  if (type === "null") return null;
  if (type === "integer" || type === "number") return makeNumber(schema, type === "integer");
  if (type === "string" || schema.format !== undefined || schema.pattern !== undefined) return makeString(schema);
  return schema.properties.size > 0 || isObject(schema.additional) ? makeObject(making, schema, depth) : {};
};

const makeObject = (making: Making, schema: Schema, depth: number): unknown => {
  const made: Record<string, unknown> = {};
  const isDeep = depth >= making.limits.depthMax;
  for (const [name, property] of schema.properties) {
    if (isDeep && !property.isRequired) continue;
    const below = schemaAt(making.document, property);
    if (making.direction === "request" ? below.isReadOnly : below.isWriteOnly) continue;
    const value = isDeep ? emptyOf(below) : make(making, property, depth + 1);
    if (value !== absent) set(made, name, value);
    // What is required and contains itself cannot be left out: it is there, and empty.
    else if (property.isRequired) set(made, name, emptyOf(below));
  }
  if (schema.properties.size === 0 && schema.additional && !isDeep) {
    const value = make(making, schema.additional, depth + 1);
    if (value !== absent) set(made, "key", value);
  }
  return made;
};

// Assigning to `__proto__` would set the prototype instead.
const set = (target: Record<string, unknown>, name: string, value: unknown): void => {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
};

const emptyOf = (schema: Schema): unknown => {
  const type = schema.types.includes("null") ? "null" : schema.types[0];
  if (type === "array") return [];
  if (type === "string") return makeString(schema);
  if (type === "integer" || type === "number") return makeNumber(schema, type === "integer");
  if (type === "boolean") return true;
  return type === "object" ? {} : null;
};

/** Elements that a list is given at most, however many the schema asks for. */
const itemsMax = 20;

const makeList = (making: Making, schema: Schema, depth: number): unknown => {
  if (depth >= making.limits.depthMax) return [];
  const made: unknown[] = [];
  for (const item of schema.prefixItems) {
    const value = make(making, item, depth + 1);
    if (value !== absent) made.push(value);
  }
  if (schema.items === undefined) return made;
  const wanted = Math.min(
    Math.max(schema.constraints.minItems ?? 1, 1),
    schema.constraints.maxItems ?? itemsMax,
    itemsMax,
  );
  const choices = schema.uniqueItems ? schemaAt(making.document, schema.items).enum : undefined;
  while (made.length < wanted) {
    const value = choices === undefined ? make(making, schema.items, depth + 1) : choices[made.length];
    if (value === absent || value === undefined) break;
    made.push(value);
  }
  return made;
};

const makeNumber = (schema: Schema, isInteger: boolean): number => {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema.constraints;
  const step = multipleOf !== undefined && multipleOf > 0 ? multipleOf : isInteger ? 1 : 0;
  const low = Math.max(minimum ?? Number.NEGATIVE_INFINITY, exclusiveMinimum ?? Number.NEGATIVE_INFINITY);
  const high = Math.min(maximum ?? Number.POSITIVE_INFINITY, exclusiveMaximum ?? Number.POSITIVE_INFINITY);
  const isAllowed = (value: number): boolean =>
    value >= low && value <= high && value !== exclusiveMinimum && value !== exclusiveMaximum;
  const snapped = (value: number): number => (step > 0 ? Math.ceil(value / step) * step : value);
  const middle = Number.isFinite(low) && Number.isFinite(high) ? (low + high) / 2 : low;
  const around = step > 0 ? step : 1;
  const candidates = [around, 0, snapped(low), snapped(low) + around, high, snapped(high) - around, middle];
  return candidates.find((value) => Number.isFinite(value) && isAllowed(value)) ?? (Number.isFinite(low) ? low : 0);
};

const makeString = (schema: Schema): string => {
  if (schema.pattern !== undefined) {
    const text = textForPattern(schema.pattern, schema.constraints.minLength ?? 0);
    if (text !== undefined) return text;
  }
  const byFormat = formats.get(schema.format ?? "");
  if (byFormat !== undefined) return byFormat;
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema.constraints;
  const word = "string";
  if (word.length < minLength)
    return word.repeat(Math.ceil(Math.min(minLength, stringLengthMax) / word.length)).slice(0, minLength);
  return word.slice(0, maxLength);
};

/** The longest generated string, however long the schema asks for. */
const stringLengthMax = 1024;

const formats: ReadonlyMap<string, string> = new Map([
  ["date", "2026-01-31"],
  ["date-time", "2026-01-31T12:00:00Z"],
  ["time", "12:00:00Z"],
  ["duration", "PT1H"],
  ["email", "user@example.com"],
  ["idn-email", "user@example.com"],
  ["hostname", "example.com"],
  ["idn-hostname", "example.com"],
  ["ipv4", "192.0.2.1"],
  ["ipv6", "2001:db8::1"],
  ["uri", "https://example.com/path"],
  ["url", "https://example.com/path"],
  ["uri-reference", "/path"],
  ["iri", "https://example.com/path"],
  ["iri-reference", "/path"],
  ["uri-template", "/path/{id}"],
  ["uuid", "3fa85f64-5717-4562-b3fc-2c963f66afa6"],
  ["byte", "cG9ydGljbw=="],
  ["binary", "binary"],
  ["password", "correct-horse"],
  ["json-pointer", "/path/0"],
  ["relative-json-pointer", "0/path"],
  ["regex", "^[a-z]+$"],
  ["int64", "1"],
  ["decimal", "1.5"],
]);

const serialise = (value: unknown, mediaType: string, isStream = false): string => {
  if (/event-stream/i.test(mediaType)) return typeof value === "string" ? value : eventText(value);
  if (isStream || /(jsonl|ndjson|json-seq)/i.test(mediaType))
    return typeof value === "string" ? value : `${jsonText(value)}\n`;
  if (isJsonMediaType(mediaType)) return jsonText(value);
  if (/x-www-form-urlencoded/i.test(mediaType) && isObject(value)) return formText(value);
  if (/^multipart\/form-data/i.test(mediaType) && isObject(value)) return multipartText(value);
  if (/[/+]xml/i.test(mediaType) && typeof value !== "string") return xmlText(value);
  return typeof value === "string" ? value : jsonText(value);
};

const jsonText = (value: unknown): string => JSON.stringify(value, null, 2) ?? "null";

const eventText = (value: unknown): string =>
  typeof member(value, "data") === "string"
    ? `${entriesOf(value)
        .map(([name, field]) => `${name}: ${String(field)}\n`)
        .join("")}\n`
    : `data: ${JSON.stringify(value)}\n\n`;

const formText = (value: Readonly<Record<string, unknown>>): string => {
  const form = new URLSearchParams();
  for (const [name, field] of Object.entries(value)) {
    form.append(name, typeof field === "object" ? JSON.stringify(field) : String(field));
  }
  return form.toString();
};

/** The boundary between the parts of generated multipart bodies (RFC 2046 section 5.1.1). */
export const multipartBoundary = "portico-part";

const multipartText = (value: Readonly<Record<string, unknown>>): string => {
  const parts = Object.entries(value).map(([name, field]) => {
    // RFC 7578 section 4.2: quotes and line breaks in a name are percent-encoded.
    const safe = name.replace(/["\r\n]/g, (mark) => encodeURIComponent(mark));
    const text = typeof field === "object" ? JSON.stringify(field) : String(field);
    return `--${multipartBoundary}\r\nContent-Disposition: form-data; name="${safe}"\r\n\r\n${text}\r\n`;
  });
  return `${parts.join("")}--${multipartBoundary}--\r\n`;
};

const xmlText = (value: unknown): string => `<?xml version="1.0" encoding="UTF-8"?>\n${xmlElement("root", value)}\n`;

const xmlElement = (name: string, value: unknown): string => {
  if (Array.isArray(value)) return value.map((item) => xmlElement(name, item)).join("");
  const inner = isObject(value)
    ? Object.entries(value)
        .map(([key, below]) => xmlElement(key, below))
        .join("")
    : String(value ?? "").replace(/[<>&]/g, (mark) => ({ "<": "&lt;", ">": "&gt;", "&": "&amp;" })[mark] ?? mark);
  // A name that XML does not allow becomes one it does.
  const tag = /^[A-Za-z_][\w.-]*$/.test(name) ? name : `_${name.replace(/[^\w.-]/g, "_")}`;
  return `<${tag}>${inner}</${tag}>`;
};
