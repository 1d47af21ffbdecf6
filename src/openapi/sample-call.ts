import { bodyExamples, isJsonMediaType, multipartBoundary, parameterExample } from "./example.ts";
import { isObject } from "./json-value.ts";
import type { Content, Parameter } from "./operation-parts.ts";
import type { DocumentOperation } from "./operations.ts";
import type { OpenApiDocument } from "./read-document.ts";

/** A request that a snippet generator writes down in some language. Credentials are the caller's to add. */
export interface SampleCall {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly body: { readonly mediaType: string; readonly text: string } | undefined;
}

/** A plausible call of an operation: required parameters and those with an example, the first body that can be written down. */
export const sampleCall = (document: OpenApiDocument, operation: DocumentOperation, baseUrl: string): SampleCall => {
  const used = operation.parameters.filter((parameter) => parameter.isRequired || parameter.examples.length > 0);
  const value = (parameter: Parameter): unknown => parameterExample(document, parameter);
  const path = operation.path.replace(/\{([^{}]*)\}/g, (whole, name: string) => {
    const parameter = operation.parameters.find((candidate) => candidate.in === "path" && candidate.name === name);
    return parameter === undefined ? encodeURIComponent(name) : encodeURIComponent(listText(value(parameter))) || whole;
  });
  const query = used.filter((parameter) => parameter.in === "query" || parameter.in === "querystring");
  const pairs = query.flatMap((parameter) => queryPairs(parameter, value(parameter)));
  const headers = used
    .filter((parameter) => parameter.in === "header" && !reserved.has(parameter.name.toLowerCase()))
    .map((parameter) => ({ name: parameter.name, value: headerText(value(parameter)) }));
  const cookies = used
    .filter((parameter) => parameter.in === "cookie")
    .map((parameter) => `${parameter.name}=${encodeURIComponent(listText(value(parameter)))}`);
  if (cookies.length > 0) headers.push({ name: "Cookie", value: cookies.join("; ") });
  const body = bodyOf(document, operation);
  if (body !== undefined) headers.push({ name: "Content-Type", value: body.mediaType });
  const accept = acceptOf(operation);
  if (accept !== undefined) headers.push({ name: "Accept", value: accept });
  const search = pairs.length > 0 ? `?${pairs.join("&")}` : "";
  return { method: operation.method, url: `${baseUrl.replace(/\/+$/, "")}${path}${search}`, headers, body };
};

// OpenAPI says that header parameters of these names are ignored: other parts of the document speak of them.
const reserved: ReadonlySet<string> = new Set(["accept", "content-type", "authorization"]);

const queryPairs = (parameter: Parameter, value: unknown): readonly string[] => {
  const name = encodeURIComponent(parameter.name);
  if (parameter.in === "querystring")
    return [typeof value === "string" ? value : encodeURIComponent(JSON.stringify(value))];
  if (parameter.mediaType !== undefined) return [`${name}=${encodeURIComponent(JSON.stringify(value))}`];
  const style = parameter.style ?? "form";
  const explode = parameter.explode ?? style === "form";
  if (Array.isArray(value)) {
    if (explode) return value.map((item) => `${name}=${encodeURIComponent(scalarText(item))}`);
    const separator = style === "spaceDelimited" ? "%20" : style === "pipeDelimited" ? "%7C" : ",";
    return [`${name}=${value.map((item) => encodeURIComponent(scalarText(item))).join(separator)}`];
  }
  if (isObject(value)) {
    const fields = Object.entries(value).map(([key, field]) => [
      encodeURIComponent(key),
      encodeURIComponent(scalarText(field)),
    ]);
    if (style === "deepObject") return fields.map(([key, field]) => `${name}%5B${key}%5D=${field}`);
    return explode ? fields.map(([key, field]) => `${key}=${field}`) : [`${name}=${fields.flat().join(",")}`];
  }
  return [`${name}=${encodeURIComponent(scalarText(value))}`];
};

const listText = (value: unknown): string => {
  if (Array.isArray(value)) return value.map(scalarText).join(",");
  if (isObject(value))
    return Object.entries(value)
      .flatMap(([key, field]) => [key, scalarText(field)])
      .join(",");
  return scalarText(value);
};

// A line break in a header's value would end the header.
const headerText = (value: unknown): string => listText(value).replace(/[\r\n]+/g, " ");

const scalarText = (value: unknown): string => (typeof value === "object" ? JSON.stringify(value) : String(value));

const bodyOf = (document: OpenApiDocument, operation: DocumentOperation): SampleCall["body"] => {
  const contents = operation.requestBody?.content ?? [];
  const chosen: Content | undefined = contents.find((content) => isJsonMediaType(content.mediaType)) ?? contents[0];
  if (chosen === undefined) return undefined;
  const example = bodyExamples(document, chosen, "request")[0];
  if (example === undefined) return undefined;
  if (/^multipart\/form-data$/i.test(chosen.mediaType)) {
    return { mediaType: `${chosen.mediaType}; boundary=${multipartBoundary}`, text: example.text };
  }
  return { mediaType: chosen.mediaType.includes("*") ? "application/json" : chosen.mediaType, text: example.text };
};

const acceptOf = (operation: DocumentOperation): string | undefined => {
  const success = operation.responses.find((response) => /^2/.test(response.status)) ?? operation.responses[0];
  const types = success?.content.map((content) => content.mediaType) ?? [];
  return types.find(isJsonMediaType) ?? types[0];
};
