import type { ContractParameter, ContractShape } from "./contract.ts";
import type { Exchange } from "./exchange.ts";

/** What a request says for a parameter: absent, a value, or a text that cannot be one. */
export type ParameterValue =
  | { readonly state: "absent" }
  /** `text`: what a value was read from that the schema may also take as it is. */
  | { readonly state: "value"; readonly value: unknown; readonly text?: string }
  | { readonly state: "malformed"; readonly detail: string };

/** The raw pairs of a query, split once for all parameters of a call. */
export type RawQuery = readonly (readonly [name: string, rawName: string, rawValue: string])[];

/** Pairs that one query may have before the rest is left unread: more is refused by whoever asks. */
export const queryPairsMax: number = 1000;

/** The pairs of a query, names decoded and values as they came. */
export const rawQuery = (query: string): RawQuery =>
  query === ""
    ? []
    : query
        .split("&", queryPairsMax + 1)
        .filter((pair) => pair !== "")
        .map((pair) => {
          const at = pair.indexOf("=");
          const name = at < 0 ? pair : pair.slice(0, at);
          return [decodedForm(name), name, at < 0 ? "" : pair.slice(at + 1)] as const;
        });

const absent: ParameterValue = { state: "absent" };
const malformed = (detail: string): ParameterValue => ({ state: "malformed", detail });
const present = (value: unknown): ParameterValue => ({ state: "value", value });

/** A parameter's value out of a request, by its style (OpenAPI 3.2, section 4.12; RFC 6570). */
export const parameterValue = (one: ContractParameter, x: Exchange, query: RawQuery): ParameterValue => {
  switch (one.in) {
    case "path":
      return pathValue(one, x);
    case "query":
      return queryValue(one, query);
    case "querystring":
      return x.request.upstreamQuery === "" ? absent : contentValue(one, decodedForm(x.request.upstreamQuery), query);
    case "header":
      return headerValue(one, x.request.headers.getAll(one.name));
    case "cookie":
      return cookieValue(one, x);
  }
};

/** A header's value out of its fields; also of a reply. */
export const headerValue = (one: ContractParameter, fields: readonly string[]): ParameterValue => {
  if (fields.length === 0) return absent;
  const text = fields.join(",");
  if (one.mediaType !== undefined) return contentValue(one, text, []);
  return styled(one, listKind(one), text.split(",").map(trimmed), text.trim(), plain);
};

/** Names that a query parameter takes for itself: what is left of a query is unspecified. */
export const takesQueryName = (one: ContractParameter, name: string): boolean => {
  if (one.in === "querystring") return true;
  if (one.in !== "query") return false;
  if (one.name === name) return true;
  if (one.style === "deepObject") return name.startsWith(`${one.name}[`);
  if (!isExplodedObject(one)) return false;
  const { properties } = one.shape;
  return properties === undefined || Object.hasOwn(properties, name);
};

type Decode = (text: string) => string;
const plain: Decode = (text) => text;
const trimmed = (text: string): string => text.trim();

const listKind = (one: ContractParameter): "array" | "object" | "primitive" => {
  const { types } = one.shape;
  if (types.includes("array")) return "array";
  return types.includes("object") ? "object" : "primitive";
};

const isExplodedObject = (one: ContractParameter): boolean =>
  one.style === "form" && one.explode && listKind(one) === "object" && one.mediaType === undefined;

const pathValue = (one: ContractParameter, x: Exchange): ParameterValue => {
  const known = x.request.params[one.name];
  if (known === undefined) return absent;
  const raw = rawSegment(one.name, x) ?? encodeURIComponent(known);
  if (one.mediaType !== undefined) return contentValue(one, decoded(raw), []);
  const kind = listKind(one);
  if (one.style === "label") {
    if (!raw.startsWith(".")) return malformed("must begin with `.`");
    const text = raw.slice(1);
    return styled(one, kind, text.split(one.explode ? "." : ","), text, decoded);
  }
  if (one.style === "matrix") return matrixValue(one, raw, kind);
  return styled(one, kind, raw.split(","), raw, decoded);
};

const matrixValue = (one: ContractParameter, raw: string, kind: ReturnType<typeof listKind>): ParameterValue => {
  if (!raw.startsWith(";")) return malformed("must begin with `;`");
  const parts = raw.slice(1).split(";");
  if (kind === "object" && one.explode) return styled(one, kind, parts, raw, decoded);
  const values: string[] = [];
  for (const part of parts) {
    const at = part.indexOf("=");
    if (decoded(at < 0 ? part : part.slice(0, at)) !== one.name) return malformed(`must be written ;${one.name}=value`);
    values.push(at < 0 ? "" : part.slice(at + 1));
  }
  if (kind === "array" && one.explode) return styled(one, kind, values, raw, decoded);
  const [value = ""] = values;
  return values.length > 1 ? malformed("is given more than once") : styled(one, kind, value.split(","), value, decoded);
};

/** The raw text of a parameter that fills a whole segment of its template: a comma that is data is still encoded there. */
const rawSegment = (name: string, x: Exchange): string | undefined => {
  const template = x.route.pathTemplate.split("/");
  const from = template.lastIndexOf(`{${name}}`);
  if (from < 0) return undefined;
  const segments = x.request.path.split("/");
  return segments[segments.length - (template.length - from)];
};

const queryValue = (one: ContractParameter, query: RawQuery): ParameterValue => {
  if (one.style === "deepObject") return deepValue(one, query);
  if (isExplodedObject(one)) return explodedObject(one, query);
  const values = query.filter(([name]) => name === one.name).map(([, , value]) => value);
  const [value] = values;
  if (value === undefined) return absent;
  if (one.mediaType !== undefined)
    return values.length > 1 ? malformed("is given more than once") : contentValue(one, decodedForm(value), []);
  const kind = listKind(one);
  if (value === "" && values.length === 1 && one.allowEmptyValue === true) return absent;
  if (kind === "array" && one.explode) return styled(one, kind, values, value, decodedForm);
  if (values.length > 1) return malformed("is given more than once");
  return styled(one, kind, value.split(separators[one.style] ?? ","), value, decodedForm);
};

// A space is written %20 or +, and some leave the bar as it is.
const separators: Readonly<Partial<Record<ContractParameter["style"], RegExp>>> = {
  spaceDelimited: /%20|\+/i,
  pipeDelimited: /\||%7c/i,
  tabDelimited: /%09/i,
};

const explodedObject = (one: ContractParameter, query: RawQuery): ParameterValue => {
  const { properties } = one.shape;
  const found = query.filter(([name]) => properties === undefined || Object.hasOwn(properties, name));
  if (found.length === 0) return absent;
  return present(
    objectOf(
      found.map(([name, , value]) => [name, decodedForm(value)] as const),
      one.shape,
    ),
  );
};

const deepValue = (one: ContractParameter, query: RawQuery): ParameterValue => {
  const pairs: (readonly [string, string])[] = [];
  for (const [name, , value] of query) {
    if (!name.startsWith(`${one.name}[`)) continue;
    if (!name.endsWith("]")) return malformed("must be written name[property]=value");
    const property = name.slice(one.name.length + 1, -1);
    if (property.includes("[") || property.includes("]")) return malformed("has properties within properties");
    pairs.push([property, decodedForm(value)]);
  }
  return pairs.length === 0 ? absent : present(objectOf(pairs, one.shape));
};

const cookieValue = (one: ContractParameter, x: Exchange): ParameterValue => {
  const pairs = x.request.headers
    .getAll("cookie")
    .flatMap((field) => field.split(";"))
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "")
    .map((pair) => [pair.split("=", 1)[0] ?? "", pair, pair.slice(pair.indexOf("=") + 1)] as const);
  const decode = one.style === "cookie" ? plain : decoded;
  const values = pairs.filter(([name]) => name === one.name).map(([, , value]) => value);
  const [value] = values;
  if (value === undefined) {
    if (!isExplodedObject(one) || one.shape.properties === undefined) return absent;
    const found = pairs.filter(([name]) => Object.hasOwn(one.shape.properties ?? {}, name));
    return found.length === 0
      ? absent
      : present(
          objectOf(
            found.map(([name, , text]) => [name, decode(text)] as const),
            one.shape,
          ),
        );
  }
  if (one.mediaType !== undefined) return contentValue(one, decode(value), []);
  const kind = listKind(one);
  if (kind === "array" && one.explode) return styled(one, kind, values, value, decode);
  return values.length > 1 ? malformed("is given more than once") : styled(one, kind, value.split(","), value, decode);
};

const contentValue = (one: ContractParameter, text: string, query: RawQuery): ParameterValue => {
  const type = one.mediaType ?? "";
  if (/^application\/x-www-form-urlencoded\b/.test(type))
    return present(
      objectOf(
        query.map(([name, , value]) => [name, decodedForm(value)] as const),
        one.shape,
      ),
    );
  if (!/[/+]json\b/.test(type)) return present(text);
  try {
    return present(JSON.parse(text));
  } catch {
    // The text is the caller's; what is wrong with it need not be said in JSON.parse's words, which quote it.
    return malformed("is not JSON");
  }
};

const styled = (
  one: ContractParameter,
  kind: ReturnType<typeof listKind>,
  parts: readonly string[],
  whole: string,
  decode: Decode,
): ParameterValue => {
  const { types, items } = one.shape;
  if (kind === "primitive") {
    const text = decode(whole);
    return types.includes("string") && types.length > 1
      ? { state: "value", value: coerced(text, types), text }
      : present(coerced(text, types));
  }
  if (kind === "array") {
    if (parts.length === 1 && whole === "" && one.in !== "query") return present([]);
    return present(parts.map((part) => coerced(decode(part), items ?? [])));
  }
  const pairs: (readonly [string, string])[] = [];
  if (one.explode && one.in !== "query") {
    for (const part of parts) {
      const at = part.indexOf("=");
      if (at < 0) return malformed("must be written property=value");
      pairs.push([decode(part.slice(0, at)), decode(part.slice(at + 1))]);
    }
    return present(objectOf(pairs, one.shape));
  }
  if (parts.length % 2 !== 0) return malformed("must have a value for each property");
  for (let index = 0; index < parts.length; index += 2)
    pairs.push([decode(parts[index] ?? ""), decode(parts[index + 1] ?? "")]);
  return present(objectOf(pairs, one.shape));
};

/** An object of texts, each coerced to what its property may be; a name that comes twice is a list. */
export const objectOf = (
  pairs: readonly (readonly [string, string])[],
  shape: ContractShape,
): Readonly<Record<string, unknown>> => {
  const texts = new Map<string, string[]>();
  for (const [name, text] of pairs) {
    const known = texts.get(name);
    if (known === undefined) texts.set(name, [text]);
    else known.push(text);
  }
  const made: Record<string, unknown> = {};
  for (const [name, values] of texts) {
    const types =
      shape.properties !== undefined && Object.hasOwn(shape.properties, name) ? (shape.properties[name] ?? []) : [];
    const list = types.find((type) => type === "array" || type.startsWith("array<"));
    const inner =
      list
        ?.slice(6, -1)
        .split("|")
        .filter((type) => type !== "") ?? types;
    const value = values.map((text) => coerced(text, inner));
    Object.defineProperty(made, name, {
      value: list !== undefined || value.length > 1 ? value : value[0],
      enumerable: true,
    });
  }
  return made;
};

const numberPattern = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** What a text stands for where these types are possible; the text itself where it stands for none of them. */
const coerced = (text: string, types: readonly string[]): unknown => {
  if ((types.includes("integer") || types.includes("number")) && numberPattern.test(text)) return Number(text);
  if (types.includes("boolean") && (text === "true" || text === "false")) return text === "true";
  if (types.includes("null") && (text === "" || text === "null")) return null;
  return text;
};

const decoded: Decode = (text) => {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    // Not UTF-8: the text is checked as it came.
    return text;
  }
};

const decodedForm: Decode = (text) => decoded(text.includes("+") ? text.replaceAll("+", " ") : text);
