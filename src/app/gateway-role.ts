import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { availableParallelism, hostname } from "node:os";
import type { Worker } from "node:worker_threads";
import { type Log, type LogLevel, standardErrorLog } from "../base/log.ts";
import { loadThreads } from "../gateway/process/load-threads.ts";
import type { TlsFiles } from "../gateway/process/tls-files.ts";
import type { ObservationSettings } from "./observation-settings.ts";

/** What the role `gateway` runs with. Exactly one of `control` and `configDir` says where its configuration comes from. */
export interface GatewayRoleSettings {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly opsPort: number;
  /** Used as soon as there is a certificate. */
  readonly httpsPort?: number;
  readonly tlsFiles?: TlsFiles;
  /** One per core where absent. */
  readonly threads?: number;
  readonly labels: readonly string[];
  readonly control?: { readonly url: string; readonly tokenFile: string };
  readonly configDir?: string;
  readonly dataDir: string;
  readonly logLevel: LogLevel;
  readonly accessLog: "off" | "stdout" | "file";
  readonly observation: ObservationSettings;
  /** How long running calls may take to end on `stop`. */
  readonly drainMs?: number;
}

/** A running gateway. */
export interface GatewayRole {
  readonly port: number;
  readonly opsPort: number;
  /** 0 as long as there is no certificate. */
  readonly httpsPort: number;
  stop(): Promise<void>;
}

/** A gateway whose modules are loaded, in this process and in its threads. */
export interface PreparedGateway {
  readonly loading: readonly Worker[];
}

/** Loads everything that a start needs and is the same whatever the settings are: that is most of the time of a start. */
export const prepareGatewayRole = async (threads: number | undefined): Promise<PreparedGateway> => {
  const loading = loadThreads(threadUrl, threadCount(threads));
  await loadProcess();
  return { loading };
};

const threadUrl = new URL("./gateway-thread.ts", import.meta.url);
const threadCount = (threads: number | undefined): number => Math.max(1, threads ?? availableParallelism());
const loadProcess = () =>
  Promise.all([import("../gateway/process/gateway-process.ts"), import("../telemetry/process-telemetry.ts")]);

/**
 * Runs the data plane in this process and its threads. Settles when it takes calls; without a configuration it answers them with 503
 * until control has sent one. Rejects with a Fault where a port is taken or the bundle has mistakes.
 */
export const runGatewayRole = async (
  settings: GatewayRoleSettings,
  prepared?: PreparedGateway,
): Promise<GatewayRole> => {
  const { control, configDir } = settings;
  const threads = threadCount(settings.threads);
  // The threads load their modules while this one loads its own.
  const loading = prepared?.loading ?? loadThreads(threadUrl, threads);
  try {
    const [{ startGateway }, { createProcessTelemetry }] = await loadProcess();
    const log = standardErrorLog({ level: settings.logLevel, fields: { role: "gateway" } });
    // A gateway under control never reads documents: what reads them is loaded only where it is needed.
    const source =
      control === undefined
        ? configDir && (await import("./bundle-source.ts")).bundleSource(configDir, settings.labels, log)
        : { control };
    if (!source) throw new RangeError("a gateway needs a control plane or a bundle");
    const version = versionOf();
    const { explainSample, explainFailures, otlp } = settings.observation;
    const gateway = await startGateway({
      ...settings,
      threads,
      version,
      recording: {
        sampleRate: explainSample,
        failuresPerMinute: explainFailures,
        traceRate: otlp?.sample ?? null,
      },
      source,
      threadUrl,
      loading,
      log,
      observer: createProcessTelemetry({
        log,
        ...(otlp === undefined
          ? {}
          : {
              otlp: {
                endpoint: otlp.endpoint,
                headers: otlp.headers,
                metricsMs: otlp.metricsMs,
                resource: {
                  "service.name": "portico-gateway",
                  "service.version": version,
                  "service.instance.id": randomUUID(),
                  "host.name": hostname(),
                  "portico.labels": settings.labels.join(","),
                },
              },
            }),
      }),
    });
    const stopListening = restartOnHangup(gateway, log);
    return {
      port: gateway.port,
      opsPort: gateway.opsPort,
      get httpsPort() {
        return gateway.httpsPort;
      },
      stop: () => {
        stopListening();
        return gateway.stop();
      },
    };
  } catch (thrown) {
    for (const worker of loading) await worker.terminate();
    throw thrown;
  }
};

/** SIGHUP replaces the threads, as operators of servers expect. In a terminal it means that the terminal is gone, and ends the program. */
const restartOnHangup = (gateway: { restartThreads(): Promise<void> }, log: Log): (() => void) => {
  if (process.stdin.isTTY) return () => {};
  const restart = (): void => {
    gateway.restartThreads().catch((error: unknown) => log.error("the threads could not be replaced", { error }));
  };
  process.on("SIGHUP", restart);
  return () => process.removeListener("SIGHUP", restart);
};

const versionOf = (): string => {
  const read: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return read !== null && typeof read === "object" && "version" in read ? String(read.version) : "";
};
