import { type ChildProcess, fork } from "node:child_process";
import type { Log } from "../base/log.ts";

/** Waits between restarts: at once, then slower; back to the start after a child has lived for `stableAfterMs`. */
const restartDelaysMs = [20, 200, 500, 1000, 2000, 5000] as const;
const stableAfterMs = 30_000;
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
  let timer: NodeJS.Timeout | undefined;
  let wasReady = false;
  let isStopping = false;
  let failure: { readonly code: string; readonly message: string } | undefined;
  let restarts = 0;
  let quickEnds = 0;

  const start = (): void => {
    const startedAt = performance.now();
    // The name is an argument only so that `ps` tells the roles apart.
    child = fork(specification.modulePath, [name], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { ...process.env, ...specification.env },
    });
    child.on("error", (error) => log.error(`${name} could not be started`, { error }));
    child.send({ type: "start", ...objectOf(specification.start) }, () => {
      // A child that ended before it read the message is seen by its exit.
    });
    child.on("message", (message: ChildMessage) => {
      if (message.type === "failed") failure = message;
      if (message.type !== "ready") return;
      if (wasReady) for (const listener of listeners) listener(message.facts);
      wasReady = true;
      first.resolve(message.facts);
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
      quickEnds = performance.now() - startedAt > stableAfterMs ? 0 : quickEnds + 1;
      restarts += 1;
      const delayMs = restartDelaysMs[Math.min(quickEnds, restartDelaysMs.length - 1)] ?? 0;
      log.warn(`${name} ended and is started again`, { code, signal, restarts, delayMs, reason: failure?.message });
      timer = setTimeout(start, delayMs);
    });
  };

  const letEnd = (): void => {
    isStopping = true;
    clearTimeout(timer);
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

const objectOf = (value: unknown): object => (value !== null && typeof value === "object" ? value : {});
