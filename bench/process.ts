import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { availableParallelism } from "node:os";
import { delimiter, join } from "node:path";

/** Where a program is, on PATH or where Debian puts servers; undefined when it is not installed. */
export const findProgram = (name: string): string | undefined =>
  [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"]
    .map((directory) => join(directory, name))
    .find((path) => existsSync(path));

/** Cores: the gateway under test has one to itself; load and origin share the other. */
export const gatewayCore = 0;
export const loadCore = Math.min(1, availableParallelism() - 1);

/** A program of the benchmark, pinned to a core, and its output for when it fails. */
export interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
  stop(): Promise<void>;
}

/** Starts a program on one core (or on all, with `core` undefined). */
export const startPinned = (
  core: number | undefined,
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Started => {
  const taskset = core === undefined ? undefined : findProgram("taskset");
  const [command, all] = taskset ? [taskset, ["-c", String(core), program, ...args]] : [program, [...args]];
  const child = spawn(command, all, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  let text = "";
  const keep = (chunk: Buffer): void => {
    text = (text + chunk.toString()).slice(-8000);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  child.on("error", (error) => keep(Buffer.from(error.message)));
  return {
    child,
    output: () => text,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      child.kill("SIGTERM");
      const hard = setTimeout(() => child.kill("SIGKILL"), 3000);
      await ended;
      clearTimeout(hard);
    },
  };
};

/** A port that was free a moment ago. */
export const freePort = async (): Promise<number> => {
  const { createServer } = await import("node:net");
  return new Promise((resolve, reject) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        address !== null && typeof address === "object" ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
};

/** Waits until something accepts connections on the port, at most `waitMs`. */
export const waitForPort = async (port: number, started: Started, waitMs = 20_000): Promise<void> => {
  const until = performance.now() + waitMs;
  while (performance.now() < until) {
    if (started.child.exitCode !== null)
      throw new Error(`it ended with ${started.child.exitCode}:\n${started.output()}`);
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.destroy();
        resolve(true);
      }).on("error", () => resolve(false));
    });
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  throw new Error(`nothing listens on ${port} after ${waitMs} ms:\n${started.output()}`);
};

/** The process and all its descendants. */
export const familyOf = (pid: number): readonly number[] => {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const fields = statOf(Number(name));
    if (fields) parents.set(Number(name), Number(fields[1]));
  }
  const family = [pid];
  for (const member of family) for (const [child, parent] of parents) if (parent === member) family.push(child);
  return family;
};

/** CPU microseconds (user + system) that the processes have used so far; Linux counts in ticks of 10 ms. */
export const cpuMicros = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => {
    const fields = statOf(pid);
    return fields ? sum + (Number(fields[11]) + Number(fields[12])) * 10_000 : sum;
  }, 0);

/** Resident memory of the processes in MiB. */
export const residentMiB = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => sum + (Number(statOf(pid)?.[21] ?? 0) * 4096) / 2 ** 20, 0);

// proc(5): the fields after the program's name in brackets, beginning with the state.
const statOf = (pid: number): readonly string[] | undefined => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    // It ended between two looks.
    return undefined;
  }
};
