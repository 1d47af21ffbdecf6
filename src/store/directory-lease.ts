import { link, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Fault, systemCodeOf } from "../base/fault.ts";
import { uuidv7 } from "../base/ids.ts";
import { identifyProcess, isSameProcess, type ProcessIdentity } from "./process-identity.ts";

/** How often the holder touches its file, for those who cannot see its pid (another container on the same volume). */
const beatMs = 5_000;
/** How long a holder whose pid cannot be seen may be silent before its lease counts as left behind. */
const silentMsMax = 20_000;
/** More turns than contenders can cause: each lost turn means that somebody else won one. */
const turnsMax = 100;

/** A directory held by one process until it is released or the process ends. */
export interface DirectoryLease {
  release(): Promise<void>;
}

/** What a lease file says. */
interface Holder extends ProcessIdentity {
  readonly token: string;
  readonly released: boolean;
}

/**
 * Takes `directory` for this process, or refuses with `store.directory_in_use`, naming the holder's pid.
 *
 * Lease files are numbered and only the highest counts. Taking over means linking the next number, which the file system
 * lets exactly one succeed in; a number is never used twice, because releasing marks the file instead of removing it.
 * A holder that was killed is recognised by pid and start time.
 */
export const takeDirectory = async (
  directory: string,
  options: { readonly shownAs?: string; readonly signal?: AbortSignal } = {},
): Promise<DirectoryLease> => {
  const { shownAs = directory, signal } = options;
  await mkdir(directory, { recursive: true });
  const self = await identifyProcess(process.pid);
  const mine: Holder = {
    pid: process.pid,
    started: self?.started ?? "",
    scope: self?.scope ?? "local",
    token: uuidv7(),
    released: false,
  };
  const draft = join(directory, `lease-draft.${mine.token}`);
  await writeFile(draft, JSON.stringify(mine), { mode: 0o644 });
  try {
    for (let turn = 0; turn < turnsMax; turn += 1) {
      signal?.throwIfAborted();
      const highest = Math.max(0, ...(await leaseNumbers(directory)));
      if (highest > 0) {
        const found = await inspect(leasePath(directory, highest), signal);
        if (typeof found === "object") throw inUse(shownAs, found.heldBy);
        if (found === "gone") continue;
      }
      const number = highest + 1;
      try {
        await link(draft, leasePath(directory, number));
      } catch (thrown) {
        if (systemCodeOf(thrown) === "EEXIST") continue;
        throw thrown;
      }
      const after = await leaseNumbers(directory);
      if (after.some((other) => other > number)) {
        // We linked a number that its owner's successor had already swept away: the successor holds the directory.
        await rm(leasePath(directory, number), { force: true });
        continue;
      }
      for (const other of after) if (other < number) await rm(leasePath(directory, other), { force: true });
      return held(directory, number, mine);
    }
    throw inUse(shownAs, undefined);
  } finally {
    await rm(draft, { force: true });
  }
};

const held = (directory: string, number: number, mine: Holder): DirectoryLease => {
  const path = leasePath(directory, number);
  const beat = setInterval(() => {
    const now = new Date();
    // A beat that fails (disk full, directory removed) must not end the program; the next one may succeed.
    utimes(path, now, now).catch(() => undefined);
  }, beatMs);
  beat.unref();
  return {
    release: async () => {
      clearInterval(beat);
      const draft = join(directory, `lease-draft.${mine.token}`);
      try {
        await writeFile(draft, JSON.stringify({ ...mine, released: true }), { mode: 0o644 });
        await rename(draft, path);
      } catch (thrown) {
        // The whole directory was removed while we held it: nothing is left to release.
        if (systemCodeOf(thrown) !== "ENOENT") throw thrown;
      }
    },
  };
};

/** What a lease file tells: it is gone by now, it is free to be taken over, or it is held by a living process. */
const inspect = async (
  path: string,
  signal: AbortSignal | undefined,
): Promise<"gone" | "free" | { readonly heldBy: number }> => {
  const holder = await readHolder(path);
  if (holder === "gone") return "gone";
  if (holder === undefined || holder.released) return "free";
  const self = await identifyProcess(process.pid);
  if (holder.scope === self?.scope) return (await isSameProcess(holder)) ? { heldBy: holder.pid } : "free";
  // Written in another container, on another machine or before a reboot: its pid means nothing here, only its beats do.
  const first = await beatenAtMs(path);
  for (let waitedMs = 0; waitedMs < silentMsMax; waitedMs += 1_000) {
    const last = await beatenAtMs(path);
    if (last === undefined) return "gone";
    if (last !== first) return { heldBy: holder.pid };
    if (Date.now() - last > silentMsMax) return "free";
    await wait(1_000, undefined, signal === undefined ? {} : { signal });
  }
  return "free";
};

const beatenAtMs = async (path: string): Promise<number | undefined> =>
  (await stat(path).catch(() => undefined))?.mtimeMs;

const readHolder = async (path: string): Promise<Holder | "gone" | undefined> => {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return "gone";
    throw thrown;
  }
  try {
    const value: unknown = JSON.parse(text);
    return isHolder(value) ? value : undefined;
  } catch {
    // Files appear complete, by link or rename; one that cannot be read was cut by a power failure, with its writer.
    return undefined;
  }
};

const isHolder = (value: unknown): value is Holder =>
  typeof value === "object" &&
  value !== null &&
  "pid" in value &&
  typeof value.pid === "number" &&
  "started" in value &&
  typeof value.started === "string" &&
  "scope" in value &&
  typeof value.scope === "string" &&
  "released" in value &&
  typeof value.released === "boolean";

const leasePath = (directory: string, number: number): string => join(directory, `lease.${number}`);

const leaseNumbers = async (directory: string): Promise<number[]> =>
  (await readdir(directory))
    .map((name) => /^lease\.([1-9]\d{0,14})$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number);

const inUse = (directory: string, pid: number | undefined): Fault =>
  new Fault("store.directory_in_use", {
    public: `The data directory ${directory} is in use by another Portico${pid === undefined ? "" : ` (pid ${pid})`}. Stop that one first, or start this one with another directory (--data DIR).`,
    status: 503,
  });
