import { isObject, member, textOf } from "./json-value.ts";

/** What a text that is no OpenAPI document looks like, in words: `an HTML page`. Undefined where nothing fits. */
export const recogniseText = (text: string): string | undefined =>
  textKinds.find(([pattern]) => pattern.test(text.slice(0, headLengthMax)))?.[1];

/** What a parsed value that is no OpenAPI document looks like, in words: `a Postman collection`. */
export const recogniseValue = (value: unknown): string => {
  if (Array.isArray(value)) return "a list";
  if (value === null) return "an empty document";
  if (!isObject(value)) return `a ${typeof value}`;
  return valueKinds.find(([fits]) => fits(value))?.[1] ?? "an object without `openapi` or `swagger`";
};

/** Enough of a text to tell what it is. */
const headLengthMax = 4096;

const textKinds: readonly (readonly [RegExp, string])[] = [
  [/^\s*(<!--[\s\S]*?-->\s*)*<(!doctype\s+html|html|head|body)\b/i, "an HTML page"],
  [/^\s*<[\s\S]*schemas\.xmlsoap\.org\/wsdl|^\s*<[\s\S]*www\.w3\.org\/ns\/wsdl/, "a WSDL description"],
  [/^\s*<[\s\S]*<(\w+:)?application\b[\s\S]*wadl/, "a WADL description"],
  [/^\s*<[\s\S]*<(\w+:)?Edmx\b/, "an OData metadata document"],
  [/^\s*<policies\b/, "a policy document of Azure API Management"],
  [/^\s*<(\?xml|[a-zA-Z])/, "an XML document"],
  [/^\s*#%RAML/, "a RAML description"],
  [/^\s*FORMAT:\s*1A/, "an API Blueprint"],
  [/^\s*(\/\/.*\s*)*syntax\s*=\s*["']proto[23]["']/, "a Protocol Buffers file"],
  [
    /^\s*("""[\s\S]*?"""\s*|#.*\s*)*(extend\s+)?(schema\s*(@\w+[^{]*)?\{|(type|interface|input|enum)\s+\w+[^{:=]*\{|(scalar|union)\s+\w+|directive\s+@)/,
    "a GraphQL schema",
  ],
  [/^PK\u0003\u0004/, "a ZIP archive"],
  [/^%PDF-/, "a PDF file"],
];

const valueKinds: readonly (readonly [(value: unknown) => boolean, string])[] = [
  [(value) => member(value, "asyncapi") !== undefined, "an AsyncAPI document"],
  [(value) => member(value, "arazzo") !== undefined, "an Arazzo description"],
  [(value) => member(value, "overlay") !== undefined, "an OpenAPI overlay"],
  [(value) => member(value, "openrpc") !== undefined, "an OpenRPC document"],
  [(value) => member(value, "swaggerVersion") !== undefined, "a Swagger 1.x description"],
  [
    (value) => isPostman(member(value, "info")) || isPostman(member(member(value, "collection"), "info")),
    "a Postman collection",
  ],
  [(value) => textOf(value, "_type") === "export" && member(value, "resources") !== undefined, "an Insomnia export"],
  [(value) => member(member(value, "log"), "entries") !== undefined, "an HTTP archive (HAR)"],
  [
    (value) => member(member(value, "data"), "__schema") !== undefined || member(value, "__schema") !== undefined,
    "a GraphQL introspection result",
  ],
  [
    (value) => textOf(value, "apiVersion") !== undefined && textOf(value, "kind") !== undefined,
    "a Kubernetes manifest",
  ],
  [
    (value) =>
      textOf(value, "$schema") !== undefined ||
      textOf(value, "$id") !== undefined ||
      (textOf(value, "type") === "object" && member(value, "properties") !== undefined),
    "a JSON Schema",
  ],
  [(value) => textOf(value, "type") === "about:blank" || member(value, "error") !== undefined, "an error message"],
  [
    (value) => member(value, "paths") !== undefined || member(value, "components") !== undefined,
    "a part of an OpenAPI document, without the line that says which version it is",
  ],
];

const isPostman = (info: unknown): boolean =>
  member(info, "_postman_id") !== undefined || (textOf(info, "schema") ?? "").includes("getpostman.com");
