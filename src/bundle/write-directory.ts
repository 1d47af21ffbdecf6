import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { systemCodeOf } from "../base/fault.ts";
import { placeOf } from "./bundle-paths.ts";
import { hasErrors } from "./finding.ts";
import type { BundleFiles } from "./read-bundle.ts";
import { readDirectory, unreadable } from "./read-directory.ts";

/** What `writeDirectory` did or, with `dryRun`, would do; paths relative to the directory. */
export interface DirectoryChanges {
  readonly written: readonly string[];
  readonly deleted: readonly string[];
}

/**
 * Makes a directory hold exactly these files of a bundle: writes what differs (each file whole or not at all), deletes files
 * that a bundle reads and that are not among them. Files that a bundle ignores stay.
 */
export const writeDirectory = async (
  directory: string,
  files: BundleFiles,
  options: { readonly dryRun?: boolean; readonly keepOthers?: boolean } = {},
): Promise<DirectoryChanges> => {
  if (options.dryRun !== true) await mkdir(directory, { recursive: true });
  const before = (await exists(directory))
    ? await readDirectory(directory)
    : { files: new Map<string, Uint8Array>(), findings: [] };
  if (hasErrors(before.findings)) throw unreadable(directory, before.findings[0]?.message ?? "it cannot be read");
  const written: string[] = [];
  for (const [path, bytes] of files) {
    const place = placeOf(path);
    if (place.role !== "resource" && place.role !== "document")
      throw unreadable(directory, `'${path}' is no file of a bundle`);
    const old = before.files.get(path);
    if (old !== undefined && Buffer.from(old).equals(bytes)) continue;
    written.push(path);
    if (options.dryRun !== true) await replaceFile(join(directory, path), bytes);
  }
  const deleted =
    options.keepOthers === true ? [] : [...before.files.keys()].filter((path) => !files.has(path) && isOfBundle(path));
  if (options.dryRun !== true) for (const path of deleted) await rm(join(directory, path));
  return { written: written.sort(), deleted: deleted.sort() };
};

const isOfBundle = (path: string): boolean => {
  const { role } = placeOf(path);
  return role === "resource" || role === "document";
};

const exists = async (path: string): Promise<boolean> => {
  try {
    await stat(path);
    return true;
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return false;
    throw thrown;
  }
};

const replaceFile = async (path: string, bytes: Uint8Array): Promise<void> => {
  await mkdir(dirname(path), { recursive: true });
  const fresh = join(dirname(path), `.${process.pid}.${Date.now()}.new`);
  await writeFile(fresh, bytes);
  await rename(fresh, path);
};
