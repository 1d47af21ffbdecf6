import { z } from "zod";
import { Fault } from "../base/fault.ts";
import { accepts, convertBody, isJsonType, isXmlType, mediaTypeOf } from "../exchange/changed-body.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { booleanValue } from "../exchange/policy-schema.ts";
import { sectionMessage } from "../exchange/section-message.ts";

const applies = ["always", "content-type-json"];
const schema = z.strictObject({
  apply: z.string().max(4096),
  "consider-accept-header": booleanValue.default(true),
  "parse-date": z.boolean().default(true),
  "namespace-separator": z.string().min(1).max(4096).default("_"),
  "namespace-prefix": z.string().min(1).max(4096).optional(),
  "attribute-block-name": z.string().min(1).max(4096).optional(),
});

/** Converts a JSON body to XML; see docs. */
export const jsonToXml: Policy = definePolicy({
  name: "json-to-xml",
  group: "transformation",
  summary: "Converts a body from JSON to XML.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`apply\` | required | \`always\`, or \`content-type-json\`: only where \`Content-Type\` says JSON; literal or expression |
| \`consider-accept-header\` | true | only where the request's \`Accept\` names XML; literal or expression |
| \`parse-date\` | true | dates and times are written in one form (RFC 3339); false copies them as they are |
| \`namespace-separator\` | \`_\` | what stands between prefix and name in a member: \`soap_Body\` becomes \`soap:Body\` where the prefix is declared; literal or expression |
| \`namespace-prefix\` | none | members that begin with it (usually \`xmlns\`) are namespace declarations of their element; literal or expression |
| \`attribute-block-name\` | none | the members of the object of this name become attributes; literal or expression |

An object with exactly one member that is an object becomes the root; anything else stands in \`Document\`. A list repeats its element; \`null\` is \`xsi:nil="true"\`; characters that XML does not allow in
names become \`_xHHHH_\`. The body is held as a whole (8 MiB at most); what is no JSON is refused with 400 \`request.body_invalid\`.`,
  sections: ["inbound", "outbound", "on-error"],
  schema,
  examples: [
    {
      title: "A SOAP envelope from JSON",
      config: {
        apply: "always",
        "consider-accept-header": false,
        "parse-date": false,
        "namespace-separator": ":",
        "namespace-prefix": "xmlns",
        "attribute-block-name": "#attrs",
      },
    },
  ],
  build: (config, tools) => {
    const apply = tools.value(config.apply, "string", ".apply");
    if (apply.constant !== undefined && !applies.includes(apply.constant))
      tools.mistake(".apply", `one of ${applies.join(", ")}`);
    const considersAccept = tools.value(config["consider-accept-header"], "boolean", ".consider-accept-header");
    const separator = tools.value(config["namespace-separator"], "string", ".namespace-separator");
    const prefix = optional(config["namespace-prefix"], ".namespace-prefix");
    const block = optional(config["attribute-block-name"], ".attribute-block-name");
    const message = sectionMessage(tools.section);
    return async (x) => {
      const target = message(x);
      if (target === null || target.body.isEmpty) return;
      if (apply.of(x) !== "always" && !isJsonType(mediaTypeOf(target.headers))) return;
      if (considersAccept.of(x) && !accepts(x, isXmlType)) return;
      const writing = {
        parsesDates: config["parse-date"],
        separator: separator.of(x),
        prefix: prefix?.of(x),
        block: block?.of(x),
        declared: new Set(["xml"]),
      };
      await convertBody(target, "application/xml; charset=utf-8", (text) => xmlOf(parse(text), writing));
    };

    function optional(source: string | undefined, path: string) {
      return source === undefined ? undefined : tools.value(source, "string", path);
    }
  },
});

interface Writing {
  readonly parsesDates: boolean;
  readonly separator: string;
  readonly prefix: string | undefined;
  readonly block: string | undefined;
  /** Prefixes that this element and those around it declare. */
  readonly declared: ReadonlySet<string>;
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Fault("request.body_invalid", { public: "The body is no JSON.", status: 400, cause });
  }
};

const nilAttributes = ' xsi:nil="true" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"';

const xmlOf = (value: unknown, writing: Writing): string => {
  const members = isObject(value) ? Object.entries(value) : [];
  const [only] = members;
  const isRoot = members.length === 1 && only !== undefined && isObject(only[1]);
  const body = isRoot && only !== undefined ? element(only[0], only[1], writing) : element("Document", value, writing);
  return `<?xml version="1.0" encoding="utf-8"?>${body}`;
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === "object" && !Array.isArray(value);

const element = (name: string, value: unknown, writing: Writing): string => {
  if (Array.isArray(value) && value.length > 0) return value.map((one) => listed(name, one, writing)).join("");
  const within = isObject(value) ? { ...writing, declared: declaredIn(value, writing) } : writing;
  const tag = tagOf(name, within);
  if (value === null || value === undefined) return `<${tag}${nilAttributes} />`;
  if (Array.isArray(value)) return `<${tag} />`;
  if (!isObject(value)) return filled(tag, "", escaped(textOf(value, writing)));
  let attributes = "";
  let content = "";
  for (const [member, inner] of Object.entries(value)) {
    if (member === writing.block && isObject(inner)) {
      for (const [attribute, text] of Object.entries(inner))
        attributes += ` ${tagOf(attribute, within)}="${attributeText(text, writing)}"`;
    } else if (isDeclaration(member, writing)) {
      const prefix = declaredPrefix(member, writing);
      attributes += ` xmlns${prefix === "" ? "" : `:${legalName(prefix)}`}="${attributeText(inner, writing)}"`;
    } else if (member === "#text") content += escaped(textOf(inner, writing));
    else content += element(member, inner, within);
  }
  return filled(tag, attributes, content);
};

/** A list within a list has no name of its own: its entries repeat the outer one's. */
const listed = (name: string, value: unknown, writing: Writing): string =>
  Array.isArray(value)
    ? filled(tagOf(name, writing), "", element(name, value, writing))
    : element(name, value, writing);

const filled = (tag: string, attributes: string, content: string): string =>
  content === "" ? `<${tag}${attributes} />` : `<${tag}${attributes}>${content}</${tag}>`;

const isDeclaration = (member: string, { prefix, separator }: Writing): boolean =>
  prefix !== undefined &&
  (member === prefix || member.startsWith(`${prefix}:`) || member.startsWith(prefix + separator));

/** The prefix that a member declares, empty for the default namespace. */
const declaredPrefix = (member: string, { prefix = "", separator }: Writing): string => {
  const rest = member.slice(prefix.length);
  return rest.startsWith(separator) ? rest.slice(separator.length) : rest.slice(1);
};

const declaredIn = (value: Readonly<Record<string, unknown>>, writing: Writing): ReadonlySet<string> => {
  const prefixes = Object.keys(value)
    .filter((member) => isDeclaration(member, writing))
    .map((member) => declaredPrefix(member, writing));
  return prefixes.length === 0 ? writing.declared : new Set([...writing.declared, ...prefixes]);
};

const attributeText = (value: unknown, writing: Writing): string =>
  escaped(textOf(value, writing)).replaceAll('"', "&quot;").replaceAll("\n", "&#10;");

/** The member's name as XML may have it, with a colon where the separator stands behind a declared prefix. */
const tagOf = (name: string, { separator, declared }: Writing): string => {
  const at = name.indexOf(separator);
  const prefix = name.slice(0, Math.max(at, 0));
  const local = name.slice(at + separator.length);
  return at > 0 && local !== "" && declared.has(prefix) ? `${legalName(prefix)}:${legalName(local)}` : legalName(name);
};

/** Characters outside of NCName as `_xHHHH_`, as the catalogue's model writes them. */
const legalName = (name: string): string => {
  const legal = name.replace(/[^\p{L}\p{N}_.\-·]/gu, (character) => coded(character));
  return /^[\p{L}_]/u.test(legal) ? legal : legal === "" ? "_" : coded(legal[0] ?? "") + legal.slice(1);
};

const coded = (character: string): string =>
  `_x${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}_`;

const textOf = (value: unknown, { parsesDates }: Writing): string => {
  if (typeof value === "object" && value !== null) return JSON.stringify(value);
  const text = String(value);
  if (!parsesDates || typeof value !== "string" || !/^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?/.test(text)) return text;
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? text : at.toISOString().replace(/\.000Z$/, "Z");
};

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** What XML cannot hold at all becomes the replacement character (XML 1.0 section 2.2). */
const escaped = (text: string): string =>
  text
    .replace(/[&<>]/g, (character) => entities[character] ?? "")
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd");
