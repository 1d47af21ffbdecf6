import { execFile } from "node:child_process";
import { readFile, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { Fault } from "../base/fault.ts";

const run = promisify(execFile);

/** Who PostgreSQL runs as: PostgreSQL refuses to run as root. */
export interface PostgresUser {
  readonly uid: number;
  readonly gid: number;
  /** What `spawn` needs to become this user; empty when we are it. */
  readonly spawn: { readonly uid?: number; readonly gid?: number };
}

/** `nobody` on every Linux distribution we know. */
const nobody = 65534;

/**
 * Ourselves, unless we are root; then the owner of what exists at `path` (a data directory that an ordinary user made
 * stays usable for that user), and `nobody` where root owns it.
 */
export const choosePostgresUser = async (path: string): Promise<PostgresUser> => {
  const uid = process.getuid?.();
  const gid = process.getgid?.();
  if (uid === undefined || gid === undefined) {
    throw new Fault("store.no_embedded_postgres", {
      public: "There is no embedded PostgreSQL for this platform. Set DATABASE_URL to a PostgreSQL database you have.",
    });
  }
  if (uid !== 0) return { uid, gid, spawn: {} };
  const found = await stat(path).catch(() => undefined);
  // initdb looks its user up by uid and fails where no account has it.
  if (found !== undefined && found.uid !== 0 && (await hasAccount(found.uid))) {
    return { uid: found.uid, gid: found.gid, spawn: { uid: found.uid, gid: found.gid } };
  }
  const account = process.platform === "darwin" ? { uid: 4294967294, gid: 4294967294 } : await nobodyAccount();
  return { ...account, spawn: account };
};

/**
 * Whether `user` has `rights` (4 read, 1 enter; for a file to read it, for a directory both unless told) on `path`, by the
 * mode bits of everything on the way to it.
 */
export const isReachable = async (path: string, user: PostgresUser, rights?: number): Promise<boolean> => {
  let at: string;
  try {
    at = await realpath(path);
  } catch {
    return false;
  }
  for (let isLeaf = true; ; isLeaf = false) {
    const found = await stat(at);
    const granted = found.uid === user.uid ? found.mode >> 6 : found.gid === user.gid ? found.mode >> 3 : found.mode;
    const needed = isLeaf ? (rights ?? (found.isDirectory() ? 0o5 : 0o4)) : 0o1;
    if ((granted & needed) !== needed) return false;
    const parent = dirname(at);
    if (parent === at) return true;
    at = parent;
  }
};

const nobodyAccount = async (): Promise<{ uid: number; gid: number }> => {
  const passwd = await readFile("/etc/passwd", "utf8").catch(() => "");
  const fields = passwd
    .split("\n")
    .map((line) => line.split(":"))
    .find(([name]) => name === "nobody");
  const uid = Number(fields?.[2]);
  const gid = Number(fields?.[3]);
  return uid > 0 && gid > 0 ? { uid, gid } : { uid: nobody, gid: nobody };
};

const hasAccount = (uid: number): Promise<boolean> =>
  run("id", ["-un", String(uid)]).then(
    () => true,
    () => false,
  );
