import { z } from "zod";
import type { UnitError } from "../../model/snapshot.ts";
import { listGateways as listRows, type StoredGateway } from "../../store/repositories/gateways.ts";
import { currentRevision } from "../../store/repositories/revisions.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { limitOf, pageJson, pageQuerySchema, placeOf } from "../paging.ts";

const unitErrorSchema = z.object({
  api: z.string(),
  hash: z.string(),
  message: z.string(),
  findings: z.array(z.object({ file: z.string().optional(), path: z.string().optional(), message: z.string() })),
});

/** The gateways that were seen, what they run, and what they should run. */
export const listGateways: Operation = defineOperation({
  id: "listGateways",
  method: "GET",
  path: "/gateways",
  tag: "Gateways",
  summary: "List the gateways and the revisions they run",
  access: "gateways.read",
  query: pageQuerySchema,
  answers: {
    200: {
      description: "In order of instance.",
      schema: z.object({
        desiredRevision: z.int(),
        undeliverable: z.array(unitErrorSchema).describe("APIs that cannot be made into what gateways run, and why."),
        items: z.array(
          z
            .object({
              instance: z.string(),
              version: z.string(),
              labels: z.array(z.string()),
              isConnected: z.boolean(),
              revision: z.int().describe("The revision it runs."),
              desiredRevision: z.int(),
              isApplied: z.boolean(),
              threads: z.int(),
              startedAt: z.iso.datetime().optional(),
              reportedAt: z.iso.datetime().optional(),
              unitErrors: z
                .array(unitErrorSchema)
                .describe("APIs whose newest version did not compile there; their last good one serves."),
            })
            .meta({ id: "Gateway" }),
        ),
        next: z.string().optional(),
      }),
    },
  },
  run: async ({ tools, query }) => {
    const desiredRevision = await currentRevision(tools.db);
    const nowMs = tools.clock.nowMs();
    const rows = await listRows(tools.db);
    const undeliverable = tools.deliveryErrors().map(unitErrorView);
    const after = placeOf(query);
    const limit = limitOf(query);
    const shown = rows.filter((row) => after === undefined || row.instance > after).slice(0, limit + 1);
    const viewOf = (row: StoredGateway) => ({
      instance: row.instance,
      version: row.version,
      labels: row.labels,
      isConnected: (row.connectedUntil?.getTime() ?? 0) > nowMs,
      revision: row.revision,
      desiredRevision,
      isApplied: row.revision >= desiredRevision,
      threads: row.threads,
      startedAt: row.startedAt?.toISOString(),
      reportedAt: row.reportedAt?.toISOString(),
      unitErrors: row.unitErrors.map(unitErrorView),
    });
    const page = pageJson(shown, limit, (row) => row.instance, viewOf);
    return { status: 200, json: { desiredRevision, undeliverable, ...page } };
  },
});

const unitErrorView = ({ api, hash, message, findings }: UnitError) => ({ api, hash, message, findings });
