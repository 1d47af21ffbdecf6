import { chown, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { Fault, messageOf } from "../base/fault.ts";
import type { Log } from "../base/log.ts";
import { takeDirectory } from "./directory-lease.ts";
import { findPostgresBinaries, type PostgresBinaries } from "./postgres-binaries.ts";
import { type PostgresCluster, prepareCluster } from "./postgres-cluster.ts";
import { type PostgresPlace, preparePlace } from "./postgres-place.ts";
import {
  type Postmaster,
  readPidFile,
  runsServer,
  settleEarlierServer,
  socketPath,
  socketUrl,
  startServer,
  stopOrphans,
  stopServer,
} from "./postmaster.ts";

/** One end of the server that nobody asked for, as the supervisor tells it. */
export interface PostgresCrash {
  readonly pid: number;
  readonly how: string;
  /** Ends in a row so far, each within a minute of the one before. */
  readonly inARow: number;
}

/** What `startEmbeddedPostgres` needs. */
export interface EmbeddedPostgresOptions {
  /** Portico's data directory; the database goes into `postgres/` below it where PostgreSQL's user can reach that. */
  readonly dataDir: string;
  readonly log: Log;
  /** Ends the start when it aborts, and stops the server when it aborts later. */
  readonly signal?: AbortSignal;
  /** Called for every crash, before the restart. */
  readonly onCrash?: (crash: PostgresCrash) => void;
  /** Ends in a row, each within a minute of the one before, after which the supervisor gives up. */
  readonly crashesInARowMax?: number;
  /** Only for tests: false leaves out every fsync. */
  readonly isDurable?: boolean;
  /** Only for tests: false lets this process end while the server runs. */
  readonly keepsProcessAlive?: boolean;
  /** More server settings, over ours. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Where the platform package's `package.json` is, when Node's resolution shall not find it. */
  readonly packageFile?: string;
  /** Where databases and programs go that their user cannot reach in their own place. */
  readonly outside?: string;
}

/** A PostgreSQL server under supervision. */
export interface EmbeddedPostgres {
  /** Stays the same over restarts. */
  readonly url: string;
  /** Of the server that runs now; changes with a restart. */
  readonly pid: number;
  /** Where cluster, log and socket lie. */
  readonly directory: string;
  /** Whether this server was left by an earlier Portico. */
  readonly isAdopted: boolean;
  /** Resolves when the supervisor gives up: too many ends in a row. Never rejects. */
  readonly crashed: Promise<Fault>;
  /** Fast shutdown, then harder means; releases the directory. May be called again. */
  stop(): Promise<void>;
}

/** The database in which the platform's tables are. */
const database = "portico";
/** sun_path holds 104 bytes on macOS and 108 on Linux, with the closing zero. */
const socketPathBytesMax = 103;
const crashesInARowMaxDefault = 8;
const backoffMsFirst = 100;
const backoffMsMax = 10_000;
const calmMs = 60_000;

/** For a laptop: small, quick to start, and never without fsync. */
const serverSettings: Readonly<Record<string, string>> = {
  max_connections: "60",
  superuser_reserved_connections: "3",
  shared_buffers: "64MB",
  max_wal_size: "256MB",
  io_method: "sync",
  jit: "off",
  huge_pages: "off",
  unix_socket_permissions: "0700",
  fsync: "on",
  full_page_writes: "on",
  synchronous_commit: "on",
  // Errors of statements reach those who sent them; the file keeps what concerns the server.
  log_min_messages: "fatal",
  log_checkpoints: "off",
  logging_collector: "off",
  log_destination: "stderr",
  log_timezone: "UTC",
  timezone: "UTC",
  cluster_name: "portico",
};

const withoutFsync: Readonly<Record<string, string>> = {
  fsync: "off",
  full_page_writes: "off",
  synchronous_commit: "off",
  shared_buffers: "32MB",
  max_wal_size: "1GB",
};

/**
 * Starts real PostgreSQL over the data directory, adopting a server that an earlier Portico left, and keeps it running
 * until `stop`. Refuses a directory that another Portico holds (`store.directory_in_use`).
 */
export const startEmbeddedPostgres = async (options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> => {
  const { log, signal } = options;
  signal?.throwIfAborted();
  const place = await preparePlace({
    dataDir: options.dataDir,
    log,
    ...(options.outside === undefined ? {} : { outside: options.outside }),
  });
  const lease = await takeDirectory(place.directory, {
    shownAs: options.dataDir,
    ...(signal === undefined ? {} : { signal }),
  });
  try {
    const binaries = await findPostgresBinaries({
      user: place.user,
      log,
      ...(options.packageFile === undefined ? {} : { packageFile: options.packageFile }),
      ...(options.outside === undefined ? {} : { cacheDirectories: [options.outside] }),
    });
    const cluster = await prepareCluster({ place, binaries, isDurable: options.isDurable ?? true, log, signal });
    return await supervise({ ...options, place, binaries, cluster, release: lease.release });
  } catch (thrown) {
    await lease.release();
    throw thrown;
  }
};

interface Supervision extends EmbeddedPostgresOptions {
  readonly place: PostgresPlace;
  readonly binaries: PostgresBinaries;
  readonly cluster: PostgresCluster;
  readonly release: () => Promise<void>;
}

const supervise = async (options: Supervision): Promise<EmbeddedPostgres> => {
  const { place, cluster, log, signal } = options;
  const earlierSockets = (await readPidFile(cluster.directory))?.socketDirectory;
  const adopted = await settleEarlierServer({ ...options, signal });
  const socketDirectory = adopted?.socketDirectory ?? (await makeSocketDirectory(place));
  if (adopted === undefined && earlierSockets !== undefined && earlierSockets !== socketDirectory) {
    await removeSocketDirectory(earlierSockets, place);
  }
  const start = async (while_: AbortSignal | undefined): Promise<Postmaster> =>
    startServer({
      place,
      cluster,
      binaries: options.binaries,
      socketDirectory,
      settings: { ...serverSettings, ...(options.isDurable === false ? withoutFsync : {}), ...options.settings },
      log,
      signal: while_,
    });
  let server: Postmaster;
  try {
    server = adopted ?? (await start(signal));
  } catch (thrown) {
    await removeSocketDirectory(socketDirectory, place);
    throw thrown;
  }
  let isAdopted = adopted !== undefined;
  const keepsAlive = options.keepsProcessAlive ?? true;
  if (!keepsAlive) server.unref();
  try {
    await ensureDatabase(socketUrl(socketDirectory, cluster.password, "postgres"));
  } catch (thrown) {
    await stopServer(server.pid, cluster.directory, log);
    throw thrown;
  }

  const stopping = new AbortController();
  const crashesInARowMax = options.crashesInARowMax ?? crashesInARowMaxDefault;
  const watch = async (): Promise<Fault | undefined> => {
    let inARow = 0;
    for (;;) {
      const startedMs = performance.now();
      const how = await server.ended;
      if (stopping.signal.aborted) return undefined;
      inARow = performance.now() - startedMs > calmMs ? 1 : inARow + 1;
      options.onCrash?.({ pid: server.pid, how, inARow });
      log.error("PostgreSQL ended and is started again", { pid: server.pid, how, inARow });
      for (;;) {
        if (inARow > crashesInARowMax) return gaveUp(place.directory, how, inARow);
        const delayMs = Math.min(backoffMsMax, backoffMsFirst * 2 ** (inARow - 1));
        try {
          await wait(delayMs, undefined, { signal: stopping.signal, ref: keepsAlive });
          await stopOrphans(cluster.directory, log);
          server = await start(stopping.signal);
          isAdopted = false;
          if (stopping.signal.aborted) {
            await stopServer(server.pid, cluster.directory, log);
            return undefined;
          }
          if (!keepsAlive) server.unref();
          log.info("PostgreSQL runs again", { pid: server.pid });
          break;
        } catch (thrown) {
          if (stopping.signal.aborted) return undefined;
          inARow += 1;
          log.error("PostgreSQL could not be started again", { reason: messageOf(thrown), inARow });
        }
      }
    }
  };
  const watching = watch();

  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= (async () => {
      stopping.abort();
      // What is watched may not keep this process alive; the stop must.
      const hold = setInterval(() => undefined, 1_000);
      signal?.removeEventListener("abort", stopOnAbort);
      try {
        // Between two starts there is none, and its pid may be anybody's by now.
        if (await runsServer(cluster.directory, server.pid)) await stopServer(server.pid, cluster.directory, log);
        await watching;
        await removeSocketDirectory(socketDirectory, place);
      } finally {
        clearInterval(hold);
        await options.release();
      }
    })();
    return stopped;
  };
  const stopOnAbort = (): void => {
    stop().catch((thrown: unknown) => log.error("PostgreSQL was not stopped", { reason: messageOf(thrown) }));
  };
  signal?.addEventListener("abort", stopOnAbort, { once: true });
  if (signal?.aborted === true) {
    await stop();
    signal.throwIfAborted();
  }
  return {
    url: socketUrl(socketDirectory, cluster.password, database),
    get pid() {
      return server.pid;
    },
    get isAdopted() {
      return isAdopted;
    },
    directory: place.directory,
    crashed: watching.then(
      (fault) => fault ?? new Promise<Fault>(() => undefined),
      (thrown: unknown) => gaveUp(place.directory, messageOf(thrown), 1),
    ),
    stop,
  };
};

const gaveUp = (directory: string, how: string, times: number): Fault =>
  new Fault("store.gave_up", {
    public: `PostgreSQL ended or failed to start ${times} times in a row and is not started again; the last time ${how}. Its log is ${join(directory, "postgres.log")}.`,
    status: 503,
  });

/** Inside the place; where that is too long for a socket's address, a private directory of a short name. */
const makeSocketDirectory = async (place: PostgresPlace): Promise<string> => {
  const inside = join(place.directory, "socket");
  if (Buffer.byteLength(socketPath(inside)) <= socketPathBytesMax) {
    await mkdir(inside, { recursive: true, mode: 0o700 });
    if (process.getuid?.() === 0) await chown(inside, place.user.uid, place.user.gid);
    return inside;
  }
  for (const base of [tmpdir(), "/tmp"]) {
    if (Buffer.byteLength(socketPath(join(base, "portico-XXXXXX"))) > socketPathBytesMax) continue;
    const made = await mkdtemp(join(base, "portico-"));
    if (process.getuid?.() === 0) await chown(made, place.user.uid, place.user.gid);
    return made;
  }
  throw new Fault("store.start_failed", {
    public: `The paths ${inside} and ${tmpdir()} are too long for a Unix socket (${socketPathBytesMax} bytes). Use a shorter data directory (--data DIR) or TMPDIR.`,
  });
};

const removeSocketDirectory = async (directory: string, place: PostgresPlace): Promise<void> => {
  // Only what `makeSocketDirectory` made outside; the one inside stays for the next start.
  if (directory.startsWith(place.directory) || !/^portico-\w{6}$/.test(basename(directory))) return;
  await rm(directory, { recursive: true, force: true });
};

const ensureDatabase = async (adminUrl: string): Promise<void> => {
  const client = new pg.Client({ connectionString: adminUrl, connectionTimeoutMillis: 10_000 });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const { rowCount } = await client.query("select 1 from pg_database where datname = $1", [database]);
    if (rowCount === 0) await client.query(`create database ${database}`);
  } finally {
    await client.end();
  }
};
