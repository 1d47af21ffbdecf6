import { Worker } from "node:worker_threads";

/** Starts threads that load the gateway's modules and then wait for their start. They do not keep the process alive. */
export const loadThreads = (threadUrl: URL, count: number): readonly Worker[] =>
  Array.from({ length: count }, () => {
    const worker = new Worker(threadUrl, { name: "gateway" });
    // One that dies before it is used is passed over by whoever wants to use it.
    worker.on("error", () => {});
    worker.unref();
    return worker;
  });

/** False for a thread that has ended. */
export const isAlive = (worker: Worker): boolean => worker.threadId !== -1;
