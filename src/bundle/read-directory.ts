import type { Dirent } from "node:fs";
import { lstat, readdir, readFile, realpath, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { Fault, messageOf, systemCodeOf } from "../base/fault.ts";
import { placeOf } from "./bundle-paths.ts";
import type { BundleFinding } from "./finding.ts";
import { type BundleFiles, bundleLimits } from "./read-bundle.ts";

/** A directory as it was read. Where `findings` has an error, `files` is not the whole directory. */
export interface DirectoryReading {
  readonly files: BundleFiles;
  readonly findings: readonly BundleFinding[];
}

/**
 * Reads a bundle's directory. What begins with a dot, `node_modules` and folders that a bundle leaves to others are not
 * entered; links that lead out of the directory, and what is neither file nor folder, are errors. Throws a Fault
 * `bundle.unreadable` where there is no such directory.
 */
export const readDirectory = async (directory: string, signal?: AbortSignal): Promise<DirectoryReading> => {
  const root = await rootOf(directory);
  const walk: Walk = { root, files: new Map(), findings: [], bytes: 0, signal };
  await readFolder(walk, root);
  return { files: walk.files, findings: walk.findings };
};

interface Walk {
  readonly root: string;
  readonly files: Map<string, Uint8Array>;
  readonly findings: BundleFinding[];
  readonly signal: AbortSignal | undefined;
  bytes: number;
}

const rootOf = async (directory: string): Promise<string> => {
  try {
    const root = await realpath(directory);
    if ((await stat(root)).isDirectory()) return root;
  } catch (thrown) {
    const reason = systemCodeOf(thrown) === "ENOENT" ? "there is no such directory" : messageOf(thrown);
    throw unreadable(directory, reason, thrown);
  }
  throw unreadable(directory, "it is not a directory");
};

/** The fault of a directory that cannot be read or written as a bundle. */
export const unreadable = (directory: string, reason: string, cause?: unknown): Fault =>
  new Fault("bundle.unreadable", { public: `The bundle ${directory} cannot be read: ${reason}.`, status: 400, cause });

const readFolder = async (walk: Walk, folder: string): Promise<void> => {
  walk.signal?.throwIfAborted();
  const entries = await readdir(folder, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
    await readEntry(walk, entry, join(folder, entry.name));
  }
};

const readEntry = async (walk: Walk, entry: Dirent, full: string): Promise<void> => {
  const path = relative(walk.root, full).replaceAll(sep, "/");
  const isLink = entry.isSymbolicLink();
  const target = isLink ? await linkTarget(walk, full, path) : full;
  if (target === undefined) return;
  const isFolder = isLink ? (await lstat(target)).isDirectory() : entry.isDirectory();
  if (isFolder && isLink) {
    // A linked folder could hold itself; a linked file cannot.
    refuse(walk, path, "is a link to a folder", "Put the folder itself here.");
    return;
  }
  if (isFolder) {
    // A file below tells what the folder is for.
    const place = placeOf(`${path}/any.yaml`);
    if (place.role === "ignored") walk.findings.push({ severity: "info", file: `${path}/`, message: place.message });
    else await readFolder(walk, full);
    return;
  }
  const { size, isFile } = await sizeOf(target);
  if (!isFile) {
    refuse(walk, path, "is neither a file nor a folder", "Remove it from the bundle.");
    return;
  }
  if (walk.files.size >= bundleLimits.filesMax || walk.bytes + size > bundleLimits.bundleBytesMax) {
    throw unreadable(
      walk.root,
      `it has more than ${bundleLimits.filesMax} files (filesMax) or ${bundleLimits.bundleBytesMax} bytes (bundleBytesMax)`,
    );
  }
  const bytes = await readFile(target);
  walk.bytes += bytes.length;
  walk.files.set(path, bytes);
};

const sizeOf = async (path: string): Promise<{ readonly size: number; readonly isFile: boolean }> => {
  const found = await lstat(path);
  return { size: found.size, isFile: found.isFile() };
};

const linkTarget = async (walk: Walk, full: string, path: string): Promise<string | undefined> => {
  try {
    const target = await realpath(full);
    if (target.startsWith(walk.root + sep)) return target;
    refuse(walk, path, "is a link that leads out of the bundle", "Put the file itself here.");
  } catch (thrown) {
    refuse(
      walk,
      path,
      `is a link that leads nowhere (${systemCodeOf(thrown) ?? messageOf(thrown)})`,
      "Remove the link.",
    );
  }
  return undefined;
};

const refuse = (walk: Walk, path: string, message: string, next: string): void => {
  walk.findings.push({ severity: "error", file: path, message, next });
};
