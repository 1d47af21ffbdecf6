import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { z } from "zod";
import { Fault, messageOf } from "../base/fault.ts";
import { uuidv7 } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import { tagOfSlug } from "./api-outline.ts";
import { type Catalogue, openCatalogue } from "./catalogue.ts";
import { llmsText } from "./llms-text.ts";
import type { Management } from "./management-call.ts";
import type { PortalPage, RenderPortalPage } from "./portal-page.ts";
import { problemResponse } from "./problem-response.ts";
import { protectionsOfOperation } from "./protections.ts";
import { publicUrl } from "./public-url.ts";
import { openRelay, type RelayLimits } from "./relay.ts";
import { securityHeaders } from "./security-headers.ts";
import { readStaticFiles } from "./static-files.ts";
import { themeOf } from "./theme-cookie.ts";

/** What the developer portal needs. */
export interface PortalSettings {
  /** The management API in this process, with an identity that may only read. */
  readonly management: Management;
  /** Where the gateway is reached from here, for the relay. */
  readonly gatewayUrl: string;
  /** What pages tell their readers to call; the same unless a proxy stands in front. */
  readonly publicGatewayUrl?: string;
  /** What `ensureWebBuilt` answered. */
  readonly webDir: string;
  readonly log: Log;
  readonly relayLimits?: RelayLimits;
}

/** A web application as a function from request to response. */
export interface WebApp {
  fetch(request: Request): Promise<Response>;
}

/** The developer portal: pages rendered on the server, the relay for "Try it", downloads and what machines read. */
export const createPortalApp = async (settings: PortalSettings): Promise<WebApp> => {
  const { log } = settings;
  const directory = join(settings.webDir, "portal");
  const gatewayUrlFor = (request: Request): string =>
    publicUrl(settings.publicGatewayUrl ?? settings.gatewayUrl, request);
  const renderer = rendererSchema.parse(await import(pathToFileURL(join(directory, "server.js")).href));
  const assets = assetsSchema.parse(JSON.parse(await readFile(join(directory, "assets.json"), "utf8")));
  const files = await readStaticFiles(join(directory, "assets"), "/assets/");
  const catalogue = openCatalogue(settings.management);
  const relay = openRelay({
    catalogue,
    gatewayUrl: settings.gatewayUrl,
    log,
    ...(settings.relayLimits === undefined ? {} : { limits: settings.relayLimits }),
  });

  const show = async (request: Request, page: PortalPage, path: string, requestId: string): Promise<Response> => {
    const gatewayUrl = gatewayUrlFor(request);
    const html = renderer.renderPortalPage(page, { gatewayUrl, path, theme: themeOf(request), requestId, assets });
    const status = page.kind === "missing" ? 404 : page.kind === "failure" ? 503 : 200;
    return textResponse(request, status, html, "text/html; charset=utf-8", requestId);
  };

  const answer = async (request: Request, url: URL, requestId: string): Promise<Response> => {
    const segments = pathSegments(url.pathname);
    if (segments?.[0] === "relay") {
      const [, api, operation, more] = segments;
      if (api === undefined || operation === undefined || more !== undefined) {
        return problemResponse("relay.operation_not_found", "There is no such operation.", requestId);
      }
      if (request.method === "POST") return relay(request, api, operation, requestId);
      return withAllow(problemResponse("portal.method_not_allowed", "The relay takes POST.", requestId), "POST");
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      const refusal = problemResponse("portal.method_not_allowed", "Pages are read with GET or HEAD.", requestId);
      return withAllow(refusal, "GET, HEAD");
    }
    const file = files.serve(url.pathname, request);
    if (file !== undefined) return file;
    if (url.pathname === "/robots.txt") {
      return textResponse(request, 200, "User-agent: *\nDisallow: /relay/\n", "text/plain; charset=utf-8", requestId);
    }
    if (url.pathname === "/llms.txt") {
      const apis = await catalogue.apis();
      const entries = await Promise.all(
        apis.slice(0, llmsApisMax).map(async (api) => ({ api, outline: await catalogue.outline(api) })),
      );
      return textResponse(
        request,
        200,
        llmsText(entries, gatewayUrlFor(request)),
        "text/plain; charset=utf-8",
        requestId,
      );
    }
    if (segments?.[0] === "apis" && segments[2] === "openapi" && segments.length === 3) {
      const download = await documentResponse(request, catalogue, segments[1] ?? "", requestId);
      if (download !== undefined) return download;
    }
    const page = segments === undefined ? undefined : await pageOf(catalogue, segments, url.searchParams);
    if (page instanceof Redirect) return redirect(page.path, requestId);
    return show(request, page ?? { kind: "missing" }, url.pathname, requestId);
  };

  return {
    fetch: async (request) => {
      const requestId = uuidv7();
      const url = new URL(request.url);
      try {
        return await answer(request, url, requestId);
      } catch (thrown) {
        log.error("a portal page failed", { requestId, path: url.pathname, error: thrown });
        if (url.pathname.startsWith("/relay/")) {
          const isKnown = thrown instanceof Fault && thrown.code === "portal.management_unavailable";
          const detail = "The portal failed before it could call the gateway.";
          return problemResponse(isKnown ? "portal.management_unavailable" : "portal.fault", detail, requestId);
        }
        try {
          return await show(request, { kind: "failure" }, url.pathname, requestId);
        } catch (again) {
          log.error("the page that says so failed too", { requestId, reason: messageOf(again) });
          return problemResponse("portal.fault", "The page could not be made.", requestId);
        }
      }
    },
  };
};

/** APIs whose operations `llms.txt` lists. */
const llmsApisMax = 50;

const rendererSchema = z.object({
  renderPortalPage: z.custom<RenderPortalPage>((value) => typeof value === "function"),
});
const assetsSchema = z.object({ script: z.string(), style: z.string() });

class Redirect {
  readonly path: string;
  constructor(path: string) {
    this.path = path;
  }
}

/** The decoded segments of a path; undefined where it is not decodable or has empty segments. */
const pathSegments = (pathname: string): readonly string[] | undefined => {
  if (pathname === "/") return [];
  try {
    const segments = pathname.slice(1).split("/").map(decodeURIComponent);
    return segments.includes("") ? undefined : segments;
  } catch {
    // A broken percent-encoding names no page.
    return undefined;
  }
};

const filterLengthMax = 200;

const pageOf = async (
  catalogue: Catalogue,
  segments: readonly string[],
  query: URLSearchParams,
): Promise<PortalPage | Redirect | undefined> => {
  const filter = (query.get("q") ?? "").trim().slice(0, filterLengthMax);
  const [root, apiName, section, tagName, operationId, more] = segments;
  if (root === undefined) return { kind: "home", apis: await catalogue.apis() };
  if (root !== "apis" || more !== undefined) return undefined;
  if (apiName === undefined) return { kind: "apis", apis: await catalogue.apis(), filter };
  const api = await catalogue.api(apiName);
  const outline = api === undefined ? undefined : await catalogue.outline(api);
  if (api === undefined || outline === undefined) return undefined;
  if (section === undefined) {
    const operations = outline.tags.flatMap((tag) => tag.operations);
    // A first call needs nothing to be filled in, where there is such an operation.
    const easiest =
      operations.find((one) => one.method === "GET" && !one.path.includes("{") && !one.isDeprecated) ??
      operations.find((one) => one.method === "GET") ??
      operations[0];
    const first = easiest === undefined ? undefined : await catalogue.operation(api, easiest.id);
    return { kind: "api", api, outline, filter, first };
  }
  if (section !== "reference") return undefined;
  if (tagName === undefined) return new Redirect(`/apis/${encodeURIComponent(api.name)}`);
  const tag = tagOfSlug(outline, tagName);
  if (tag === undefined) return undefined;
  if (operationId === undefined) {
    const pageNumber = Math.max(1, Number.parseInt(query.get("page") ?? "1", 10) || 1);
    return { kind: "tag", api, outline, tag, pageNumber };
  }
  if (!tag.operations.some((one) => one.id === operationId)) return undefined;
  const operation = await catalogue.operation(api, operationId);
  if (operation === undefined) return undefined;
  return { kind: "operation", api, outline, tag, operation, protections: protectionsOfOperation(api, operationId) };
};

const documentResponse = async (
  request: Request,
  catalogue: Catalogue,
  apiName: string,
  requestId: string,
): Promise<Response | undefined> => {
  const api = await catalogue.api(apiName);
  const document = api === undefined ? undefined : await catalogue.document(api);
  if (api === undefined || document === undefined) return undefined;
  const type = document.headers.get("content-type") ?? "application/octet-stream";
  const extension = /yaml/i.test(type) ? "yaml" : "json";
  return new Response(request.method === "HEAD" ? null : document.body, {
    headers: {
      ...securityHeaders,
      "content-type": type,
      "content-disposition": `attachment; filename="${api.name}.${extension}"`,
      "cache-control": "no-cache",
      "x-request-id": requestId,
    },
  });
};

const redirect = (path: string, requestId: string): Response =>
  new Response(null, { status: 302, headers: { ...securityHeaders, location: path, "x-request-id": requestId } });

const withAllow = (response: Response, allow: string): Response => {
  response.headers.set("allow", allow);
  return response;
};

const compressFromBytes = 1400;

const textResponse = async (
  request: Request,
  status: number,
  text: string,
  type: string,
  requestId: string,
): Promise<Response> => {
  const isPacked = text.length > compressFromBytes && /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "");
  const bytes = new TextEncoder().encode(text);
  const body = isPacked ? new Uint8Array(await promisify(gzip)(bytes, { level: 5 })) : bytes;
  return new Response(request.method === "HEAD" ? null : body, {
    status,
    headers: {
      ...securityHeaders,
      "content-type": type,
      "content-length": String(body.byteLength),
      // What a visitor may see can change at any time, and the theme is in the page.
      "cache-control": "no-cache",
      vary: "accept-encoding, cookie",
      "x-request-id": requestId,
      ...(isPacked ? { "content-encoding": "gzip" } : {}),
    },
  });
};
