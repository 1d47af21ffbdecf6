import { once } from "node:events";
import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { observationOf } from "../observation-settings.ts";
import { accessLogOf, logLevelOf, portsOf } from "../settings.ts";
import { tlsFilesOf } from "../tls-files-settings.ts";
import { type CommandSpec, exitCodes } from "./command.ts";
import { dataDirOf, endpointsFile } from "./platform.ts";
import { settingOptions, settingsOfCall } from "./setting-options.ts";

/** `portico up`. */
export const up: CommandSpec = {
  name: "up",
  group: "Run",
  summary: "Run the whole platform on this machine",
  details:
    "Starts the gateway, the management API, the studio, the developer portal and an embedded PostgreSQL (DATABASE_URL replaces it). On an empty data directory it loads a sample. SIGTERM and Ctrl+C end everything in order.",
  options: settingOptions([
    "port-base",
    "gateway-port",
    "portal-port",
    "studio-port",
    "ops-port",
    "sample-port",
    "https-port",
    "https",
    "tls-cert",
    "tls-key",
    "tls-client-ca",
    "tls-client-auth",
    "tls-min-version",
    "host",
    "data",
    "empty",
    "threads",
    "labels",
    "log-level",
    "access-log",
    "explain-sample",
    "explain-failures",
    "otlp-endpoint",
    "otlp-sample",
    "otlp-metrics-seconds",
  ]),
  examples: ["portico up", "portico up --port-base 9000 --data /var/lib/portico --empty"],
  run: async (call) => {
    const settings = await settingsOfCall(call);
    const { standardErrorLog } = await import("../../base/log.ts");
    const { runUp, upSummary } = await import("../up.ts");
    const dataDir = dataDirOf(call, settings);
    const logLevel = logLevelOf(settings);
    const databaseUrl = settings.text("database-url");
    const threads = settings.integer("threads", 1, 256);
    const log = standardErrorLog({ level: logLevel });
    const tlsFiles = await tlsFilesOf(settings, call.terminal.cwd, dataDir);
    if (!call.isJson) {
      const isFirst = !existsSync(join(dataDir, "admin-token"));
      call.terminal.err(
        `Portico starts${isFirst ? " for the first time; making its database takes some seconds" : ""} ...\n`,
      );
    }
    const running = await runUp(
      {
        host: settings.text("host") ?? "127.0.0.1",
        ...portsOf(settings),
        ...(tlsFiles === undefined ? {} : { tlsFiles }),
        dataDir,
        ...(databaseUrl === undefined ? {} : { databaseUrl }),
        isEmpty: settings.isOn("empty"),
        ...(threads === undefined ? {} : { threads }),
        labels: settings.list("labels"),
        logLevel,
        accessLog: accessLogOf(settings, "file"),
        observation: observationOf(settings, call.terminal.env),
      },
      log,
    );
    call.terminal.signal.addEventListener("abort", () => running.letEnd(), { once: true });
    const { gatewayUrl, portalUrl, studioUrl, opsUrl } = running;
    const endpoints = join(dataDir, endpointsFile);
    // Commands that run in the same directory find the platform by this file, on whatever ports it is.
    await writeFile(endpoints, `${JSON.stringify({ gatewayUrl, portalUrl, studioUrl, opsUrl }, null, 2)}\n`, {
      mode: 0o600,
    });
    try {
      const facts = {
        gatewayUrl,
        ...(running.httpsUrl === undefined ? {} : { httpsUrl: running.httpsUrl }),
        portalUrl,
        studioUrl,
        opsUrl,
        signInUrl: running.signInUrl,
        sampleKey: running.sampleKey ?? null,
      };
      await call.terminal.out(call.isJson ? `${JSON.stringify(facts)}\n` : upSummary(running, dataDir));
      if (!call.terminal.signal.aborted) await once(call.terminal.signal, "abort");
    } finally {
      await rm(endpoints, { force: true });
      await running.stop();
    }
    return exitCodes.ok;
  },
};
