import { parentPort } from "node:worker_threads";
import { z } from "zod";
import { httpBackend } from "../../backends/http.ts";
import { jsonLog } from "../../base/log.ts";
import { definePolicy } from "../../exchange/policy.ts";
import { compileValue } from "../../expressions/value.ts";
import { keyAuth } from "../../policies/key-auth.ts";
import { createThreadTelemetry } from "../../telemetry/thread-telemetry.ts";
import { testBackends, testPolicies } from "../testing-unit.ts";
import { awaitStart } from "./run-thread.ts";

// A thread for tests: the real engine with a few policies, of which some do what no policy should.
if (parentPort === null) throw new Error("this module runs in a thread");
const about = { group: "control", docs: "", examples: [], sections: ["inbound"], summary: "For tests." } as const;
const none = z.strictObject({});

const die = definePolicy({
  ...about,
  name: "die-when-asked",
  schema: none,
  build: () => (x) => {
    const how = x.request.headers.get("die");
    if (how === "exit") process.exit(1);
    if (how === "throw")
      setImmediate(() => {
        throw new Error("outside of any call");
      });
    while (how === "spin") {
      // For ever: what a pattern that explodes does to a thread.
    }
  },
});

const pause = definePolicy({
  ...about,
  name: "pause-when-asked",
  schema: none,
  build: () => (x) => {
    const ms = x.request.headers.get("pause-ms");
    return ms === undefined ? undefined : new Promise((resolve) => setTimeout(() => resolve(undefined), Number(ms)));
  },
});

let number = -1;

const thread = definePolicy({
  ...about,
  name: "tell-thread",
  schema: none,
  build: () => (x) => x.setReplyHeader("x-thread", String(number)),
});

const tagged = definePolicy({
  ...about,
  name: "tag",
  schema: z.strictObject({ text: z.string() }),
  shorthand: "text",
  build: (config) => (x) => x.setReplyHeader("x-tag", `${config.text} ${x.revision}`),
});

awaitStart(parentPort, (start) => {
  number = start.thread;
  return {
    lists: {
      policies: [...testPolicies().filter((policy) => policy.name !== "key-auth"), keyAuth, die, pause, thread, tagged],
      backends: [...testBackends().filter((kind) => kind.kind === "mock"), httpBackend],
      compileValue,
    },
    observer: createThreadTelemetry({ metrics: start.metrics, usage: start.usage, log: null }),
    log: jsonLog({ level: start.logLevel, write: (line) => process.stderr.write(line) }),
  };
});
