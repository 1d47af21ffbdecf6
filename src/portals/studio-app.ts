import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { WebApp } from "./portal-app.ts";
import { publicUrl } from "./public-url.ts";
import { securityHeaders } from "./security-headers.ts";
import { readStaticFiles } from "./static-files.ts";
import { themeOf } from "./theme-cookie.ts";

/** What the studio's server needs: its built files. Its data comes from the management API, on the same origin. */
export interface StudioSettings {
  /** What `ensureWebBuilt` answered. */
  readonly webDir: string;
  /** What the studio tells its readers to call. */
  readonly publicGatewayUrl?: string;
  /** Where the developer portal is, for links. */
  readonly portalUrl?: string;
}

/** The studio's files: a single page for every path of the application, and its hashed assets. */
export const createStudioApp = async (settings: StudioSettings): Promise<WebApp> => {
  const directory = join(settings.webDir, "studio");
  const file = await readFile(join(directory, "index.html"), "utf8");
  const files = await readStaticFiles(join(directory, "assets"), "/assets/");
  return {
    fetch: async (request) => {
      if (request.method !== "GET" && request.method !== "HEAD") {
        return plain(405, "Only GET and HEAD.\n", { allow: "GET, HEAD" });
      }
      const { pathname } = new URL(request.url);
      const asset = files.serve(pathname, request);
      if (asset !== undefined) return asset;
      // A missing asset must not come back as a page: the browser would try to run it.
      if (pathname.startsWith("/assets/") || /\.[a-z0-9]{2,5}$/i.test(pathname)) return plain(404, "Not found.\n");
      const theme = themeOf(request);
      const page = withPlatform(file, settings, request);
      const html = theme === undefined ? page : page.replace("<html ", `<html data-theme="${theme}" `);
      return new Response(request.method === "HEAD" ? null : html, {
        headers: { ...securityHeaders, "content-type": "text/html; charset=utf-8", "cache-control": "no-store" },
      });
    },
  };
};

/** Addresses that only the server knows, as meta elements: data in the page without a script in the page. */
const withPlatform = (page: string, settings: StudioSettings, request: Request): string => {
  const known = { "portico-gateway": settings.publicGatewayUrl, "portico-portal": settings.portalUrl };
  const elements = Object.entries(known)
    .flatMap(([name, url]) => (url === undefined ? [] : [[name, publicUrl(url, request)] as const]))
    .map(([name, url]) => `<meta name="${name}" content="${escapeAttribute(url)}">`);
  return page.replace("</head>", () => `${elements.join("")}</head>`);
};

const escapeAttribute = (text: string): string => text.replace(/[&<>"]/g, (mark) => `&#${mark.charCodeAt(0)};`);

const plain = (status: number, text: string, headers: Readonly<Record<string, string>> = {}): Response =>
  new Response(text, {
    status,
    headers: { ...securityHeaders, "content-type": "text/plain; charset=utf-8", ...headers },
  });
