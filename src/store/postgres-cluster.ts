import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, chown, open, readdir, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { Fault, systemCodeOf } from "../base/fault.ts";
import { randomBase62 } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import type { PostgresBinaries } from "./postgres-binaries.ts";
import type { PostgresPlace } from "./postgres-place.ts";

/** A data directory that PostgreSQL initialised, and the password of its owner role. */
export interface PostgresCluster {
  readonly directory: string;
  readonly password: string;
}

/** The role that owns everything in an embedded database, and the database's name. */
export const embeddedRole = "portico";

const draftPrefix = "cluster-draft.";
const outputCharactersMax = 4_000;

/**
 * Opens the cluster in `place`, or makes it: in a directory of its own that gets its name only when it is whole, so that an
 * interrupted initdb is swept away and done again. Refuses another major version and a damaged directory, and touches neither.
 */
export const prepareCluster = async (options: {
  readonly place: PostgresPlace;
  readonly binaries: PostgresBinaries;
  /** False only for tests: leaves out the fsyncs. */
  readonly isDurable: boolean;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
}): Promise<PostgresCluster> => {
  const { place, binaries, log } = options;
  const directory = join(place.directory, "cluster");
  for (const name of await readdir(place.directory)) {
    if (!name.startsWith(draftPrefix)) continue;
    log.warn("sweeping away what an interrupted initialisation left", { directory: join(place.directory, name) });
    await rm(join(place.directory, name), { recursive: true, force: true });
  }
  if (await isThere(directory)) {
    await refuseForeignVersion(directory, binaries);
    const known = await readPassword(place);
    if (known !== undefined) return { directory, password: known };
    const password = await makePassword(place);
    await setPassword({ directory, place, binaries, password, signal: options.signal });
    return { directory, password };
  }
  const password = (await readPassword(place)) ?? (await makePassword(place));
  const draft = join(place.directory, `${draftPrefix}${randomBytes(6).toString("hex")}`);
  try {
    await initialise(draft, options);
    await rename(draft, directory);
  } catch (thrown) {
    await rm(draft, { recursive: true, force: true });
    throw thrown;
  }
  await syncDirectory(place.directory);
  return { directory, password };
};

const isThere = async (directory: string): Promise<boolean> => {
  try {
    // A directory somebody made for us to use counts as none.
    await rmdir(directory);
    return false;
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return false;
    if (systemCodeOf(thrown) === "ENOTEMPTY" || systemCodeOf(thrown) === "EEXIST") return true;
    throw thrown;
  }
};

const refuseForeignVersion = async (directory: string, binaries: PostgresBinaries): Promise<void> => {
  let found: string;
  try {
    found = (await readFile(join(directory, "PG_VERSION"), "utf8")).trim();
    await stat(join(directory, "global", "pg_control"));
  } catch (cause) {
    if (isForbidden(cause)) throw notReadable(directory, cause);
    throw new Fault("store.cluster_damaged", {
      public: `${directory} is not a whole PostgreSQL data directory, and it was left as it is. Put a copy of it back, or move it away to begin with an empty database and restore a backup (portico restore).`,
      cause,
    });
  }
  if (found === binaries.major) return;
  throw new Fault("store.postgres_version", {
    public: `The database in ${directory} was made by PostgreSQL ${found}, and this Portico brings PostgreSQL ${binaries.major}. Start the Portico version that made it, write a backup (portico backup FILE), move ${directory} away, and restore the backup with this version (portico restore FILE).`,
  });
};

/** Runs initdb. The collation is PostgreSQL's own (`builtin`), so that indexes survive a change of the C library. */
const initialise = async (draft: string, options: Parameters<typeof prepareCluster>[0]): Promise<void> => {
  const { place, binaries } = options;
  const attempt = (locale: string): Promise<ProgramResult> =>
    runProgram(
      binaries.initdb,
      [
        `--pgdata=${draft}`,
        `--username=${embeddedRole}`,
        `--pwfile=${join(place.directory, "password")}`,
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        `--locale=${locale}`,
        "--no-instructions",
        ...(options.isDurable ? [] : ["--no-sync"]),
      ],
      { place, signal: options.signal },
    );
  let result = await attempt("C.UTF-8");
  // A C library without C.UTF-8 (old or very small systems): messages and number formats then follow plain C.
  if (result.code !== 0 && result.output.includes("invalid locale name")) result = await attempt("C");
  options.signal?.throwIfAborted();
  if (result.code === 0) return;
  throw new Fault("store.initialisation_failed", {
    public: `PostgreSQL could not initialise a database in ${place.directory}: ${lastLine(result.output)}`,
    internal: result.output,
  });
};

/** A cluster whose password file was lost gets a new password in single-user mode, which asks for none. */
const setPassword = async (options: {
  readonly directory: string;
  readonly place: PostgresPlace;
  readonly binaries: PostgresBinaries;
  readonly password: string;
  readonly signal: AbortSignal | undefined;
}): Promise<void> => {
  const result = await runProgram(options.binaries.postgres, ["--single", "-D", options.directory, "postgres"], {
    place: options.place,
    signal: options.signal,
    // The password is made of letters and digits only.
    input: `alter role ${embeddedRole} password '${options.password}'\n`,
  });
  if (result.code === 0 && !result.output.includes("ERROR:")) return;
  await rm(join(options.place.directory, "password"), { force: true });
  throw new Fault("store.initialisation_failed", {
    public: `The password file of the database in ${options.place.directory} is lost, and a new password could not be set: ${lastLine(result.output)}`,
    internal: result.output,
  });
};

interface ProgramResult {
  readonly code: number | null;
  readonly output: string;
}

const runProgram = (
  program: string,
  parameters: readonly string[],
  options: { readonly place: PostgresPlace; readonly signal: AbortSignal | undefined; readonly input?: string },
): Promise<ProgramResult> =>
  new Promise((resolve, reject) => {
    const child: ChildProcess = spawn(program, parameters, {
      // Our own working directory may be closed to PostgreSQL's user.
      cwd: "/",
      env: {},
      stdio: ["pipe", "pipe", "pipe"],
      ...options.place.user.spawn,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    let output = "";
    const collect = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-outputCharactersMax);
    };
    child.stdout?.on("data", collect);
    child.stderr?.on("data", collect);
    // The program may end before it has read its input.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(options.input ?? "");
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
  });

const lastLine = (output: string): string =>
  output
    .split("\n")
    .filter((line) => /error|fatal|panic|hint|detail/i.test(line))
    .slice(-2)
    .join(" ")
    .trim() ||
  output.trim().split("\n").at(-1) ||
  "it gave no reason";

const readPassword = async (place: PostgresPlace): Promise<string | undefined> => {
  try {
    const text = (await readFile(join(place.directory, "password"), "utf8")).trim();
    return text === "" ? undefined : text;
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return undefined;
    if (isForbidden(thrown)) throw notReadable(join(place.directory, "password"), thrown);
    throw thrown;
  }
};

const isForbidden = (thrown: unknown): boolean => ["EACCES", "EPERM"].includes(systemCodeOf(thrown) ?? "");

const notReadable = (path: string, cause: unknown): Fault =>
  new Fault("store.directory_of_another_user", {
    public: `This user may not read ${path}, and it was left as it is. Start as the user it belongs to or as root, or give it to yours (chown -R, chmod -R u+rwX).`,
    cause,
  });

const makePassword = async (place: PostgresPlace): Promise<string> => {
  const password = randomBase62(32);
  const path = join(place.directory, "password");
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  const file = await open(draft, "wx", 0o600);
  try {
    await file.writeFile(`${password}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await chmod(draft, 0o600);
  if (process.getuid?.() === 0) await chown(draft, place.user.uid, place.user.gid);
  await rename(draft, path);
  return password;
};

const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
};
