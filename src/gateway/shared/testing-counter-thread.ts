import { parentPort, workerData } from "node:worker_threads";
import { attachCounters } from "./counters.ts";

/** What a thread of the tests is told to do. */
export interface CounterTask {
  readonly memory: SharedArrayBuffer;
  readonly thread: number;
  readonly kind: "window" | "period" | "concurrency" | "forever" | "hold";
  readonly calls: number;
  readonly windowMs: number;
  readonly attempts: number;
  readonly keys: number;
  readonly nowMs: number;
  /** Threads that begin together wait until so many have arrived. */
  readonly gate?: { readonly word: SharedArrayBuffer; readonly threads: number };
}

const task: CounterTask = workerData;
const counters = attachCounters(task.memory, task.thread);
const window = counters.slidingWindow("hammer", task.calls, task.windowMs);
const period = counters.period("hammer", task.calls, 0, 0);
const concurrency = counters.concurrency("hammer", task.calls);
const admitted: number[] = new Array(task.keys).fill(0);
let together = 0;
let tooMany = 0;

const attempt = (i: number): void => {
  const at = i % task.keys;
  const key = `key-${at}`;
  if (task.kind === "concurrency") {
    if (!concurrency.enter(key)) return;
    together += 1;
    if (together > task.calls) tooMany += 1;
    admitted[at] = (admitted[at] ?? 0) + 1;
    together -= 1;
    concurrency.leave(key);
    return;
  }
  const admission = task.kind === "period" ? period.admit(key, 1, task.nowMs) : window(key, 1, task.nowMs);
  if (admission.isAdmitted) admitted[at] = (admitted[at] ?? 0) + 1;
};

if (task.gate) {
  const word = new Int32Array(task.gate.word);
  Atomics.add(word, 0, 1);
  // Spinning rather than sleeping: a sleeper would wake when the others are through.
  while (Atomics.load(word, 0) < task.gate.threads);
}

if (task.kind === "forever") {
  parentPort?.postMessage("running");
  for (let i = 0; ; i++) attempt(i);
} else if (task.kind === "hold") {
  // Keeps what it entered, so that its death leaves something to strike out.
  for (let i = 0; i < task.attempts; i++) if (concurrency.enter("key-0")) admitted[0] = (admitted[0] ?? 0) + 1;
  parentPort?.postMessage({ admitted, tooMany });
  setInterval(() => {}, 1000);
} else {
  for (let i = 0; i < task.attempts; i++) attempt(i);
  parentPort?.postMessage({ admitted, tooMany });
}
