import { type ChildProcess, spawn } from "node:child_process";
import { chown, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { Fault, systemCodeOf } from "../base/fault.ts";
import { uuidv7 } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import type { PostgresBinaries } from "./postgres-binaries.ts";
import { embeddedRole, type PostgresCluster } from "./postgres-cluster.ts";
import type { PostgresPlace } from "./postgres-place.ts";
import { identifyProcess, isAlive, processesWorkingIn, viewProcess } from "./process-identity.ts";

/** A running PostgreSQL server, ours or one that an earlier Portico left. */
export interface Postmaster {
  readonly pid: number;
  readonly socketDirectory: string;
  /** Settled when the process is gone, with what is known of its end. */
  readonly ended: Promise<string>;
  /** Only for a server that this process started: lets this process end while the server runs. */
  unref(): void;
}

/** What `postmaster.pid` says (PostgreSQL's src/include/utils/pidfile.h). */
export interface PidFile {
  readonly pid: number;
  readonly dataDirectory: string;
  readonly startedAtS: number;
  readonly socketDirectory: string;
  readonly status: string;
}

/** The port only names the socket file; nothing listens on TCP. */
const port = 5432;
const logBytesMax = 4 * 1024 * 1024;
const readyPollMs = 15;
const adoptedPollMs = 250;
/** Crash recovery of a small database takes a moment; of a large one, after a power failure, minutes. */
const readyMsMax = 300_000;
const fastStopMsMax = 20_000;
const immediateStopMsMax = 5_000;

/** The address under which `socketDirectory`'s server serves `database`. */
export const socketUrl = (socketDirectory: string, password: string, database: string): string =>
  `postgresql://${embeddedRole}:${password}@localhost/${database}?host=${encodeURIComponent(socketDirectory)}&port=${port}`;

/** The path of the socket file in a directory. */
export const socketPath = (directory: string): string => join(directory, `.s.PGSQL.${port}`);

/** Reads `postmaster.pid`; undefined when there is none or it is cut short. */
export const readPidFile = async (cluster: string): Promise<PidFile | undefined> => {
  let text: string;
  try {
    text = await readFile(join(cluster, "postmaster.pid"), "utf8");
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
  const lines = text.split("\n");
  const pid = Number(lines[0]);
  if (!Number.isSafeInteger(pid) || pid < 1) return undefined;
  return {
    pid,
    dataDirectory: lines[1] ?? "",
    startedAtS: Number(lines[2]),
    socketDirectory: lines[4] ?? "",
    status: (lines[7] ?? "").trim(),
  };
};

/** Whether this process is really the server of this cluster, and not a program that got its pid later. */
export const runsServer = async (cluster: string, pid: number): Promise<boolean> => {
  if ((await identifyProcess(pid)) === undefined) return false;
  const view = await viewProcess(pid);
  if (view === undefined || !view.program.startsWith("postgres")) return false;
  return view.workingDirectory === undefined ? view.arguments.includes(cluster) : view.workingDirectory === cluster;
};

/** Whether the server answers, and with which version; undefined when it does not. */
const askVersion = async (socketDirectory: string, password: string): Promise<string | undefined> => {
  const client = new pg.Client({
    connectionString: socketUrl(socketDirectory, password, "postgres"),
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
  });
  // A connection that breaks while we ask is an answer: no.
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ version: string }>("select current_setting('server_version') as version");
    return rows[0]?.version;
  } catch {
    return undefined;
  } finally {
    await client.end().catch(() => undefined);
  }
};

/**
 * Settles what an earlier server left in the cluster. A server that lives, answers and has our version is returned to be
 * adopted; one that does not answer is stopped; a pid file whose pid another program has now is made harmless.
 */
export const settleEarlierServer = async (options: {
  readonly cluster: PostgresCluster;
  readonly binaries: PostgresBinaries;
  readonly log: Log;
  readonly signal: AbortSignal | undefined;
}): Promise<Postmaster | undefined> => {
  const { cluster, log, signal } = options;
  const file = await readPidFile(cluster.directory);
  if (file === undefined) return undefined;
  if (!(await runsServer(cluster.directory, file.pid))) {
    await stopOrphans(cluster.directory, log);
    await disownPidFile(cluster.directory, file, log);
    return undefined;
  }
  if (await becomesReady(cluster.directory, file.pid, signal)) {
    const current = await readPidFile(cluster.directory);
    const socketDirectory = current?.socketDirectory ?? file.socketDirectory;
    const version = await askVersion(socketDirectory, cluster.password);
    if (version !== undefined && options.binaries.version.startsWith(version)) {
      log.warn("adopted the PostgreSQL server that an earlier Portico left running", { pid: file.pid });
      return adopted(file.pid, socketDirectory);
    }
  }
  log.warn("stopping the PostgreSQL server that an earlier Portico left running", { pid: file.pid });
  await stopServer(file.pid, cluster.directory, log);
  return undefined;
};

const adopted = (pid: number, socketDirectory: string): Postmaster => {
  let ref = true;
  const ended = (async () => {
    const first = await identifyProcess(pid);
    for (let now = first; now !== undefined && now.started === first?.started; now = await identifyProcess(pid)) {
      await wait(adoptedPollMs, undefined, { ref });
    }
    return "it is gone (it was not our child, so its end is not known)";
  })();
  return {
    pid,
    socketDirectory,
    ended,
    unref: () => {
      ref = false;
    },
  };
};

/**
 * PostgreSQL refuses to start while the pid in the file lives. It takes its own parent's pid for a left-over, so that we
 * write ours: unlike removing the file this keeps its check for left-over shared memory.
 */
const disownPidFile = async (cluster: string, file: PidFile, log: Log): Promise<void> => {
  // PostgreSQL asks as we do, so that a zombie which nobody reaps counts as alive here.
  if (!isAlive(file.pid)) return;
  log.warn("the pid in postmaster.pid is not the server's any more", { pid: file.pid, cluster });
  const path = join(cluster, "postmaster.pid");
  const lines = (await readFile(path, "utf8")).split("\n");
  const owner = await stat(cluster);
  const draft = `${path}.${uuidv7()}`;
  await writeFile(draft, [String(process.pid), ...lines.slice(1)].join("\n"), { mode: 0o600, flag: "wx" });
  if (process.getuid?.() === 0) await chown(draft, owner.uid, owner.gid);
  await rename(draft, path);
};

/** After the postmaster was killed, its children may still be at work on the data; nothing may start before they ended. */
export const stopOrphans = async (cluster: string, log: Log): Promise<void> => {
  const deadlineMs = performance.now() + immediateStopMsMax;
  for (let isFirst = true; ; isFirst = false) {
    const pids: number[] = [];
    for (const pid of await processesWorkingIn(cluster)) {
      if ((await viewProcess(pid))?.program.startsWith("postgres")) pids.push(pid);
    }
    if (pids.length === 0) return;
    const isLate = performance.now() > deadlineMs;
    if (isFirst || isLate) {
      log.warn("ending processes that a killed PostgreSQL server left", { pids });
      for (const pid of pids) signalProcess(pid, isLate ? "SIGKILL" : "SIGQUIT");
    }
    await wait(20);
  }
};

/** Starts the server and waits until it takes connections. */
export const startServer = async (options: {
  readonly place: PostgresPlace;
  readonly cluster: PostgresCluster;
  readonly binaries: PostgresBinaries;
  readonly socketDirectory: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly log: Log;
  readonly signal: AbortSignal | undefined;
}): Promise<Postmaster> => {
  const { place, cluster, socketDirectory, signal, log } = options;
  signal?.throwIfAborted();
  const settings = {
    listen_addresses: "",
    // A list with commas, where quotes protect what is special.
    unix_socket_directories: `"${socketDirectory.replaceAll('"', '""')}"`,
    port: String(port),
    ...options.settings,
  };
  // Left by a server that was killed; its lock file would name a pid that another program may have by now. Nobody else's
  // can be there: the directory is private, and we hold the lease of the place.
  for (const left of [socketPath(socketDirectory), `${socketPath(socketDirectory)}.lock`])
    await rm(left, { force: true });
  const logPath = join(place.directory, "postgres.log");
  const logFile = await openLog(logPath, place);
  let child: ChildProcess;
  try {
    child = spawn(
      options.binaries.postgres,
      ["-D", cluster.directory, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
      {
        cwd: "/",
        env: {},
        // A session of its own: Ctrl-C in the terminal must not stop the database before those who use it.
        detached: true,
        stdio: ["ignore", logFile.fd, logFile.fd],
        ...place.user.spawn,
      },
    );
  } finally {
    await logFile.close();
  }
  let endedHow: string | undefined;
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, by) => resolve(by === null ? `it ended with ${code}` : `it was ended by ${by}`));
  }).then((how) => {
    endedHow = how;
    return how;
  });
  const pid = child.pid;
  if (pid !== undefined) {
    try {
      if (await becomesReady(cluster.directory, pid, signal, () => endedHow !== undefined)) {
        return { pid, socketDirectory, ended, unref: () => child.unref() };
      }
    } catch (thrown) {
      await stopServer(pid, cluster.directory, log);
      throw thrown;
    }
  }
  if (endedHow === undefined && pid !== undefined) await stopServer(pid, cluster.directory, log);
  const how = await ended;
  const tail = await readLogTail(logPath);
  throw new Fault("store.start_failed", {
    public: `PostgreSQL did not start: ${how}. Its last words are in ${logPath}${tail.reason === "" ? "." : `: ${tail.reason}`}`,
    internal: tail.text,
    status: 503,
  });
};

/** Fast shutdown: running transactions are rolled back, everything is written; then harder means. Root may stop anybody's. */
export const stopServer = async (pid: number, cluster: string, log: Log): Promise<void> => {
  const started = (await identifyProcess(pid))?.started;
  const isGone = async (): Promise<boolean> => (await identifyProcess(pid))?.started !== started;
  if (started === undefined) return;
  // Somebody may have suspended it; a suspended server cannot follow.
  signalProcess(pid, "SIGCONT");
  const steps = [
    ["SIGINT", fastStopMsMax],
    ["SIGQUIT", immediateStopMsMax],
    ["SIGKILL", immediateStopMsMax],
  ] as const;
  for (const [name, msMax] of steps) {
    if (name !== "SIGINT") log.warn("PostgreSQL does not stop", { pid, next: name });
    signalProcess(pid, name);
    for (const untilMs = performance.now() + msMax; performance.now() < untilMs; await wait(10)) {
      if (await isGone()) {
        await stopOrphans(cluster, log);
        return;
      }
    }
  }
  throw new Fault("store.stop_failed", { public: `The PostgreSQL server (pid ${pid}) cannot be stopped.` });
};

const signalProcess = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch (thrown) {
    // Gone already is what we wanted.
    if (systemCodeOf(thrown) === "ESRCH") return;
    throw new Fault("store.stop_failed", {
      public: `The PostgreSQL server (pid ${pid}) was started by another user and cannot be stopped. Stop it as that user or as root.`,
      cause: thrown,
    });
  }
};

/** Waits as pg_ctl does: until the pid file has our pid and says `ready`. False when the process ended first. */
const becomesReady = async (
  cluster: string,
  pid: number,
  signal: AbortSignal | undefined,
  hasEnded?: () => boolean,
): Promise<boolean> => {
  for (const untilMs = performance.now() + readyMsMax; performance.now() < untilMs; ) {
    signal?.throwIfAborted();
    const file = await readPidFile(cluster);
    if (file?.pid === pid && file.status === "ready") return true;
    if (file?.pid === pid && file.status === "stopping") return false;
    if (hasEnded === undefined ? (await identifyProcess(pid)) === undefined : hasEnded()) return false;
    await wait(readyPollMs);
  }
  return false;
};

const openLog = async (path: string, place: PostgresPlace): ReturnType<typeof open> => {
  const bytes = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (bytes > logBytesMax) await rename(path, `${path}.1`);
  const file = await open(path, "a", 0o600);
  if (process.getuid?.() === 0) await file.chown(place.user.uid, place.user.gid);
  return file;
};

/** The end of the server's log, and in it the line that most likely says why it did not start. */
const readLogTail = async (path: string): Promise<{ text: string; reason: string }> => {
  const whole = await readFile(path, "utf8").catch(() => "");
  const text = whole.slice(-4_000);
  const reason = text
    .split("\n")
    .filter((line) => /(FATAL|PANIC|could not|error while loading)/.test(line))
    .at(-1);
  return { text, reason: reason ?? "" };
};
