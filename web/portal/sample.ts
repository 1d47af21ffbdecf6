import { jsFetch } from "@scalar/snippetz/plugins/js/fetch";
import { shellCurl } from "@scalar/snippetz/plugins/shell/curl";
import type {
  DescribedContent,
  DescribedOperation,
  DescribedParameter,
} from "../../src/portals/described-operation.ts";
import type { PortalApi } from "../../src/portals/portal-api.ts";

/** A plausible call of an operation, ready for a snippet and for the form. */
export interface Sample {
  readonly url: string;
  readonly method: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly body: { readonly mediaType: string; readonly text: string } | undefined;
}

// Half a character cannot be encoded: it becomes the replacement character.
const encode = (text: string): string => encodeURIComponent(text.toWellFormed());

/** The call with required parameters and those that have an example of their own. */
export const sampleOf = (
  api: PortalApi,
  operation: DescribedOperation,
  protections: readonly ("key" | "jwt")[],
  gatewayUrl: string,
): Sample => {
  const used = operation.parameters.filter((parameter) => parameter.isRequired);
  const path = operation.path.replace(/\{([^{}]*)\}/g, (whole, name: string) => {
    const parameter = operation.parameters.find((one) => one.in === "path" && one.name === name);
    const value = parameter === undefined ? "" : exampleText(parameter);
    return value === "" ? whole : encode(value);
  });
  const pairs = used
    .filter((parameter) => parameter.in === "query")
    .map((parameter) => `${encode(parameter.name)}=${encode(exampleText(parameter))}`);
  if (api.versionQuery !== undefined) pairs.push(`${api.versionQuery.name}=${api.versionQuery.value}`);
  const headers = used
    .filter((parameter) => parameter.in === "header")
    .map((parameter) => ({ name: parameter.name, value: exampleText(parameter) }));
  if (api.host !== undefined) headers.unshift({ name: "Host", value: api.host });
  if (api.versionHeader !== undefined) headers.push(api.versionHeader);
  if (protections.includes("key")) headers.push({ name: "X-API-Key", value: "YOUR_KEY" });
  else if (protections.includes("jwt")) headers.push({ name: "Authorization", value: "Bearer YOUR_TOKEN" });
  const body = bodyOf(operation);
  if (body !== undefined) headers.push({ name: "Content-Type", value: body.mediaType });
  const search = pairs.length > 0 ? `?${pairs.join("&")}` : "";
  return { method: operation.method, url: `${gatewayUrl}${api.basePath}${path}${search}`, headers, body };
};

/** The sample as a command for a shell. */
export const curlText = (sample: Sample): string => shellCurl.generate(harOf(sample));

/** The sample as a program: a call, and what comes of it. */
export const typescriptText = (sample: Sample): string =>
  `const response = await ${jsFetch.generate(harOf(sample))};\n\nconsole.log(response.status, await response.text());`;

/** The first body that can be typed into a form, JSON before others. */
export const bodyOf = (
  operation: DescribedOperation,
): { readonly mediaType: string; readonly text: string } | undefined => {
  const contents = operation.requestBody?.content ?? [];
  const chosen: DescribedContent | undefined =
    contents.find((content) => content.mediaTypes.some(isJson)) ?? contents[0];
  const mediaType = chosen?.mediaTypes.find(isJson) ?? chosen?.mediaTypes[0];
  if (chosen === undefined || mediaType === undefined) return undefined;
  return {
    mediaType: mediaType.includes("*") ? "application/json" : mediaType,
    text: chosen.examples[0]?.text ?? "",
  };
};

/** The example of a parameter as it would be typed. */
export const exampleText = (parameter: DescribedParameter): string => {
  const { example } = parameter;
  if (example === undefined || example === null) return "";
  if (Array.isArray(example)) return example.map(scalarText).join(",");
  return scalarText(example);
};

export const isJson = (mediaType: string): boolean => /^[^;]*[/+]json\s*(;|$)/i.test(mediaType);

const scalarText = (value: unknown): string => (typeof value === "object" ? JSON.stringify(value) : String(value));

// HAR, as the generator reads it; it needs no more of it than this.
const harOf = (sample: Sample) => ({
  method: sample.method,
  url: sample.url,
  httpVersion: "HTTP/1.1",
  headers: [...sample.headers],
  queryString: [],
  cookies: [],
  headersSize: -1,
  bodySize: -1,
  ...(sample.body === undefined ? {} : { postData: { mimeType: sample.body.mediaType, text: sample.body.text } }),
});
