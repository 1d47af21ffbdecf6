import { parentPort } from "node:worker_threads";
import { standardErrorLog } from "../base/log.ts";
import { compileValue } from "../expressions/value.ts";
import { awaitStart } from "../gateway/process/run-thread.ts";
import { openLineFile } from "../telemetry/line-file.ts";
import { createThreadTelemetry } from "../telemetry/thread-telemetry.ts";
import { standardBackends, standardPolicies } from "./standard.ts";

// A thread of the gateway: the engine with our lists of policies and backends, watched by telemetry.
if (parentPort === null) throw new Error("this module runs in a thread of the gateway");

awaitStart(parentPort, (start) => ({
  lists: { policies: standardPolicies, backends: standardBackends, compileValue },
  observer: createThreadTelemetry({
    metrics: start.metrics,
    usage: start.usage,
    log: start.accessLog === null ? null : openLineFile(start.accessLog === "stdout" ? null : start.accessLog),
  }),
  log: standardErrorLog({ level: start.logLevel, fields: { role: "gateway", thread: start.thread } }),
}));
