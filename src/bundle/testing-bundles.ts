import { fileURLToPath } from "node:url";
import type { BundleFiles } from "./read-bundle.ts";
import { readDirectory } from "./read-directory.ts";

/** A bundle of texts. */
export const bundleOf = (files: Readonly<Record<string, string>>): BundleFiles =>
  new Map(Object.entries(files).map(([path, text]) => [path, new TextEncoder().encode(text)]));

/** A bundle under `fixtures/`. */
export const fixture = async (name: string): Promise<BundleFiles> =>
  (await readDirectory(fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url)))).files;

/** The smallest document with these operation ids. */
export const documentWith = (...ids: readonly string[]): string =>
  JSON.stringify({
    openapi: "3.1.0",
    info: { title: "Sample", version: "1" },
    paths: Object.fromEntries(
      ids.map((id) => [`/${id}`, { get: { operationId: id, responses: { 200: { description: "ok" } } } }]),
    ),
  });

/** An API that stands by itself. */
export const apiFiles = (name: string, api: string, ...ids: readonly string[]): Record<string, string> => ({
  [`apis/${name}/api.yaml`]: api,
  [`apis/${name}/openapi.json`]: documentWith(...ids),
});
