import { isObject, listOf, member, textOf, textsOf } from "./json-value.ts";
import type { Server } from "./operation-parts.ts";
import { pointerTo } from "./pointer.ts";
import type { OpenApiDocument } from "./read-document.ts";

/** The servers of a document with variables at their defaults; 2.0's schemes, host and base path become URLs. */
export const serversOf = (document: OpenApiDocument): readonly Server[] =>
  document.version === "2.0" ? swaggerServers(document) : serversIn(document.root, "");

/** The path that the document's first server adds in front of every path, without a trailing slash; empty where there is none. */
export const basePath = (document: OpenApiDocument): string => {
  const url = serversOf(document)[0]?.url;
  if (url === undefined) return "";
  const path = URL.canParse(url, "http://relative.invalid") ? new URL(url, "http://relative.invalid").pathname : "";
  return path.replace(/\/+$/, "");
};

/** The servers that an object of OpenAPI 3 declares; none where it declares nothing. */
export const serversIn = (holder: unknown, pointer: string): readonly Server[] =>
  listOf(holder, "servers").flatMap((server, index) => {
    const url = textOf(server, "url");
    if (url === undefined) return [];
    return [
      {
        url: withDefaults(url, member(server, "variables")),
        description: textOf(server, "description"),
        pointer: pointerTo(pointer, "servers", index),
      },
    ];
  });

const withDefaults = (url: string, variables: unknown): string =>
  url.replace(/\{([^{}]*)\}/g, (whole, name: string) => {
    const variable = member(variables, name);
    return textOf(variable, "default") ?? textsOf(variable, "enum")[0] ?? (isObject(variable) ? "" : whole);
  });

const swaggerServers = (document: OpenApiDocument): readonly Server[] => {
  const host = textOf(document.root, "host");
  const path = textOf(document.root, "basePath") ?? "";
  if (host === undefined) {
    return path === "" ? [] : [{ url: path, description: undefined, pointer: "/basePath" }];
  }
  const schemes = textsOf(document.root, "schemes").filter((scheme) => scheme === "http" || scheme === "https");
  // Without `schemes` the document is served as it was fetched.
  const served = schemes.length > 0 ? schemes : [document.uri?.startsWith("http:") ? "http" : "https"];
  return served.map((scheme) => ({ url: `${scheme}://${host}${path}`, description: undefined, pointer: "/host" }));
};
