import type { ApiOutline } from "./api-outline.ts";
import type { PortalApi } from "./portal-api.ts";
import { tagSlug } from "./tag-slug.ts";

/** Operations that are listed by name; of a longer API only the tags are. */
const operationsMax = 200;

/** The catalogue for language models: https://llmstxt.org, the APIs with their documents and operations. */
export const llmsText = (
  apis: readonly { readonly api: PortalApi; readonly outline: ApiOutline | undefined }[],
  gatewayUrl: string,
): string => {
  const lines = ["# API portal", "", `> The APIs published here, called at ${gatewayUrl}.`, ""];
  for (const { api, outline } of apis) {
    const at = `/apis/${api.name}`;
    lines.push(`## ${oneLine(api.title)}`, "");
    const about = api.description ?? outline?.summary ?? outline?.description;
    if (about !== undefined) lines.push(oneLine(about).slice(0, 500), "");
    lines.push(`- [Overview](${at}): base URL ${gatewayUrl}${api.basePath}; ${authText(api)}`);
    lines.push(`- [OpenAPI document](${at}/openapi): the whole description`);
    const isLong = (outline?.operationCount ?? 0) > operationsMax;
    for (const tag of outline?.tags ?? []) {
      const tagAt = `${at}/reference/${encodeURIComponent(tagSlug(tag.name))}`;
      if (isLong) {
        lines.push(`- [${oneLine(tag.name) || "Operations"}](${tagAt}): ${tag.operations.length} operations`);
        continue;
      }
      for (const operation of tag.operations) {
        const summary = operation.summary === undefined ? "" : `: ${oneLine(operation.summary)}`;
        lines.push(`- [${operation.method} ${operation.path}](${tagAt}/${encodeURIComponent(operation.id)})${summary}`);
      }
    }
    lines.push("");
  }
  return lines.join("\n");
};

const authText = (api: PortalApi): string => {
  if (api.protections.length === 0) return "no credential needed";
  return api.protections
    .map((one) => (one === "key" ? "key in the header X-API-Key" : "bearer token in Authorization"))
    .join(" or ");
};

const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim();
