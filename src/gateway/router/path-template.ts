/** One part of a path template between two slashes. */
export type TemplateSegment =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "parameter"; readonly name: string }
  /** Text and parameters in one segment, `{name}.json`: `texts` stand around `names`, one more of them. */
  | { readonly kind: "mixed"; readonly texts: readonly string[]; readonly names: readonly string[] }
  /** Everything to the end of the path, slashes included: `{path*}`, `{+path}` or `*`; only as the last segment. */
  | { readonly kind: "rest"; readonly name: string };

/** A condition on the query that some documents write into their paths: `/?Action=List`. A value of null asks for presence. */
export interface QueryCondition {
  readonly name: string;
  readonly value: string | null;
}

/** A parsed path template. `shape` is equal for templates that match the same paths: parameter names do not count. */
export interface PathTemplate {
  readonly text: string;
  readonly segments: readonly TemplateSegment[];
  readonly conditions: readonly QueryCondition[];
  readonly shape: string;
  readonly hasParameters: boolean;
}

/** Parses `/orders/{orderId}`; answers what is wrong with it as a string. */
export const parseTemplate = (text: string): PathTemplate | string => {
  if (!text.startsWith("/")) return `the path ${text} does not begin with '/'`;
  const cut = text.search(/[?#](?![^{]*\})/);
  const path = cut < 0 ? text : text.slice(0, cut);
  const segments: TemplateSegment[] = [];
  const parts = path.slice(1).split("/");
  for (const [index, part] of parts.entries()) {
    const segment = parseSegment(part, index === parts.length - 1);
    if (typeof segment === "string") return `the path ${text} ${segment}`;
    segments.push(segment);
  }
  const conditions = cut < 0 ? [] : conditionsOf(text.slice(cut + 1));
  return {
    text,
    segments,
    conditions,
    shape: `${segments.map((segment) => `/${shapeOf(segment)}`).join("")}${conditions.length === 0 ? "" : `?${JSON.stringify(conditions)}`}`,
    hasParameters: segments.some((segment) => segment.kind !== "literal"),
  };
};

/** Decodes one segment of a path. `%2F` becomes data; bytes that are no UTF-8 become U+FFFD. */
export const decodeSegment = (raw: string): string => {
  if (!raw.includes("%")) return raw;
  try {
    return decodeURIComponent(raw);
  } catch {
    // Not UTF-8: the bytes are still the client's data, so they are kept as far as text can hold them.
    const bytes = raw.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    return Buffer.from(bytes, "latin1").toString("utf8");
  }
};

/**
 * The decoded values of the template's parameters in a path that it matched. `path` is raw; it begins at the operation's part.
 * The result has no prototype, so that a parameter may have any name.
 */
export const parametersOf = (template: PathTemplate, path: string): Readonly<Record<string, string>> => {
  const values: Record<string, string> = Object.create(null);
  let start = 1;
  for (const segment of template.segments) {
    const slash = path.indexOf("/", start);
    const end = slash < 0 ? path.length : slash;
    if (segment.kind === "parameter") values[segment.name] = decodeSegment(path.slice(start, end));
    else if (segment.kind === "mixed") {
      const found = splitMixed(segment.texts, decodeSegment(path.slice(start, end)));
      for (const [index, name] of segment.names.entries()) values[name] = found?.[index] ?? "";
    } else if (segment.kind === "rest") {
      values[segment.name] = path.slice(start).split("/").map(decodeSegment).join("/");
    }
    start = end + 1;
  }
  return values;
};

/**
 * What stands between the fixed texts of a mixed segment, or undefined where they do not fit. Each parameter takes at least
 * one character, and as few as it can; the last text is bound to the end.
 */
export const splitMixed = (texts: readonly string[], value: string): readonly string[] | undefined => {
  const first = texts[0] ?? "";
  const last = texts.at(-1) ?? "";
  if (!value.startsWith(first) || !value.endsWith(last)) return undefined;
  const end = value.length - last.length;
  let position = first.length;
  const values: string[] = [];
  for (let i = 1; i < texts.length - 1; i++) {
    const text = texts[i] ?? "";
    const at = value.indexOf(text, position + 1);
    if (at < 0 || at + text.length > end) return undefined;
    values.push(value.slice(position, at));
    position = at + text.length;
  }
  if (position >= end) return undefined;
  values.push(value.slice(position, end));
  return values;
};

const parseSegment = (part: string, isLast: boolean): TemplateSegment | string => {
  if (part === "*" && isLast) return { kind: "rest", name: "*" };
  const texts: string[] = [];
  const names: string[] = [];
  let position = 0;
  for (;;) {
    const open = part.indexOf("{", position);
    const stray = part.indexOf("}", position);
    if (stray >= 0 && (open < 0 || stray < open)) return "has a '}' without '{'";
    if (open < 0) break;
    const close = part.indexOf("}", open);
    if (close < 0) return "has a '{' without '}'";
    const name = part.slice(open + 1, close);
    if (name === "" || name.includes("{")) return "has a parameter without a proper name";
    texts.push(decodeSegment(part.slice(position, open)));
    names.push(name);
    position = close + 1;
  }
  texts.push(decodeSegment(part.slice(position)));
  const name = names[0];
  if (name === undefined) return { kind: "literal", text: texts[0] ?? "" };
  if (names.length > 1 || texts.some((text) => text !== "")) {
    if (texts.slice(1, -1).includes("")) return "has two parameters with nothing between them";
    return { kind: "mixed", texts, names };
  }
  if (isLast && (name.startsWith("+") || name.endsWith("*")))
    return { kind: "rest", name: name.replace(/^\+|\*$/g, "") };
  return { kind: "parameter", name };
};

const shapeOf = (segment: TemplateSegment): string => {
  if (segment.kind === "literal") return encodeURIComponent(segment.text);
  if (segment.kind === "parameter") return "{}";
  if (segment.kind === "rest") return "{*}";
  return segment.texts.map(encodeURIComponent).join("{}");
};

const conditionsOf = (query: string): readonly QueryCondition[] =>
  query
    .split("&")
    .filter((part) => part !== "")
    .map((part) => {
      const equals = part.indexOf("=");
      if (equals < 0) return { name: part, value: null };
      const value = part.slice(equals + 1);
      return { name: part.slice(0, equals), value: /^\{.*\}$/.test(value) ? null : value };
    });
