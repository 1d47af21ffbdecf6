import { Worker } from "node:worker_threads";
import { Fault, messageOf } from "../../base/fault.ts";
import type { Log } from "../../base/log.ts";
import type { UnitError } from "../../model/snapshot.ts";
import type { TlsState } from "../../model/tls.ts";
import type { AccessBuffers } from "../shared/access-table.ts";
import { isAlive, loadThreads } from "./load-threads.ts";
import {
  beatIntervalMs,
  type FromThread,
  type ThreadStart,
  type ToThread,
  type UnitTextChange,
} from "./thread-messages.ts";

/** A running thread, as others may look at it. */
export interface ThreadFacts {
  readonly thread: number;
  readonly revision: number;
  readonly isListening: boolean;
  readonly metrics: SharedArrayBuffer;
  readonly usage: SharedArrayBuffer;
}

/** What the pool needs from the process around it. */
export interface ThreadPoolOptions {
  readonly threads: number;
  /** The module that a thread runs. */
  readonly threadUrl: URL;
  readonly log: Log;
  /** What every thread begins with; regions are made anew for each. */
  readonly common: Omit<ThreadStart, "thread" | "beats" | "access" | "metrics" | "usage">;
  newRegions(): { readonly metrics: SharedArrayBuffer; readonly usage: SharedArrayBuffer };
  /** The tables of the moment. */
  access(): AccessBuffers;
  /** Everything a new thread must apply before it listens, in order. */
  initialChanges(): readonly UnitTextChange[];
  /** A thread has ended, planned or not: its regions are to be read for the last time, its counters repaired. */
  onEnded(thread: ThreadFacts): void;
  onRecent(lines: string): void;
  onExplained(lines: string): void;
  onMetrics(rows: readonly unknown[]): void;
  /** Threads that are loading or loaded already, to be used first. */
  readonly loading?: readonly Worker[];
  /** A thread that does not beat for so long is replaced. */
  readonly stallMs?: number;
}

/** The threads of the gateway: replaced when they die or stop beating, all told the same. */
export interface ThreadPool {
  /** Starts all threads on one port; answers it when all of them listen. Rejects where the port is taken. */
  listen(port: number): Promise<number>;
  /** Applies a change on all threads; settles with the unit errors when all of them serve it. */
  apply(change: UnitTextChange): Promise<readonly UnitError[]>;
  /** Gives all threads the access tables; settles when none uses older ones. */
  giveAccess(buffers: AccessBuffers): Promise<void>;
  /** Gives all threads, also those to come, the certificates. */
  giveTls(state: TlsState, ticketSecret: Uint8Array): void;
  /** Lets all threads, also those to come, speak HTTPS on a port; answers it. Rejects where it is taken. */
  listenTls(port: number): Promise<number>;
  /** Gives all threads, also those to come, the answers of ACME challenges. */
  giveChallenges(answers: Readonly<Record<string, string>>): void;
  reopenLogs(): void;
  /** Gives all threads, also those to come, the key of explain tokens. */
  giveExplainKey(key: string): void;
  readonly threads: readonly ThreadFacts[];
  readonly restarts: number;
  /** APIs whose newest unit is not what serves, as the threads last said. */
  readonly errors: readonly UnitError[];
  /**
   * Replaces all threads, one after the other: a new one takes calls before an old one drains. Asked for again meanwhile: the same
   * restart. Rejects where a new thread does not come up; the old ones that are left then serve on.
   */
  restart(deadlineMs: number): Promise<void>;
  /** Lets running calls end until the deadline, then ends all threads. */
  drain(deadlineMs: number): Promise<void>;
}

interface Handle extends ThreadFacts {
  readonly worker: Worker;
  readonly startedAtMs: number;
  revision: number;
  isListening: boolean;
  hasBeaten: boolean;
  beat: number;
  beatAtMs: number;
  isEnded: boolean;
  /** Another has taken its place: it drains and is not replaced. */
  isRetiring: boolean;
  /** It comes up beside those that serve: where it fails, they serve on and nothing takes its place. */
  isTrial: boolean;
  failure: unknown;
  readonly waiting: Map<number, PromiseWithResolvers<readonly UnitError[] | null>>;
  readonly listening: PromiseWithResolvers<number>;
  listeningTls: PromiseWithResolvers<number>;
  readonly drained: PromiseWithResolvers<void>;
}

const stallMsDefault = 800;
/** A thread that has not come up within this time is stuck in its start. */
const startMsMax = 30_000;
/** Waits before a thread that keeps dying young is started again. */
const restartDelaysMs = [0, 100, 500, 1000, 2000] as const;
const youngMs = 5_000;
/** The spare is loaded when the others have had their start. */
const spareDelayMs = 1_000;

/** Numbers that the threads of a pool take: one is free, so that a new thread can come up beside the one that it replaces. */
export const threadNumbersFor = (threads: number): number => threads + 1;

/** A pool; no thread runs before `listen`. */
export const createThreadPool = (options: ThreadPoolOptions): ThreadPool => {
  const { log } = options;
  const stallMs = options.stallMs ?? stallMsDefault;
  const beatsMemory = new SharedArrayBuffer(threadNumbersFor(options.threads) * 4);
  const beats = new Int32Array(beatsMemory);
  const handles = new Map<number, Handle>();
  const youngDeaths = new Map<number, number>();
  let port = 0;
  let sequence = 0;
  let explainKey: string | null = null;
  let tls: Extract<ToThread, { type: "tls" }> | null = null;
  let challenges: Extract<ToThread, { type: "challenges" }> | null = null;
  let httpsPort = 0;
  let restarts = 0;
  let isDraining = false;
  let lastLookMs = performance.now();
  let errors: readonly UnitError[] = [];
  const spares: Worker[] = [...(options.loading ?? [])];
  let spareTimer: NodeJS.Timeout | undefined;
  const restartTimers = new Set<NodeJS.Timeout>();

  const post = (handle: Handle, message: ToThread): void => handle.worker.postMessage(message);

  const ask = (handle: Handle, make: (n: number) => ToThread): Promise<readonly UnitError[] | null> => {
    if (handle.isEnded) return Promise.resolve(null);
    sequence += 1;
    const answer = Promise.withResolvers<readonly UnitError[] | null>();
    handle.waiting.set(sequence, answer);
    post(handle, make(sequence));
    return answer.promise;
  };

  /** Keeps one thread loaded and waiting: loading the modules is what would take longest when another one dies. */
  const keepSpare = (): void => {
    clearTimeout(spareTimer);
    spareTimer = setTimeout(() => {
      if (isDraining || spares.some(isAlive)) return;
      spares.push(...loadThreads(options.threadUrl, 1));
    }, spareDelayMs);
    spareTimer.unref();
  };

  /** A waiting thread, or a new one where none waits or it has died over its modules: then the new one says why. */
  const takeWorker = (): Worker => {
    for (let worker = spares.shift(); worker !== undefined; worker = spares.shift()) {
      if (!isAlive(worker)) continue;
      worker.removeAllListeners();
      worker.ref();
      return worker;
    }
    return new Worker(options.threadUrl, { name: "gateway" });
  };

  const start = (thread: number): Handle => {
    const regions = options.newRegions();
    const begin: ThreadStart = {
      ...options.common,
      ...regions,
      thread,
      beats: beatsMemory,
      access: options.access(),
    };
    const worker = takeWorker();
    const handle: Handle = {
      thread,
      worker,
      ...regions,
      startedAtMs: performance.now(),
      revision: 0,
      isListening: false,
      hasBeaten: false,
      beat: Atomics.load(beats, thread),
      beatAtMs: performance.now(),
      isEnded: false,
      isRetiring: false,
      isTrial: false,
      failure: null,
      waiting: new Map(),
      listening: Promise.withResolvers(),
      listeningTls: Promise.withResolvers(),
      drained: Promise.withResolvers(),
    };
    // Nobody may be waiting for it: then its failure is only logged.
    handle.listening.promise.catch(() => {});
    handle.listeningTls.promise.catch(() => {});
    handles.set(thread, handle);
    worker.on("message", (message: FromThread) => receive(handle, message));
    worker.on("error", (error) => {
      handle.failure = error;
      log.error("a gateway thread failed", { thread, error });
    });
    worker.on("exit", (code) => ended(handle, code));
    post(handle, { type: "start", start: begin });
    if (explainKey !== null) post(handle, { type: "explain-key", key: explainKey });
    for (const change of options.initialChanges()) {
      void ask(handle, (n) => ({ type: "apply", sequence: n, change })).then((found) => {
        if (found !== null) errors = found;
      });
    }
    if (tls !== null) post(handle, tls);
    if (challenges !== null) post(handle, challenges);
    post(handle, { type: "listen", port });
    if (httpsPort !== 0) post(handle, { type: "listen-tls", port: httpsPort });
    return handle;
  };

  const receive = (handle: Handle, message: FromThread): void => {
    if (message.type === "applied") {
      handle.revision = message.revision;
      settle(handle, message.sequence, message.errors);
    } else if (message.type === "access-used") settle(handle, message.sequence, []);
    else if (message.type === "listening") {
      handle.isListening = true;
      handle.listening.resolve(message.port);
    } else if (message.type === "listening-tls") handle.listeningTls.resolve(message.port);
    else if (message.type === "listen-tls-failed") handle.listeningTls.reject(listenFault(message, "HTTPS "));
    else if (message.type === "listen-failed") {
      handle.listening.reject(listenFault(message, ""));
    } else if (message.type === "recent") options.onRecent(message.lines);
    else if (message.type === "metrics") options.onMetrics(message.rows);
    else if (message.type === "explained") options.onExplained(message.lines);
    else handle.drained.resolve();
  };

  const settle = (handle: Handle, n: number, answer: readonly UnitError[]): void => {
    handle.waiting.get(n)?.resolve(answer);
    handle.waiting.delete(n);
  };

  const ended = (handle: Handle, code: number): void => {
    if (handle.isEnded) return;
    handle.isEnded = true;
    handle.isListening = false;
    handles.delete(handle.thread);
    for (const waiting of handle.waiting.values()) waiting.resolve(null);
    handle.listening.reject(
      new Fault("gateway.thread_failed", {
        public: "The gateway could not start: one of its threads ended.",
        internal: `thread ${handle.thread}: ${handle.failure === null ? `exit code ${code}` : messageOf(handle.failure)}`,
        cause: handle.failure,
      }),
    );
    handle.listeningTls.reject(new Error("the thread ended"));
    handle.drained.resolve();
    options.onEnded(handle);
    if (isDraining || port === 0 || handle.isRetiring || handle.isTrial) return;
    restarts += 1;
    const livedMs = performance.now() - handle.startedAtMs;
    const deaths = livedMs > youngMs ? 0 : (youngDeaths.get(handle.thread) ?? 0) + 1;
    youngDeaths.set(handle.thread, deaths);
    const delayMs = restartDelaysMs[Math.min(deaths, restartDelaysMs.length - 1)] ?? 0;
    log.warn("a gateway thread ended and is replaced", {
      thread: handle.thread,
      code,
      livedMs: Math.round(livedMs),
      delayMs,
    });
    if (delayMs === 0) {
      start(handle.thread);
      keepSpare();
      return;
    }
    const timer = setTimeout(() => {
      restartTimers.delete(timer);
      if (isDraining) return;
      start(handle.thread);
      keepSpare();
    }, delayMs);
    restartTimers.add(timer);
  };

  let restarting: Promise<void> | null = null;

  const restartAll = async (deadlineMs: number): Promise<void> => {
    for (const old of [...handles.values()]) {
      if (isDraining) return;
      if (old.isEnded) continue;
      let free = 0;
      while (handles.has(free)) free++;
      const next = start(free);
      next.isTrial = true;
      await next.listening.promise;
      if (httpsPort !== 0) await next.listeningTls.promise;
      next.isTrial = false;
      await retire(old, deadlineMs);
    }
  };

  const retire = async (old: Handle, deadlineMs: number): Promise<void> => {
    old.isRetiring = true;
    post(old, { type: "drain", deadlineMs });
    await drainedWithin([old], deadlineMs);
    await old.worker.terminate();
    ended(old, 0);
  };

  /** The threads cut off at the deadline themselves; the rest of the time is for one that cannot. */
  const drainedWithin = async (some: readonly Handle[], deadlineMs: number): Promise<void> => {
    const late = new Promise<void>((resolve) => {
      setTimeout(resolve, deadlineMs + 2000).unref();
    });
    await Promise.race([Promise.all(some.map((handle) => handle.drained.promise)), late]);
  };

  const look = (): void => {
    const nowMs = performance.now();
    // When this thread itself was late, the others may have been too: the machine was busy, nobody is to blame.
    const lateMs = Math.max(0, nowMs - lastLookMs - beatIntervalMs);
    lastLookMs = nowMs;
    for (const handle of handles.values()) {
      const beat = Atomics.load(beats, handle.thread);
      if (beat !== handle.beat) {
        handle.beat = beat;
        handle.beatAtMs = nowMs;
        handle.hasBeaten = true;
        continue;
      }
      handle.beatAtMs += lateMs;
      const silentMs = nowMs - handle.beatAtMs;
      if (silentMs < (handle.hasBeaten ? stallMs : startMsMax)) continue;
      log.error("a gateway thread does not answer and is ended", {
        thread: handle.thread,
        silentMs: Math.round(silentMs),
      });
      handle.beatAtMs = nowMs;
      void handle.worker.terminate();
    }
  };
  let looking: NodeJS.Timeout | undefined;

  return {
    listen: async (wanted) => {
      port = wanted;
      lastLookMs = performance.now();
      looking = setInterval(look, beatIntervalMs);
      const first = start(0);
      // Port 0: the first thread finds a free one for all.
      port = wanted === 0 ? await first.listening.promise : wanted;
      const others = Array.from({ length: options.threads - 1 }, (_, index) => start(index + 1));
      await Promise.all([first, ...others].map((handle) => handle.listening.promise));
      keepSpare();
      return port;
    },
    apply: async (change) => {
      // One that drains takes no new calls, and would answer only when it has drained.
      const serving = [...handles.values()].filter((handle) => !handle.isRetiring);
      const asked = serving.map((handle) => ask(handle, (n) => ({ type: "apply", sequence: n, change })));
      const answers = await Promise.all(asked);
      // A thread that died meanwhile is replaced by one that begins with this change.
      const found = answers.find((answer) => answer !== null);
      if (found !== undefined && found !== null) errors = found;
      return errors;
    },
    giveAccess: async (buffers) => {
      await Promise.all(
        [...handles.values()].map((handle) => ask(handle, (n) => ({ type: "access", sequence: n, buffers }))),
      );
    },
    giveTls: (state, ticketSecret) => {
      tls = { type: "tls", state, ticketSecret };
      for (const handle of handles.values()) post(handle, tls);
    },
    giveChallenges: (answers) => {
      challenges = { type: "challenges", answers };
      for (const handle of handles.values()) post(handle, challenges);
    },
    listenTls: async (wanted) => {
      const all = [...handles.values()];
      const [first, ...others] = all;
      if (first === undefined) throw new Error("no thread runs");
      for (const handle of all) {
        handle.listeningTls = Promise.withResolvers();
        handle.listeningTls.promise.catch(() => {});
      }
      post(first, { type: "listen-tls", port: wanted });
      httpsPort = await first.listeningTls.promise;
      for (const handle of others) post(handle, { type: "listen-tls", port: httpsPort });
      // A thread that ends meanwhile is replaced by one that listens here from its start.
      await Promise.allSettled(others.map((handle) => handle.listeningTls.promise));
      return httpsPort;
    },
    reopenLogs: () => {
      for (const handle of handles.values()) post(handle, { type: "reopen-log" });
    },
    giveExplainKey: (key) => {
      explainKey = key;
      for (const handle of handles.values()) post(handle, { type: "explain-key", key });
    },
    get threads() {
      return [...handles.values()];
    },
    get restarts() {
      return restarts;
    },
    get errors() {
      return errors;
    },
    restart: (deadlineMs) => {
      restarting ??= restartAll(deadlineMs).finally(() => {
        restarting = null;
        keepSpare();
      });
      return restarting;
    },
    drain: async (deadlineMs) => {
      isDraining = true;
      for (const timer of restartTimers) clearTimeout(timer);
      clearTimeout(spareTimer);
      for (const worker of spares) void worker.terminate();
      const all = [...handles.values()];
      for (const handle of all) post(handle, { type: "drain", deadlineMs });
      await drainedWithin(all, deadlineMs);
      clearInterval(looking);
      await Promise.all(all.map((handle) => handle.worker.terminate()));
      for (const handle of all) ended(handle, 0);
    },
  };
};

const listenFault = (failed: { readonly code: string; readonly message: string }, what: "" | "HTTPS "): Fault => {
  const isTaken = failed.code === "EADDRINUSE";
  return new Fault(isTaken ? "port.in_use" : "gateway.listen_failed", {
    public: isTaken
      ? `The gateway's ${what}port is in use by another program.`
      : `The gateway cannot listen${what === "" ? "" : " for HTTPS"}: ${failed.message}`,
  });
};
