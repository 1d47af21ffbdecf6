import { parentPort, workerData } from "node:worker_threads";
import { jsonLog } from "../base/log.ts";
import { compileValue } from "../expressions/value.ts";
import { runThread } from "../gateway/process/run-thread.ts";
import type { ThreadStart } from "../gateway/process/thread-messages.ts";
import { openLineFile } from "../telemetry/line-file.ts";
import { createThreadTelemetry } from "../telemetry/thread-telemetry.ts";
import { standardBackends, standardPolicies } from "./standard.ts";

// A thread of the gateway: the engine with our lists of policies and backends, watched by telemetry.
if (parentPort === null) throw new Error("this module runs in a thread of the gateway");
// Our own main thread made it.
const start: ThreadStart = workerData;
const log = jsonLog({
  level: start.logLevel,
  write: (line) => process.stderr.write(line),
  fields: { role: "gateway", thread: start.thread },
});

runThread({
  start,
  port: parentPort,
  lists: { policies: standardPolicies, backends: standardBackends, compileValue },
  observer: createThreadTelemetry({
    metrics: start.metrics,
    usage: start.usage,
    log: start.accessLog === null ? null : openLineFile(start.accessLog === "stdout" ? null : start.accessLog),
  }),
  log,
});
