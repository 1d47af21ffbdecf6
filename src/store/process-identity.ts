import { execFile } from "node:child_process";
import { readdir, readFile, readlink } from "node:fs/promises";
import { basename } from "node:path";
import { promisify } from "node:util";
import { systemCodeOf } from "../base/fault.ts";

const run = promisify(execFile);

/**
 * A process named so that a reused pid is not mistaken for it: the pid, when it started, and the boot and pid namespace
 * in which the pid means anything.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot on Linux, the start as `ps` prints it elsewhere; empty where neither can be read. */
  readonly started: string;
  /** Boot id and pid namespace on Linux; `local` elsewhere. */
  readonly scope: string;
}

/** Whether a process with this pid exists; one that belongs to somebody else counts as well. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return systemCodeOf(thrown) === "EPERM";
  }
};

/** The identity of a running process, or undefined when there is none (a zombie counts as none). */
export const identifyProcess = async (pid: number): Promise<ProcessIdentity | undefined> => {
  if (!isAlive(pid)) return undefined;
  if (process.platform === "linux") {
    const stat = await readLinuxStat(pid);
    if (stat === undefined || stat.state === "Z" || stat.state === "X") return undefined;
    return { pid, started: stat.started, scope: await linuxScope() };
  }
  try {
    const { stdout } = await run("ps", ["-o", "lstart=", "-p", String(pid)], {
      env: { PATH: process.env.PATH, LC_ALL: "C" },
    });
    return stdout.trim() === "" ? undefined : { pid, started: stdout.trim(), scope: "local" };
  } catch {
    // `ps` ends with 1 when the process ended between the two looks.
    return isAlive(pid) ? { pid, started: "", scope: "local" } : undefined;
  }
};

/** Whether the process that an identity names is still the one that has its pid. Only for identities of this scope. */
export const isSameProcess = async (identity: ProcessIdentity): Promise<boolean> => {
  const now = await identifyProcess(identity.pid);
  return now !== undefined && (now.started === identity.started || now.started === "" || identity.started === "");
};

/** What can be seen of a process that may be a PostgreSQL server: its program, arguments and working directory. */
export interface ProcessView {
  readonly program: string;
  readonly arguments: readonly string[];
  /** Unknown where the system does not show it. */
  readonly workingDirectory: string | undefined;
}

/** Looks at a process from outside; undefined when it is gone or nothing can be seen. */
export const viewProcess = async (pid: number): Promise<ProcessView | undefined> => {
  if (process.platform === "linux") {
    try {
      const line = await readFile(`/proc/${pid}/cmdline`, "utf8");
      const parts = line.split("\0").filter((part) => part !== "");
      const workingDirectory = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
      return { program: basename(parts[0] ?? ""), arguments: parts.slice(1), workingDirectory };
    } catch {
      return undefined;
    }
  }
  try {
    const { stdout } = await run("ps", ["-ww", "-o", "command=", "-p", String(pid)]);
    const parts = stdout.trim().split(/\s+/);
    return { program: basename(parts[0] ?? ""), arguments: parts.slice(1), workingDirectory: undefined };
  } catch {
    return undefined;
  }
};

/** Pids of the processes whose working directory is `directory`; only Linux shows them, elsewhere the list is empty. */
export const processesWorkingIn = async (directory: string): Promise<number[]> => {
  if (process.platform !== "linux") return [];
  const pids: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const workingDirectory = await readlink(`/proc/${name}/cwd`).catch(() => undefined);
    if (workingDirectory === directory) pids.push(Number(name));
  }
  return pids;
};

const readLinuxStat = async (pid: number): Promise<{ state: string; started: string } | undefined> => {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  // proc(5): the second field is the program's name in brackets and may hold spaces and brackets itself.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", started: fields[19] ?? "" };
};

let scopeOfThisProcess: Promise<string> | undefined;

const linuxScope = (): Promise<string> => {
  scopeOfThisProcess ??= (async () => {
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
    const namespace = await readlink("/proc/self/ns/pid").catch(() => "");
    return `${boot.trim()} ${namespace}`;
  })();
  return scopeOfThisProcess;
};
