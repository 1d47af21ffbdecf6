import { mkdir } from "node:fs/promises";
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Kysely } from "kysely";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { explainSigningKey } from "../model/explain-token.ts";
import { hintOutbox } from "../store/outbox.ts";
import type { Tables } from "../store/schema.ts";
import type { Actor } from "./actor.ts";
import { appliedSignal } from "./applied.ts";
import { bearerDigest } from "./bearer.ts";
import { changeMaker } from "./change.ts";
import { openConfiguration } from "./configuration.ts";
import { gatewayPath, serveGateway } from "./delivery/delivery-app.ts";
import { startSnapshotMaker } from "./delivery/snapshot-maker.ts";
import { openDocumentLibrary } from "./documents.ts";
import { openApiDocument } from "./openapi-document.ts";
import { operations } from "./operations.ts";
import { explanationRing } from "./requests/explanation-ring.ts";
import { requestRing } from "./requests/request-ring.ts";
import { routeTable } from "./route-table.ts";
import type { SecretBox } from "./secret-box.ts";
import { refuseForeignKey } from "./secret-key.ts";
import { basePath, type ServeTools, serve } from "./serve.ts";
import type { ManagementTools } from "./tools.ts";
import { type CheckUnits, openUnitWorkshop } from "./units.ts";
import { openWriteQueue } from "./write-queue.ts";

/** What the management API is made with. */
export interface ManagementSettings {
  /** A migrated database. */
  readonly db: Kysely<Tables>;
  readonly databaseUrl: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly box: SecretBox;
  /** Compiles units as a gateway would. */
  readonly checkUnits: CheckUnits;
  readonly ownerToken: string;
  readonly gatewayToken: string;
  /** Where named values with `env` are read from. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly mayFetchPrivate: boolean;
  readonly scratchDir: string;
  /** Between looks at the revision counter, for what other control processes write. */
  readonly pollMs?: number;
}

/** The management API and the gateways' side of control, as functions from request to response. */
export interface Management {
  /** Serves `/api/v1` and `/gateway/v1`. */
  fetch(request: Request): Promise<Response>;
  /** The management API as `actor`, for callers within this process. */
  as(actor: Actor): (request: Request) => Promise<Response>;
  /** The tools, for what the platform does by itself. */
  readonly tools: ManagementTools;
  /** Wakes delivery: another process may have written. */
  poke(): void;
  /** Resolves when the state of that revision, or a later one, is ready to be delivered. */
  whenDelivered(revision: number): Promise<void>;
  /** True when there is something to deliver, be it nothing. */
  isReady(): boolean;
  /** Ends the streams to gateways and to those who follow or wait; they connect again elsewhere, or later. */
  endStreams(): void;
  /** Ends streams and waits for what is under way. */
  stop(): Promise<void>;
}

/** Opens the management API over a migrated database. Refuses a secret key other than the database's. */
export const openManagement = async (settings: ManagementSettings): Promise<Management> => {
  const { db, clock, log, box } = settings;
  await refuseForeignKey(db, box);
  await mkdir(settings.scratchDir, { recursive: true, mode: 0o700 });
  const configuration = openConfiguration(db);
  const documents = openDocumentLibrary();
  const units = openUnitWorkshop({
    documents,
    box,
    environment: settings.environment,
    checkUnits: settings.checkUnits,
  });
  const maker = startSnapshotMaker({
    db,
    configuration,
    units,
    log,
    ...(settings.pollMs === undefined ? {} : { pollMs: settings.pollMs }),
  });
  const applied = appliedSignal();
  const stopping = new AbortController();
  const tools: ManagementTools = {
    db,
    databaseUrl: settings.databaseUrl,
    clock,
    log,
    configuration,
    documents,
    units,
    box,
    writes: openWriteQueue(),
    announce: () => {
      maker.poke();
      // To other control processes; `hintOutbox` lets no failure out.
      void hintOutbox(db, log);
    },
    deliveryErrors: () => maker.current()?.errors ?? [],
    requests: requestRing(),
    explanations: explanationRing(),
    explainKey: explainSigningKey(box.derive("explain tokens")),
    forget: () => {
      configuration.forget();
      maker.forget();
    },
    ownerTokenDigest: bearerDigest(settings.ownerToken),
    gatewayTokenDigest: bearerDigest(settings.gatewayToken),
    mayFetchPrivate: settings.mayFetchPrivate,
    scratchDir: settings.scratchDir,
  };
  const serving: ServeTools = {
    tools,
    routes: routeTable(operations),
    makeChange: changeMaker(tools),
    applied,
    stopping: stopping.signal,
  };
  const delivery = { tools, maker, applied, signal: stopping.signal };
  const document = JSON.stringify(openApiDocument(operations));

  const app = new OpenAPIHono();
  app.get(
    `${basePath}/openapi.json`,
    () => new Response(document, { headers: { "Content-Type": "application/json", "Cache-Control": "no-cache" } }),
  );
  app.all(`${basePath}/*`, (context) => serve(serving, context.req.raw));
  app.all(`${gatewayPath}/*`, (context) => serveGateway(delivery, context.req.raw));
  return {
    fetch: async (request) => app.fetch(request),
    as: (actor) => (request) => serve({ ...serving, actor }, request),
    tools,
    poke: () => maker.poke(),
    whenDelivered: async (revision) => {
      while (!stopping.signal.aborted) {
        if ((await maker.newerThan(revision - 1, 1_000, stopping.signal)) !== undefined) return;
      }
    },
    isReady: () => maker.current() !== undefined,
    endStreams: () => stopping.abort(),
    stop: async () => {
      stopping.abort();
      await maker.stop();
      await tools.writes.run(async () => undefined);
    },
  };
};
