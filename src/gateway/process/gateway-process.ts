import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { Fault, messageOf } from "../../base/fault.ts";
import type { Log, LogLevel } from "../../base/log.ts";
import type { ApiUnit, GatewayReport, UsageRow } from "../../model/snapshot.ts";
import { noTls, type TlsState } from "../../model/tls.ts";
import type { RecordingSettings } from "../record/recording.ts";
import type { OverloadLimits } from "../run/overload.ts";
import { type AccessDelta, createAccessWriter } from "../shared/access-table.ts";
import { createBackendMemory, repairBackends } from "../shared/backend-table.ts";
import { attachCounters, createCounterMemory } from "../shared/counters.ts";
import { attachStore, createStoreMemory } from "../shared/shared-store.ts";
import { joinChanges } from "../swap.ts";
import { tlsCounters } from "../tls/tls-door.ts";
import type { WireLimits } from "../wire/limits.ts";
import { type Commit, createDeliveryClient, type DeliveryClient } from "./delivery-client.ts";
import { createExplanationOutbox } from "./explanation-outbox.ts";
import { createHeldConfiguration, textsOf } from "./held-configuration.ts";
import { createHeldTls } from "./held-tls.ts";
import { instanceOf } from "./instance.ts";
import { openOpsPort } from "./ops-port.ts";
import { assertPortFree } from "./port-free.ts";
import type { ProcessFacts, ProcessObserver } from "./process-observer.ts";
import { rotateWhenBig } from "./rotate-log.ts";
import { createSnapshotStore } from "./snapshot-store.ts";
import type { UnitTextChange } from "./thread-messages.ts";
import { createThreadPool, threadNumbersFor } from "./thread-pool.ts";
import { readTlsFiles, type TlsFiles, watchTlsFiles } from "./tls-files.ts";
import { createUsageOutbox } from "./usage-outbox.ts";

/** A configuration that does not come from control. */
export interface LoadedConfiguration {
  readonly revision: number;
  readonly hash: string;
  readonly units: readonly ApiUnit[];
  readonly access: readonly AccessDelta[];
  readonly tls?: TlsState;
}

/** Where the configuration comes from. */
export type ConfigurationSource =
  | { readonly control: { readonly url: string; readonly tokenFile: string } }
  | {
      load(): Promise<LoadedConfiguration>;
      /** Calls `changed` whenever `load` would answer something else; answers how to stop. */
      watch?(changed: () => void): () => void;
    };

/** What a gateway runs with. */
export interface GatewayProcessOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly opsPort: number;
  /** Listens as soon as there is a certificate; 0: any free one; absent: never. */
  readonly httpsPort?: number;
  /** A certificate in files, exchanged when they change. */
  readonly tlsFiles?: TlsFiles;
  readonly threads: number;
  readonly labels: readonly string[];
  readonly dataDir: string;
  readonly version: string;
  readonly source: ConfigurationSource;
  readonly threadUrl: URL;
  /** Threads that load already (`loadThreads`). */
  readonly loading?: readonly Worker[];
  readonly observer: ProcessObserver;
  readonly log: Log;
  readonly logLevel: LogLevel;
  readonly accessLog: "off" | "stdout" | "file";
  /** Which calls are recorded without being asked: for the whole process. */
  readonly recording?: RecordingSettings;
  readonly limits?: Partial<WireLimits>;
  /** From when on each thread refuses calls. */
  readonly overload?: Partial<OverloadLimits>;
  readonly trustedProxies?: readonly string[];
  /** Memory of the store that caching policies share; pages that nothing has touched cost nothing. */
  readonly storeBytesMax?: number;
  /** How long running calls may take to end on `stop`. */
  readonly drainMs?: number;
  readonly stallMs?: number;
}

/** A running gateway. */
export interface GatewayProcess {
  readonly port: number;
  readonly opsPort: number;
  /** 0 as long as there is no certificate. */
  readonly httpsPort: number;
  /** Replaces the threads, one after the other, without a lost call; settles when all are new. */
  restartThreads(): Promise<void>;
  /** Drains and ends everything; settles when nothing of it is left. */
  stop(): Promise<void>;
}

/** How long session tickets are made with one secret (RFC 8446 section 4.6.1 allows seven days). */
const ticketSecretMs = 12 * 3_600_000;
const drainMsDefault = 30_000;
const reportEveryMs = 5_000;
const usageEveryMs = 5_000;
const recentEveryMs = 500;
const countersEveryMs = 30_000;
const logLookEveryMs = 10_000;
const recentLinesMax = 2_000;
const nothingRecorded: RecordingSettings = { sampleRate: 0, failuresPerMinute: 0, traceRate: null };
const journalBytesMax = 16 * 1024 * 1024;
/** How long a start without a saved snapshot waits for the first one from control before it says that it runs. */
const firstCommitMsMax = 3_000;

/** Starts the gateway: its threads on one port, the operations port, and the connection to where its configuration comes from. */
export const startGateway = async (options: GatewayProcessOptions): Promise<GatewayProcess> => {
  const { log, observer, source, labels, version } = options;
  const startedAtMs = Date.now();
  const home = join(options.dataDir, "gateway");
  await mkdir(home, { recursive: true, mode: 0o700 });
  await assertPortFree(options.host, options.port);
  const accessLog = options.accessLog === "file" ? join(options.dataDir, "logs", "access.log") : null;
  if (accessLog !== null) await mkdir(join(options.dataDir, "logs"), { recursive: true });

  const isControlled = "control" in source;
  // A bundle is its own snapshot: only what control sends must be kept here.
  const store = isControlled ? await createSnapshotStore(join(home, "snapshot"), log) : null;
  const saved = (await store?.load()) ?? { configuration: undefined, access: createAccessWriter() };
  const { access } = saved;
  const held = createHeldConfiguration(saved.configuration);
  const tls = await createHeldTls(isControlled ? join(home, "tls.json") : null, log);
  const { tlsFiles } = options;
  if (tlsFiles !== undefined) tls.takeFiles(await readTlsFiles(tlsFiles));
  const [unusable] = tls.problems.filter((problem) => problem.certificate === "files");
  if (unusable !== undefined) throw new Fault("gateway.certificate_invalid", { public: unusable.message });
  const numbers = threadNumbersFor(options.threads);
  const handshakes = new SharedArrayBuffer(numbers * tlsCounters.length * 4);
  const instance = await instanceOf(home);
  const outbox = await createUsageOutbox(join(home, "usage-outbox.json"), log);

  const counterMemory = createCounterMemory({ threadsMax: numbers + 1 });
  const counters = attachCounters(counterMemory, numbers);
  const storeMemory = createStoreMemory({
    threadsMax: numbers + 1,
    ...(options.storeBytesMax === undefined ? {} : { bytesMax: options.storeBytesMax }),
  });
  const cached = attachStore(storeMemory, numbers);
  const backendMemory = createBackendMemory(numbers + 1);
  const quotaFile = join(home, "quotas.bin");
  const savedQuotas = await readFile(quotaFile).catch(() => undefined);
  if (savedQuotas && !counters.importPeriods(savedQuotas, Date.now())) log.warn("the saved quotas cannot be read");
  const saveQuotas = async (): Promise<void> => {
    try {
      await writeFile(`${quotaFile}.new`, counters.exportPeriods(Date.now()), { mode: 0o600 });
      await rename(`${quotaFile}.new`, quotaFile);
    } catch (thrown) {
      log.error("the quotas could not be saved", { reason: messageOf(thrown) });
    }
  };

  let isStopping = false;
  let recent: string[] = [];
  const endedUsage: UsageRow[] = [];
  const firstCommit = Promise.withResolvers<void>();

  const pool = createThreadPool({
    threads: options.threads,
    threadUrl: options.threadUrl,
    ...(options.loading === undefined ? {} : { loading: options.loading }),
    log,
    ...(options.stallMs === undefined ? {} : { stallMs: options.stallMs }),
    common: {
      host: options.host,
      logLevel: options.logLevel,
      limits: options.limits ?? {},
      overload: options.overload ?? {},
      trustedProxies: options.trustedProxies ?? [],
      counters: counterMemory,
      store: storeMemory,
      recording: perThread(options.recording ?? nothingRecorded, options.threads),
      backends: backendMemory,
      zone: zoneOf(options.labels),
      accessLog: options.accessLog === "stdout" ? "stdout" : accessLog,
      handshakes,
    },
    newRegions: observer.newRegions,
    access: () => access.buffers,
    initialChanges: held.initialChanges,
    onEnded: (thread) => {
      observer.threadEnded(thread.metrics);
      endedUsage.push(...observer.takeUsage(thread.usage, true));
      counters.repairThread(thread.thread);
      cached.repairThread(thread.thread);
      repairBackends(backendMemory, thread.thread);
    },
    onExplained: (lines) => explanations.add(lines, (explanation) => observer.explained(explanation)),
    onMetrics: (rows) => observer.customMetrics(rows),
    onRecent: (lines) => {
      if (recent.length >= recentLinesMax) return;
      recent.push(...lines.split("\n", recentLinesMax - recent.length).filter((line) => line !== ""));
    },
  });

  // Commits are applied one after the other; those that come meanwhile are joined into one.
  let commits: Commit[] = [];
  let isApplying = false;
  const enqueue = (commit: Commit): void => {
    commits.push(commit);
    if (isApplying) return;
    isApplying = true;
    void applyAll();
  };
  const applyAll = async (): Promise<void> => {
    while (commits.length > 0) {
      const some = commits;
      commits = [];
      try {
        await applyCommits(some);
      } catch (thrown) {
        log.error("a commit could not be applied", { revision: some.at(-1)?.revision, error: thrown });
      }
    }
    isApplying = false;
  };

  const applyCommits = async (some: readonly Commit[]): Promise<void> => {
    const change = some
      .map((commit): UnitTextChange => ({ ...commit, units: textsOf(commit.units) }))
      .reduce((first, second) => joinChanges(first, second));
    await applyAccess(some.flatMap((commit) => commit.access));
    const newest = some.findLast((commit) => commit.tls !== undefined)?.tls;
    if (newest !== undefined && tls.use(newest)) {
      await tls.save();
      await serveTls();
    }
    held.want(change);
    const errors = await pool.apply(change);
    held.settle(change, errors);
    store?.saveConfiguration(held.saved);
    firstCommit.resolve();
    for (const error of errors) {
      if (change.units.some((unit) => unit.hash === error.hash))
        log.error(error.message, { api: error.api, findings: error.findings });
    }
    log.debug("a revision is live", {
      revision: change.revision,
      units: change.units.length,
      removed: change.removed.length,
    });
    await report();
  };

  let httpsPort = 0;
  /** Gives the threads the certificates of the moment, and listens once there is one. */
  const serveTls = async (): Promise<void> => {
    pool.giveTls(tls.state, tls.ticketSecret);
    if (httpsPort !== 0 || options.httpsPort === undefined || tls.state.certificates.length === 0) return;
    try {
      await assertPortFree(options.host, options.httpsPort);
      httpsPort = await pool.listenTls(options.httpsPort);
      log.info("the gateway speaks HTTPS", { httpsPort });
    } catch (thrown) {
      // With the certificate of the command line the gateway does not start; later it serves on and tries again with the next change.
      if (tlsFiles !== undefined && !isRunning) throw thrown;
      log.error("the gateway cannot speak HTTPS", { httpsPort: options.httpsPort, reason: messageOf(thrown) });
    }
  };
  const reloadFiles = async (files: TlsFiles): Promise<void> => {
    try {
      if (tls.takeFiles(await readTlsFiles(files))) {
        await serveTls();
        log.info("the certificate was exchanged", { certificates: tls.certificates().map(({ name }) => name) });
      }
    } catch (thrown) {
      log.error("the changed certificate is not usable; the old one serves on", { reason: messageOf(thrown) });
    }
  };
  let isRunning = false;

  const applyAccess = async (deltas: readonly AccessDelta[]): Promise<void> => {
    if (deltas.length === 0) return;
    let hasMoved = false;
    for (const delta of deltas) {
      if (access.apply(delta)) hasMoved = true;
      // A big table comes in pages: beats and reports must not wait for all of them.
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (hasMoved) {
      await pool.giveAccess(access.buffers);
      access.forgetPrevious();
    }
    if (store === null) return;
    const isWhole = deltas.some((delta) => delta.reset) || store.journalBytes > journalBytesMax;
    if (isWhole) void store.saveAccess(access);
    else await store.appendAccess(deltas);
  };

  let client: DeliveryClient | null = null;
  const reportOf = (): GatewayReport => ({
    instance,
    version,
    labels,
    revision: held.revision,
    hash: held.hash,
    threads: pool.threads.length,
    startedAtMs,
    unitErrors: pool.errors,
  });
  let reporting: Promise<void> | null = null;
  let mustReportAgain = false;
  const report = (): Promise<void> => {
    if (client === null || !client.isConnected) return Promise.resolve();
    if (reporting !== null) {
      mustReportAgain = true;
      return Promise.resolve();
    }
    reporting = client
      .report(reportOf())
      .catch((thrown: unknown) => log.info("control did not take the report", { reason: messageOf(thrown) }))
      .finally(() => {
        reporting = null;
        if (!mustReportAgain) return;
        mustReportAgain = false;
        void report();
      });
    return Promise.resolve();
  };

  const gatherUsage = (): void => {
    const rows = [
      ...endedUsage.splice(0),
      ...pool.threads.flatMap((thread) => observer.takeUsage(thread.usage, false)),
    ];
    if (isControlled && rows.length > 0) outbox.add(observer.mergeUsage(rows));
  };
  const sendUsage = async (): Promise<void> => {
    gatherUsage();
    const to = client;
    if (to?.isConnected) await outbox.flush((batch) => to.send("usage", { ...batch, instance }));
  };
  const sendRecent = async (): Promise<void> => {
    const lines = recent;
    recent = [];
    // For people who watch: what nobody takes now is in the log.
    if (lines.length === 0 || !client?.isConnected) return;
    await client.send("requests", { instance, records: lines.map((line): unknown => JSON.parse(line)) });
  };

  const explanations = createExplanationOutbox(log, isControlled, (records) =>
    client?.isConnected === true ? client.send("explanations", { instance, records }) : null,
  );
  const isReady = (): boolean => !isStopping && held.hasTable && pool.threads.some((thread) => thread.isListening);
  const timers = [
    every(reportEveryMs, report),
    every(usageEveryMs, sendUsage),
    every(recentEveryMs, () => sendRecent().catch(() => {})),
    every(recentEveryMs, explanations.flush),
    every(countersEveryMs, saveQuotas),
    every(ticketSecretMs, async () => {
      tls.rotate();
      pool.giveTls(tls.state, tls.ticketSecret);
    }),
    ...(accessLog === null ? [] : [every(logLookEveryMs, () => rotateWhenBig(accessLog, pool.reopenLogs, log))]),
  ];
  let stopWatching: (() => void) | undefined;
  let stopWatchingFiles: (() => void) | undefined;

  const end = async (): Promise<void> => {
    for (const timer of timers) clearInterval(timer);
    stopWatching?.();
    stopWatchingFiles?.();
    await pool.drain(options.drainMs ?? drainMsDefault);
    gatherUsage();
    const to = client;
    if (to?.isConnected) await outbox.flush((batch) => to.send("usage", { ...batch, instance }, 2_000));
    client?.close();
    await outbox.save();
    await saveQuotas();
    await observer.close();
    await store?.close();
  };

  observer.started(() => ({
    threads: pool.threads.map((thread) => ({ thread: String(thread.thread), metrics: thread.metrics })),
    facts: factsOf(),
  }));
  try {
    if (!isControlled) {
      const loaded = await source.load();
      await startFrom(loaded);
    }
    pool.giveTls(tls.state, tls.ticketSecret);
    const port = await pool.listen(options.port);
    await serveTls();
    if (tlsFiles !== undefined) stopWatchingFiles = watchTlsFiles(tlsFiles, () => void reloadFiles(tlsFiles));
    for (const error of pool.errors) log.error(error.message, { api: error.api, findings: error.findings });
    if (held.hasTable) firstCommit.resolve();
    const ops = await openOpsPort(options.host, options.opsPort, {
      isReady,
      metrics: () => observer.metricsText(),
      revision: () => ({
        revision: held.revision,
        hash: held.hash,
        instance,
        version,
        isReady: isReady(),
        isConnected: client?.isConnected ?? false,
        threads: pool.threads.map((thread) => ({
          thread: thread.thread,
          revision: thread.revision,
          isListening: thread.isListening,
        })),
        unitErrors: pool.errors,
        httpsPort,
        certificates: tls.certificates(),
        certificateProblems: tls.problems,
      }),
    });
    if (isControlled) {
      client = createDeliveryClient({
        ...source.control,
        instance,
        version,
        labels,
        log,
        held: () => ({ units: held.hashes(), revision: held.revision }),
        onCommit: enqueue,
        onExplainKey: (key) => pool.giveExplainKey(key),
        onChallenges: (answers) => pool.giveChallenges(answers),
      });
      if (!held.hasTable) await Promise.race([firstCommit.promise, delay(firstCommitMsMax)]);
    } else stopWatching = source.watch?.(() => void reload());
    log.info("the gateway takes calls", { port, opsPort: ops.port, threads: options.threads, revision: held.revision });
    isRunning = true;
    return {
      port,
      opsPort: ops.port,
      get httpsPort() {
        return httpsPort;
      },
      restartThreads: async () => {
        log.info("the gateway's threads are replaced one after the other", { threads: options.threads });
        await pool.restart(options.drainMs ?? drainMsDefault);
        log.info("the gateway's threads are new", { threads: options.threads });
      },
      stop: async () => {
        if (isStopping) return;
        isStopping = true;
        log.info("the gateway drains", { inFlightMsMax: options.drainMs ?? drainMsDefault });
        await end();
        await ops.close();
      },
    };
  } catch (thrown) {
    isStopping = true;
    await end();
    throw thrown;
  }

  async function startFrom(loaded: LoadedConfiguration): Promise<void> {
    for (const delta of loaded.access) access.apply(delta);
    tls.use(loaded.tls ?? noTls);
    const change: UnitTextChange = { ...loaded, units: textsOf(loaded.units), removed: [] };
    held.want(change);
    held.settle(change, []);
  }

  async function reload(): Promise<void> {
    if ("control" in source) return;
    try {
      const loaded = await source.load();
      const hashes = held.hashes();
      const present = new Set(loaded.units.map((unit) => unit.api));
      enqueue({
        ...loaded,
        tls: loaded.tls ?? noTls,
        units: loaded.units.filter((unit) => hashes[unit.api] !== unit.hash),
        removed: Object.keys(hashes).filter((api) => !present.has(api)),
      });
    } catch (thrown) {
      log.error("the changed configuration is not usable; the old one serves on", {
        reason: messageOf(thrown),
        ...(thrown instanceof Fault ? { findings: thrown.findings } : {}),
      });
    }
  }

  function factsOf(): ProcessFacts {
    return {
      revision: held.revision,
      threads: pool.threads.length,
      threadRestarts: pool.restarts,
      unitErrors: pool.errors.length,
      isReady: isReady(),
      keys: access.keys,
      subscriptions: access.subscriptions,
      accessTableBytes: access.bytes,
      usageRowsLost: outbox.rowsLost,
      tls: { handshakes: sumOf(handshakes), problems: tls.problems.length, certificates: tls.certificates() },
    };
  }
};

/** The threads' counters together. */
const sumOf = (memory: SharedArrayBuffer): readonly number[] => {
  const rows = new Uint32Array(memory);
  return tlsCounters.map((_, counter) => {
    let sum = 0;
    for (let at = counter; at < rows.length; at += tlsCounters.length) sum += rows[at] ?? 0;
    return sum;
  });
};

/** Budgets are for the process: its threads share them evenly. */
const perThread = (recording: RecordingSettings, threads: number): RecordingSettings => ({
  ...recording,
  failuresPerMinute: Math.ceil(recording.failuresPerMinute / threads),
});

/** The label `zone=eu-1` says where the gateway stands. */
const zoneOf = (labels: readonly string[]): string =>
  labels.find((label) => label.startsWith("zone="))?.slice("zone=".length) ?? "";

const every = (intervalMs: number, act: () => Promise<void>): NodeJS.Timeout =>
  setInterval(() => {
    // Each of them deals with its own failures.
    void act();
  }, intervalMs);

const delay = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
