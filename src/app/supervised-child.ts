import { type ChildProcess, fork } from "node:child_process";
import type { Log } from "../base/log.ts";

/** Waits between restarts: at once, then slower where one quick end follows another; back to the start after `stableAfterMs` of life. */
const restartDelaysMs = [20, 200, 500, 1000, 2000, 5000] as const;
const stableAfterMs = 30_000;
/** A spare is loaded when everybody has had a start. */
const spareDelayMs = 2_000;
/** How long a child may take to end by itself after SIGTERM. */
const stopMsMax = 35_000;

/** What a child process tells its supervisor. */
export type ChildMessage =
  | { readonly type: "ready"; readonly facts: Readonly<Record<string, unknown>> }
  | { readonly type: "failed"; readonly code: string; readonly message: string };

/** What to start. */
export interface ChildSpecification {
  readonly name: string;
  readonly modulePath: string;
  /** Sent over the channel as the first message, so that no secret stands in an argument or in the environment. */
  readonly start: unknown;
  /**
   * Another process is kept that has loaded its modules and waits: it takes the place of one that ends uncalled. `prepare` is what it
   * is told first; `start` follows when its time comes.
   */
  readonly spare?: { readonly prepare: unknown; readonly delayMs?: number };
  readonly env?: Readonly<Record<string, string>>;
  readonly log: Log;
}

/** A process that is kept alive until it is stopped. */
export interface SupervisedChild {
  /** Settles when the child first says that it is ready; rejects when it ends before that. */
  readonly ready: Promise<Readonly<Record<string, unknown>>>;
  readonly pid: number | undefined;
  readonly restarts: number;
  /** Called with the facts of every later `ready`, after a restart. */
  onReadyAgain(then: (facts: Readonly<Record<string, unknown>>) => void): void;
  /** From now on its end is no fault and it is not started again: a signal to the whole group reaches children before `stop` does. */
  letEnd(): void;
  /** SIGTERM, then SIGKILL after `stopMsMax`. */
  stop(): Promise<void>;
}

/**
 * Starts a process of ours and restarts it when it ends uncalled. It is connected by a channel: when this process dies, even by
 * SIGKILL, the channel closes and the child ends by itself.
 */
export const superviseChild = (specification: ChildSpecification): SupervisedChild => {
  const { name, log } = specification;
  const listeners: ((facts: Readonly<Record<string, unknown>>) => void)[] = [];
  const first = Promise.withResolvers<Readonly<Record<string, unknown>>>();
  let child: ChildProcess | undefined;
  let spare: ChildProcess | undefined;
  let spareTimer: NodeJS.Timeout | undefined;
  let timer: NodeJS.Timeout | undefined;
  let wasReady = false;
  let isStopping = false;
  let failure: { readonly code: string; readonly message: string } | undefined;
  let restarts = 0;
  let quickEnds = 0;

  // The name is an argument only so that `ps` tells the roles apart.
  const forkChild = (...more: readonly string[]): ChildProcess => {
    const forked = fork(specification.modulePath, [name, ...more], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { ...process.env, ...specification.env },
    });
    forked.on("error", (error) => log.error(`${name} could not be started`, { error }));
    return forked;
  };

  const keepSpare = (): void => {
    clearTimeout(spareTimer);
    const wanted = specification.spare;
    if (wanted === undefined) return;
    spareTimer = setTimeout(() => {
      if (isStopping || isAlive(spare)) return;
      spare = forkChild("spare");
      spare.send({ type: "prepare", ...objectOf(wanted.prepare) }, () => {
        // One that has ended is passed over when its time comes.
      });
    }, wanted.delayMs ?? spareDelayMs);
    spareTimer.unref();
  };

  const takeSpare = (): ChildProcess | undefined => {
    const taken = isAlive(spare) ? spare : undefined;
    spare = undefined;
    return taken;
  };

  const start = (): void => {
    const startedAt = performance.now();
    child = takeSpare() ?? forkChild();
    child.send({ type: "start", ...objectOf(specification.start) }, () => {
      // A child that ended before it read the message is seen by its exit.
    });
    child.on("message", (message: ChildMessage) => {
      if (message.type === "failed") failure = message;
      if (message.type !== "ready") return;
      if (wasReady) for (const listener of listeners) listener(message.facts);
      wasReady = true;
      first.resolve(message.facts);
      keepSpare();
    });
    child.on("exit", (code, signal) => {
      if (isStopping) return;
      if (!wasReady) {
        isStopping = true;
        first.reject(
          Object.assign(new Error(failure?.message ?? `${name} ended before it was ready`), { code: failure?.code }),
        );
        return;
      }
      const isQuick = performance.now() - startedAt < stableAfterMs;
      const delayMs = restartDelaysMs[Math.min(isQuick ? quickEnds : 0, restartDelaysMs.length - 1)] ?? 0;
      quickEnds = isQuick ? quickEnds + 1 : 0;
      restarts += 1;
      log.warn(`${name} ended and is started again`, { code, signal, restarts, delayMs, reason: failure?.message });
      timer = setTimeout(start, delayMs);
    });
  };

  const letEnd = (): void => {
    isStopping = true;
    clearTimeout(timer);
    clearTimeout(spareTimer);
  };

  start();
  return {
    ready: first.promise,
    get pid() {
      return child?.pid;
    },
    get restarts() {
      return restarts;
    },
    onReadyAgain: (then) => listeners.push(then),
    letEnd,
    stop: async () => {
      letEnd();
      // It has nothing to lose.
      spare?.kill("SIGKILL");
      const running = child;
      if (!running || running.exitCode !== null || running.signalCode !== null) return;
      const ended = new Promise<void>((resolve) => running.once("exit", () => resolve()));
      running.kill("SIGTERM");
      const hard = setTimeout(() => {
        log.warn(`${name} did not end in time and is killed`, { stopMsMax });
        running.kill("SIGKILL");
      }, stopMsMax);
      await ended;
      clearTimeout(hard);
    },
  };
};

const isAlive = (child: ChildProcess | undefined): child is ChildProcess =>
  child?.connected === true && child.exitCode === null && child.signalCode === null;

const objectOf = (value: unknown): object => (value !== null && typeof value === "object" ? value : {});
