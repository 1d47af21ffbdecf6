import { readdir, readFile } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { securityHeaders } from "./security-headers.ts";

/** Built files held in memory, each plain and compressed. */
export interface StaticFiles {
  /** The file of a path such as `/assets/app-1a2b.js`; undefined where there is none. */
  serve(path: string, request: Request): Response | undefined;
}

/** What one application's files may weigh together. */
const bytesMax = 32 * 1024 * 1024;

/**
 * Reads a directory of built files, once. Their names hold their content's hash, so that they are kept by browsers for a year.
 * Only names that were there at the start are ever served: no path of a request reaches the file system.
 */
export const readStaticFiles = async (directory: string, urlPrefix: string): Promise<StaticFiles> => {
  const files = new Map<string, { readonly plain: Uint8Array<ArrayBuffer>; readonly gzip: Uint8Array<ArrayBuffer> }>();
  let bytes = 0;
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const plain = new Uint8Array(await readFile(file));
    bytes += plain.byteLength;
    if (bytes > bytesMax) throw new Error(`${directory} holds more than ${bytesMax} bytes`);
    const packed = new Uint8Array(await promisify(gzip)(plain, { level: 9 }));
    files.set(`${urlPrefix}${relative(directory, file).split(sep).join("/")}`, { plain, gzip: packed });
  }
  return {
    serve: (path, request) => {
      const file = files.get(path);
      if (file === undefined) return undefined;
      const isPacked =
        /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "") && file.gzip.byteLength < file.plain.byteLength;
      const body = isPacked ? file.gzip : file.plain;
      return new Response(request.method === "HEAD" ? null : body, {
        headers: {
          ...securityHeaders,
          "content-type": mediaTypes[extname(path)] ?? "application/octet-stream",
          "content-length": String(body.byteLength),
          "cache-control": "public, max-age=31536000, immutable",
          vary: "accept-encoding",
          ...(isPacked ? { "content-encoding": "gzip" } : {}),
        },
      });
    },
  };
};

const mediaTypes: Readonly<Record<string, string>> = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
  ".json": "application/json",
};
