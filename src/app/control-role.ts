import { join } from "node:path";
import { sql } from "kysely";
import { systemClock } from "../base/clock.ts";
import { type Log, type LogLevel, standardErrorLog } from "../base/log.ts";
import { startAcmeJob } from "../management/acme/acme-job.ts";
import type { Actor } from "../management/actor.ts";
import { newBearer } from "../management/bearer.ts";
import { startHousekeeping } from "../management/housekeeping.ts";
import { type Management, openManagement } from "../management/management.ts";
import { readOrCreateFile } from "../management/private-file.ts";
import { openSecretBox } from "../management/secret-key.ts";
import { createPortalApp } from "../portals/portal-app.ts";
import { createStudioApp } from "../portals/studio-app.ts";
import { checkDatabase } from "../store/check-database.ts";
import { openDatabase } from "../store/database.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../store/embedded-postgres.ts";
import { migrate } from "../store/migrate.ts";
import { migrationSteps } from "../store/migrations/steps.ts";
import { listen } from "../store/outbox.ts";
import type { Tables } from "../store/schema.ts";
import { checkUnits } from "./check-units.ts";
import { openDataDirectory } from "./data-directory.ts";
import { type HttpServer, startHttpServer } from "./http-server.ts";

/** What the role `control` runs with. Port 0 takes any free one. */
export interface ControlRoleSettings {
  readonly host: string;
  readonly studioPort: number;
  readonly portalPort: number;
  /** Secrets of this installation, and the embedded database. */
  readonly dataDir: string;
  /** Absent: the embedded PostgreSQL. */
  readonly databaseUrl?: string;
  /** Where portals and relay reach the gateway. */
  readonly gatewayUrl: string;
  /** What `ensureWebBuilt` answered. */
  readonly webDir: string;
  readonly logLevel: LogLevel;
}

/** A running control role. */
export interface ControlRole {
  readonly studioUrl: string;
  readonly portalUrl: string;
  stop(): Promise<void>;
}

/** Reads on behalf of the portal's visitors, whose own rights the portal checks. */
const portalActor: Actor = {
  name: "portal",
  roles: ["viewer"],
  userId: undefined,
  by: "platform",
  sessionId: undefined,
};

/**
 * Runs the management API, the studio, the developer portal and delivery to gateways. Settles when all of them answer; whatever
 * fails on the way takes down again what was started.
 */
export const runControlRole = async (settings: ControlRoleSettings): Promise<ControlRole> => {
  const log = standardErrorLog({ level: settings.logLevel, fields: { role: "control" } });
  const closing: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    // In reverse: servers stop taking requests before what answers them goes, the database goes last.
    for (const close of closing.splice(0).reverse()) await close();
  };
  try {
    return { ...(await start(settings, log, closing)), stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
};

const start = async (
  settings: ControlRoleSettings,
  log: Log,
  closing: (() => Promise<void>)[],
): Promise<Pick<ControlRole, "studioUrl" | "portalUrl">> => {
  const { dataDir, gatewayUrl, webDir } = settings;
  await openDataDirectory(dataDir);
  const databaseUrl = settings.databaseUrl ?? (await startDatabase(dataDir, log, closing)).url;
  const database = openDatabase<Tables>({ url: databaseUrl, log, applicationName: "portico control" });
  closing.push(() => database.close());
  if (settings.databaseUrl !== undefined) await checkDatabase(database.db, settings.databaseUrl);
  await migrate(database.db, migrationSteps, { log });

  const management = await openManagement({
    db: database.db,
    databaseUrl,
    clock: systemClock,
    log,
    box: await openSecretBox({ file: join(dataDir, "secret.key"), fromEnvironment: process.env.PORTICO_SECRET_KEY }),
    checkUnits,
    ownerToken: await readOrCreateFile(join(dataDir, "admin-token"), () => newBearer("owner")),
    gatewayToken: await readOrCreateFile(join(dataDir, "gateway-token"), () => newBearer("gateway")),
    environment: environmentForConfiguration(process.env),
    mayFetchPrivate: process.env.PORTICO_FETCH_PRIVATE === "true",
    scratchDir: join(dataDir, "scratch"),
  });
  closing.push(() => management.stop());
  hearHints(databaseUrl, management, log, closing);
  closing.push(startAcmeJob({ tools: management.tools }));
  const stopHousekeeping = startHousekeeping({ db: database.db, clock: systemClock, log });
  closing.push(async () => stopHousekeeping());

  const portal = await createPortalApp({ management: management.as(portalActor), gatewayUrl, webDir, log });
  const studio = await createStudioApp({
    webDir,
    publicGatewayUrl: gatewayUrl,
    // With port 0 nobody knows it yet, and the studio shows no link.
    ...(settings.portalPort === 0 ? {} : { portalUrl: urlOf(settings.host, settings.portalPort) }),
  });
  const isReady = async (): Promise<boolean> => {
    await sql`select 1`.execute(database.db);
    return management.isReady();
  };
  const serve = (fetch: (request: Request) => Promise<Response>, port: number): Promise<HttpServer> =>
    startHttpServer({ host: settings.host, port, fetch: withHealth(fetch, isReady), log });
  const studioServer = await serve((request) => {
    const { pathname } = new URL(request.url);
    const isApi = pathname.startsWith("/api/") || pathname.startsWith("/gateway/");
    return isApi ? management.fetch(request) : studio.fetch(request);
  }, settings.studioPort);
  closing.push(() => studioServer.close());
  // Streams never end by themselves, and the server waits for them.
  closing.push(async () => management.endStreams());
  const portalServer = await serve((request) => portal.fetch(request), settings.portalPort);
  closing.push(() => portalServer.close());
  return { studioUrl: studioServer.url, portalUrl: portalServer.url };
};

const urlOf = (host: string, port: number): string => `http://${host.includes(":") ? `[${host}]` : host}:${port}`;

const startDatabase = async (
  dataDir: string,
  log: Log,
  closing: (() => Promise<void>)[],
): Promise<EmbeddedPostgres> => {
  const postgres = await startEmbeddedPostgres({ dataDir, log });
  closing.push(() => postgres.stop());
  void postgres.crashed.then((fault) => {
    log.error("the embedded database cannot be kept running; control ends", { error: fault });
    // Whoever supervises this process starts it again; the handler of the signal ends it in order.
    process.kill(process.pid, "SIGTERM");
  });
  return postgres;
};

const hearHints = (url: string, management: Management, log: Log, closing: (() => Promise<void>)[]): void => {
  const over = new AbortController();
  const listening = listen(url, () => management.poke(), log, over.signal);
  closing.push(async () => {
    over.abort();
    await listening;
  });
};

/** The environment without what belongs to the platform itself: a named value must not lead to it. */
const environmentForConfiguration = (environment: NodeJS.ProcessEnv): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(environment).filter(([name]) => !/^(PORTICO_|DATABASE_URL$|REDIS_URL$|PG[A-Z]+$|NODE_)/.test(name)),
  );

const withHealth =
  (fetch: (request: Request) => Promise<Response>, isReady: () => Promise<boolean>) =>
  async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (pathname === "/healthz") return healthResponse(200, "ok\n");
    if (pathname !== "/readyz") return fetch(request);
    // Whatever the reason: what cannot be asked is not ready.
    const ready = await isReady().catch(() => false);
    return ready ? healthResponse(200, "ready\n") : healthResponse(503, "not ready\n");
  };

const healthResponse = (status: number, text: string): Response =>
  new Response(text, { status, headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" } });
