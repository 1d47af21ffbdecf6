import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Fault, systemCodeOf } from "../base/fault.ts";
import type { Log, LogLevel } from "../base/log.ts";
import { ensureWebBuilt } from "../portals/web-build.ts";
import { type DirectoryLease, takeDirectory } from "../store/directory-lease.ts";
import { openDataDirectory } from "./data-directory.ts";
import type { GatewayRoleSettings } from "./gateway-role.ts";
import { managementAccess } from "./management-access.ts";
import type { ObservationSettings } from "./observation-settings.ts";
import type { RolePreparation, RoleStart } from "./role-process.ts";
import { runSample, type Sample } from "./sample.ts";
import { type SupervisedChild, superviseChild } from "./supervised-child.ts";

/** What `portico up` runs with; ports are absolute numbers. */
export interface UpSettings {
  readonly host: string;
  readonly gatewayPort: number;
  readonly portalPort: number;
  readonly studioPort: number;
  readonly opsPort: number;
  /** Where the sample's microservice listens if the port is free; any free port otherwise. */
  readonly samplePort: number;
  /** Used as soon as there is a certificate. */
  readonly httpsPort: number;
  readonly tlsFiles?: NonNullable<GatewayRoleSettings["tlsFiles"]>;
  readonly dataDir: string;
  readonly databaseUrl?: string;
  /** Starts without the sample. */
  readonly isEmpty: boolean;
  readonly threads?: number;
  readonly labels: readonly string[];
  readonly logLevel: LogLevel;
  readonly accessLog: "off" | "stdout" | "file";
  readonly observation: ObservationSettings;
}

/** A running platform. */
export interface Up {
  readonly gatewayUrl: string;
  /** Where the gateway has a certificate from its start on. */
  readonly httpsUrl?: string;
  readonly portalUrl: string;
  readonly studioUrl: string;
  readonly opsUrl: string;
  /** Works once. */
  readonly signInUrl: string;
  /** A key of the sample, where it runs. */
  readonly sampleKey: string | undefined;
  /** From now on nothing is started again: a signal to the whole group ends processes before `stop` comes to them. */
  letEnd(): void;
  stop(): Promise<void>;
}

const roleModule = fileURLToPath(new URL("./role-process.ts", import.meta.url));

/**
 * Starts the whole platform on this machine: control (with its database and the portals), gateway, and on an empty data directory the
 * sample with its microservice. Each is a process of its own that is restarted when it ends. Refuses a data directory or port in use.
 */
export const runUp = async (settings: UpSettings, log: Log): Promise<Up> => {
  await openDataDirectory(settings.dataDir);
  const lease = await takeDirectory(join(settings.dataDir, "run"), { shownAs: settings.dataDir });
  const started: Started = { lease, control: undefined, gateway: undefined, sample: undefined };
  try {
    return await startAll(settings, log, started);
  } catch (thrown) {
    await stopAll(started);
    throw thrown;
  }
};

/** The text that `portico up` prints when everything runs. */
export const upSummary = (up: Up, dataDir: string): string => `
Portico is running.

  Gateway            ${up.gatewayUrl}${up.httpsUrl === undefined ? "" : `   ${up.httpsUrl}`}
  Developer portal   ${up.portalUrl}
  Studio             ${up.studioUrl}
  Operations         ${up.opsUrl}   /healthz /readyz /metrics /revision
${up.sampleKey ? `\nCall the sample API:\n\n  curl -H 'X-API-Key: ${up.sampleKey}' ${up.gatewayUrl}/catalogue/books\n` : ""}
Sign in to the studio (the link works once):

  ${up.signInUrl}

Data is in ${dataDir}. Stop with Ctrl+C.
`;

interface Started {
  readonly lease: DirectoryLease;
  control: SupervisedChild | undefined;
  gateway: SupervisedChild | undefined;
  sample: Sample | undefined;
}

const startAll = async (settings: UpSettings, log: Log, started: Started): Promise<Up> => {
  await assertPortsFree(settings);
  const webDir = await ensureWebBuilt();
  const urlOf = (port: number): string =>
    `http://${settings.host.includes(":") ? `[${settings.host}]` : settings.host}:${port}`;
  const child = (start: RoleStart, spare?: RolePreparation): SupervisedChild =>
    superviseChild({
      name: start.role,
      modulePath: roleModule,
      start,
      log,
      ...(spare === undefined ? {} : { spare: { prepare: spare } }),
    });

  // From the second start on the gateway has a token and a snapshot on disk, and does not wait for control.
  const gatewayTokenFile = join(settings.dataDir, "gateway-token");
  const isFirstStart = !existsSync(gatewayTokenFile);
  const control = child(controlStart(settings, webDir, urlOf(settings.gatewayPort)));
  started.control = control;
  if (isFirstStart) await control.ready;
  // Loading its modules is most of the time that a gateway takes to come back: another one has done that already.
  const spare: RolePreparation = { type: "prepare", role: "gateway", threads: settings.threads };
  const gateway = child(gatewayStart(settings, urlOf(settings.studioPort), gatewayTokenFile), spare);
  started.gateway = gateway;
  await Promise.all([control.ready, gateway.ready]);

  const ownerToken = (await readFile(join(settings.dataDir, "admin-token"), "utf8")).trim();
  const management = managementAccess(urlOf(settings.studioPort), ownerToken);
  started.sample = await runSample({
    management,
    dataDir: settings.dataDir,
    log,
    preferredPort: settings.samplePort,
    mayLoad: !settings.isEmpty,
  });
  // To this process alone: a terminal that goes tells all of its processes itself.
  const restart = (): void => {
    if (gateway.pid !== undefined) process.kill(gateway.pid, "SIGHUP");
  };
  if (!process.stdin.isTTY) process.on("SIGHUP", restart);
  const link = await management.post("/sign-in-links", {});
  return {
    gatewayUrl: urlOf(settings.gatewayPort),
    ...(settings.tlsFiles === undefined ? {} : { httpsUrl: urlOf(settings.httpsPort).replace(/^http:/, "https:") }),
    portalUrl: urlOf(settings.portalPort),
    studioUrl: urlOf(settings.studioPort),
    opsUrl: urlOf(settings.opsPort),
    signInUrl: `${urlOf(settings.studioPort)}/sign-in#token=${String(link.token)}`,
    sampleKey: started.sample?.key || undefined,
    letEnd: () => letAllEnd(started),
    stop: () => {
      process.removeListener("SIGHUP", restart);
      return stopAll(started);
    },
  };
};

/** The gateway ends first, draining while its backends still answer; control with the database ends last. */
const stopAll = async (started: Started): Promise<void> => {
  letAllEnd(started);
  await started.gateway?.stop();
  await started.sample?.service.stop();
  await started.control?.stop();
  await started.lease.release();
};

const letAllEnd = ({ control, gateway, sample }: Started): void => {
  for (const child of [gateway, sample?.service, control]) child?.letEnd();
};

const controlStart = (settings: UpSettings, webDir: string, gatewayUrl: string): RoleStart => ({
  type: "start",
  role: "control",
  settings: {
    host: settings.host,
    studioPort: settings.studioPort,
    portalPort: settings.portalPort,
    dataDir: settings.dataDir,
    ...(settings.databaseUrl === undefined ? {} : { databaseUrl: settings.databaseUrl }),
    gatewayUrl,
    webDir,
    logLevel: settings.logLevel,
  },
});

const gatewayStart = (settings: UpSettings, controlUrl: string, tokenFile: string): RoleStart => ({
  type: "start",
  role: "gateway",
  settings: {
    host: settings.host,
    port: settings.gatewayPort,
    opsPort: settings.opsPort,
    httpsPort: settings.httpsPort,
    ...(settings.tlsFiles === undefined ? {} : { tlsFiles: settings.tlsFiles }),
    ...(settings.threads === undefined ? {} : { threads: settings.threads }),
    labels: settings.labels,
    control: { url: controlUrl, tokenFile },
    dataDir: settings.dataDir,
    logLevel: settings.logLevel,
    accessLog: settings.accessLog,
    observation: settings.observation,
  },
});

const assertPortsFree = async (settings: UpSettings): Promise<void> => {
  const wanted = {
    gateway: settings.gatewayPort,
    portal: settings.portalPort,
    studio: settings.studioPort,
    operations: settings.opsPort,
    ...(settings.tlsFiles === undefined ? {} : { "gateway's HTTPS": settings.httpsPort }),
  };
  for (const [name, port] of Object.entries(wanted)) {
    const code = await bindCode(port, settings.host);
    if (code === undefined) continue;
    throw new Fault("up.port_unavailable", {
      public: `Port ${port} for the ${name} cannot be used on ${settings.host} (${code}). ${
        code === "EADDRINUSE" ? "Another program listens there, perhaps another Portico. " : ""
      }Choose other ports, for example --port-base ${port + 100}.`,
    });
  }
};

const bindCode = (port: number, host: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve(systemCodeOf(error) ?? error.message));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
