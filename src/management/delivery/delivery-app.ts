import type { z } from "zod";
import { Fault } from "../../base/fault.ts";
import { explainPublicKeyText } from "../../model/explain-token.ts";
import type { Explanation } from "../../model/explanation.ts";
import type { GatewayReport } from "../../model/snapshot.ts";
import { transaction } from "../../store/database.ts";
import { touchKeysOf } from "../../store/repositories/api-keys.ts";
import { extendConnection, writeConnection, writeReport } from "../../store/repositories/gateways.ts";
import { addUsage, claimUsageBatch } from "../../store/repositories/usage.ts";
import type { AppliedSignal } from "../applied.ts";
import { bearerDigest, isSameDigest } from "../bearer.ts";
import { readBounded } from "../body.ts";
import { checkBody, readJsonBody } from "../parse-request.ts";
import { refuse } from "../refuse.ts";
import { problemResponse, requestIdOf } from "../serve.ts";
import type { ManagementTools } from "../tools.ts";
import {
  explanationBatchSchema,
  helloSchema,
  reportSchema,
  requestBatchSchema,
  usageBatchSchema,
} from "./gateway-body.ts";
import { beatMs, deliver, type GatewayHello } from "./session.ts";
import type { SnapshotMaker } from "./snapshot-maker.ts";

/** What the gateways' side of control needs. */
export interface DeliveryTools {
  readonly tools: ManagementTools;
  readonly maker: SnapshotMaker;
  readonly applied: AppliedSignal;
  /** Aborts when control stops: streams end, and gateways connect anew. */
  readonly signal: AbortSignal;
}

/** Below this path gateways are served. */
export const gatewayPath = "/gateway/v1";

/** A gateway that was silent for three beats counts as gone. */
const connectedMs = 3 * beatMs;
const bodyBytesMax = 32 * 1024 * 1024;

type Answer = (delivery: DeliveryTools, request: Request) => Promise<Response>;

/** Answers a gateway's request; never throws. */
export const serveGateway = async (delivery: DeliveryTools, request: Request): Promise<Response> => {
  const requestId = requestIdOf(request.headers);
  try {
    const name = new URL(request.url).pathname.slice(gatewayPath.length + 1);
    const answer = Object.hasOwn(answers, name) ? answers[name] : undefined;
    if (answer === undefined) throw refuse("path.not_found", "Gateways have no such path.");
    if (request.method !== "POST") throw refuse("method.not_allowed", "Gateways send POST.");
    admitGateway(delivery.tools, request.headers);
    return await answer(delivery, request);
  } catch (thrown) {
    const fault = thrown instanceof Fault ? thrown : refuse("management.fault", "Something failed that should not.");
    if (fault.status >= 500) delivery.tools.log.error("a gateway's request failed", { requestId, error: thrown });
    return problemResponse(fault, requestId, fault.status === 405 ? { Allow: "POST" } : {});
  }
};

const admitGateway = (tools: ManagementTools, headers: Headers): void => {
  const token = /^bearer +([\x21-\x7e]+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
  if (token !== undefined && isSameDigest(bearerDigest(token), tools.gatewayTokenDigest)) return;
  throw refuse("gateway.credential_invalid", "The gateway token is missing or wrong.");
};

const read = async <S extends z.ZodType>(schema: S, request: Request): Promise<z.output<S>> =>
  checkBody(schema, readJsonBody(await readBounded(request, bodyBytesMax)));

const stream: Answer = async (delivery, request) => {
  const hello = await read(helloSchema, request);
  const signal = AbortSignal.any([request.signal, delivery.signal]);
  return new Response(streamOf(delivery, hello, signal), {
    headers: { "Content-Type": "application/x-ndjson", "Cache-Control": "no-store" },
  });
};

const streamOf = (delivery: DeliveryTools, hello: GatewayHello, signal: AbortSignal): ReadableStream<Uint8Array> => {
  const { db, clock, log } = delivery.tools;
  const until = (): Date => new Date(clock.nowMs() + connectedMs);
  const over = new AbortController();
  const messages = deliver(
    {
      db,
      maker: delivery.maker,
      clock,
      onBeat: () => extendConnection(db, hello.instance, until()),
      explainKey: explainPublicKeyText(delivery.tools.explainKey),
    },
    hello,
    AbortSignal.any([signal, over.signal]),
  );
  const encoder = new TextEncoder();
  const close = async (): Promise<void> => {
    if (over.signal.aborted) return;
    over.abort();
    log.info("a gateway's stream ended", { instance: hello.instance });
    try {
      await extendConnection(db, hello.instance, new Date(clock.nowMs()));
    } catch {
      // The database is away or closed; the row runs out by itself.
    }
    delivery.applied.ring();
  };
  return new ReadableStream<Uint8Array>(
    {
      start: async () => {
        log.info("a gateway connected", { instance: hello.instance, labels: hello.labels, revision: hello.revision });
        await writeConnection(db, hello, hello.revision, until());
      },
      pull: async (controller) => {
        try {
          const next = await messages.next();
          if (next.done !== true) {
            controller.enqueue(encoder.encode(`${JSON.stringify(next.value)}\n`));
            return;
          }
        } catch (thrown) {
          log.warn("a gateway's stream broke", { instance: hello.instance, error: thrown });
        }
        // The gateway connects again and gets what it lacks then.
        await close();
        controller.close();
      },
      cancel: close,
    },
    // Nothing is made ahead of what the connection takes.
    { highWaterMark: 0 },
  );
};

const report: Answer = async (delivery, request) => {
  const body: GatewayReport = await read(reportSchema, request);
  await writeReport(delivery.tools.db, body, new Date(delivery.tools.clock.nowMs()));
  delivery.applied.ring();
  return new Response(null, { status: 204 });
};

const usage: Answer = async ({ tools }, request) => {
  const batch = await read(usageBatchSchema, request);
  const at = new Date(tools.clock.nowMs());
  await transaction(
    tools.db,
    async (trx) => {
      if (!(await claimUsageBatch(trx, batch.id, at))) return;
      await addUsage(trx, batch.rows);
      await touchKeysOf(trx, [...new Set(batch.rows.map((row) => row.subscription))], minuteOf(batch.rows, at));
    },
    { isolation: "read committed" },
  );
  return new Response(null, { status: 204 });
};

const minuteOf = (rows: readonly { readonly minuteMs: number }[], at: Date): Date =>
  new Date(Math.min(at.getTime(), Math.max(0, ...rows.map((row) => row.minuteMs))));

const requests: Answer = async ({ tools }, request) => {
  const batch = await read(requestBatchSchema, request);
  tools.requests.add(batch.records.map((record) => ({ ...record, gateway: batch.instance })));
  return new Response(null, { status: 204 });
};

const explanations: Answer = async ({ tools }, request) => {
  const batch = await read(explanationBatchSchema, request);
  // Written by a gateway of ours, which has the token; their shape is for those who show them.
  tools.explanations.add(batch.instance, batch.records as unknown as readonly Explanation[]);
  return new Response(null, { status: 204 });
};

const answers: Readonly<Record<string, Answer>> = { stream, report, usage, requests, explanations };
