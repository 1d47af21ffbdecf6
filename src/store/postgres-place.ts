import { createHash, randomBytes } from "node:crypto";
import { chmod, chown, link, mkdir, open, readdir, readFile, realpath, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Fault, messageOf, systemCodeOf } from "../base/fault.ts";
import type { Log } from "../base/log.ts";
import { choosePostgresUser, isReachable, type PostgresUser } from "./postgres-user.ts";

/** Where a data directory's cluster, password, log and lease lie, and who they belong to. */
export interface PostgresPlace {
  /** A directory of mode 0700 that belongs to `user`; a real path. */
  readonly directory: string;
  readonly user: PostgresUser;
}

/** In a data directory: where its database is, when that cannot be inside. */
const recordName = "postgres-place.json";
/** In a place outside: whose it is, for the person who finds it. */
const ownerName = "belongs-to.json";

/**
 * The place of `dataDir`'s database: `dataDir/postgres`, or, for root where PostgreSQL's unprivileged user cannot reach
 * that (a clone below `/root`), a directory of its own in `outside`, recorded in the data directory.
 */
export const preparePlace = async (options: {
  readonly dataDir: string;
  readonly log: Log;
  /** Where databases go that cannot lie in their data directory. */
  readonly outside?: string;
}): Promise<PostgresPlace> => {
  const { log, outside = "/var/lib/portico" } = options;
  // 0711 for root: the unprivileged user must pass through, and may list nothing.
  await mkdir(options.dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
  const dataDir = await realpath(options.dataDir);
  const recorded = await readRecord(dataDir);
  if (recorded !== undefined) return await openRecorded(dataDir, recorded);
  const inside = join(dataDir, "postgres");
  const insideExists = await stat(inside).then(
    () => true,
    () => false,
  );
  const user = await choosePostgresUser(insideExists ? inside : dataDir);
  if (process.getuid?.() !== 0) return await openOwn(inside, user);
  await letPass(dataDir, user);
  if (await isPassable(dataDir, user)) return await openOwn(inside, user);
  if (insideExists && (await readdir(inside)).length > 0) {
    throw new Fault("store.directory_unreachable", {
      public: `The database in ${inside} cannot be reached by the unprivileged user that PostgreSQL runs as (uid ${user.uid}). Let others pass through the directories above it (chmod o+x), start as the user it belongs to, or set DATABASE_URL.`,
    });
  }
  return await makeOutside(dataDir, outside, user, log);
};

const openOwn = async (directory: string, user: PostgresUser): Promise<PostgresPlace> => {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const found = await stat(directory);
  if (process.getuid?.() === 0) {
    if (found.uid !== user.uid) await chown(directory, user.uid, user.gid);
  } else if (found.uid !== user.uid) {
    throw belongsToAnother(directory, found.uid);
  }
  return { directory, user };
};

const openRecorded = async (dataDir: string, directory: string): Promise<PostgresPlace> => {
  let found: Awaited<ReturnType<typeof stat>>;
  try {
    found = await stat(directory);
  } catch (cause) {
    throw new Fault("store.directory_missing", {
      public: `The database of ${dataDir} should be in ${directory} (${join(dataDir, recordName)} says so), which cannot be opened. Bring that directory back, or remove the file to begin with an empty database.`,
      cause,
    });
  }
  const user = await choosePostgresUser(directory);
  if (found.uid !== user.uid) throw belongsToAnother(directory, found.uid);
  return { directory: await realpath(directory), user };
};

const belongsToAnother = (directory: string, uid: number): Fault =>
  new Fault("store.directory_of_another_user", {
    public: `The database in ${directory} belongs to uid ${uid}, because it was first started by root or by another user. Start as that user or as root again, give it to yours (chown -R), or use another data directory (--data DIR).`,
  });

const makeOutside = async (dataDir: string, outside: string, user: PostgresUser, log: Log): Promise<PostgresPlace> => {
  const hash = createHash("sha256").update(dataDir).digest("hex").slice(0, 12);
  // The random part keeps a data directory that was deleted and made anew from finding the old one's rows.
  const directory = join(outside, `data-${hash}-${randomBytes(4).toString("hex")}`);
  try {
    await mkdir(outside, { recursive: true, mode: 0o755 });
    await warnOfOlder(outside, hash, dataDir, log);
    await mkdir(directory, { mode: 0o700 });
    await writeDurably(join(directory, ownerName), { dataDir });
    await chown(directory, user.uid, user.gid);
    if (!(await isReachable(directory, user))) throw new Error(`${outside} is closed to uid ${user.uid}`);
  } catch (cause) {
    await rm(directory, { recursive: true, force: true }).catch(() => undefined);
    throw new Fault("store.directory_unreachable", {
      public: `PostgreSQL refuses to run as root, its unprivileged user (uid ${user.uid}) cannot reach ${dataDir}, and ${outside} could not be used instead (${messageOf(cause)}). Start as an ordinary user, choose a data directory that others can pass through to (--data /srv/portico), or set DATABASE_URL.`,
      cause,
    });
  }
  const record = join(dataDir, recordName);
  const draft = `${record}.${randomBytes(8).toString("hex")}`;
  try {
    await writeDurably(draft, { directory });
    await link(draft, record);
  } catch (thrown) {
    if (systemCodeOf(thrown) !== "EEXIST") throw thrown;
    // Another first start was faster: its place is the place.
    await rm(directory, { recursive: true, force: true });
    const winner = await readRecord(dataDir);
    if (winner !== undefined) return await openRecorded(dataDir, winner);
    throw thrown;
  } finally {
    await rm(draft, { force: true });
  }
  log.info("the database lies outside the data directory, which PostgreSQL's unprivileged user cannot reach", {
    dataDir,
    directory,
  });
  return { directory: await realpath(directory), user };
};

/** A data directory that was removed leaves its database behind; deleting that is for a person to decide. */
const warnOfOlder = async (outside: string, hash: string, dataDir: string, log: Log): Promise<void> => {
  for (const name of await readdir(outside)) {
    if (!name.startsWith(`data-${hash}-`)) continue;
    const older = join(outside, name);
    // Without a cluster it is an attempt that was cut short, and empty.
    const wasUsed = await stat(join(older, "cluster")).then(
      () => true,
      () => false,
    );
    if (wasUsed)
      log.warn("an older database of this data directory is still there and is not used", { dataDir, older });
  }
};

/**
 * A private data directory of root's (`mkdir -m 700`, `mktemp -d`) is opened to PostgreSQL's group, to pass and not to list.
 * What lies above it is not ours to change.
 */
const letPass = async (dataDir: string, user: PostgresUser): Promise<void> => {
  const found = await stat(dataDir);
  if (found.uid !== 0 || (found.mode & 0o001) !== 0 || !(await isReachable(dirname(dataDir), user, 0o1))) return;
  await chown(dataDir, 0, user.gid);
  await chmod(dataDir, (found.mode & 0o700) | 0o010);
};

/** Whether `user` can pass through `directory` and all above it. */
const isPassable = (directory: string, user: PostgresUser): Promise<boolean> => isReachable(directory, user, 0o1);

const readRecord = async (dataDir: string): Promise<string | undefined> => {
  const path = join(dataDir, recordName);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
  const value: unknown = JSON.parse(text);
  if (typeof value === "object" && value !== null && "directory" in value && typeof value.directory === "string") {
    return value.directory;
  }
  throw new Fault("store.directory_missing", { public: `${path} does not say where the database is.` });
};

const writeDurably = async (path: string, value: unknown): Promise<void> => {
  const file = await open(path, "wx", 0o644);
  try {
    await file.writeFile(`${JSON.stringify(value)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
};
