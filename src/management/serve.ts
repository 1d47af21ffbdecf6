import { z } from "zod";
import { bytesHash } from "../base/canonical-json.ts";
import { durationMs, durationPattern } from "../base/duration.ts";
import { Fault, messageOf } from "../base/fault.ts";
import { uuidv7 } from "../base/ids.ts";
import { problemMediaType } from "../base/problem.ts";
import { findAnswer } from "../store/repositories/idempotency.ts";
import type { Actor } from "./actor.ts";
import type { Answer } from "./answer.ts";
import { type AppliedSignal, undeliveredApis, waitUntilApplied } from "./applied.ts";
import { authenticate, refuseForeignOrigin } from "./authenticate.ts";
import { readBody } from "./body.ts";
import { answerAgain, answerKeptMs, type MakeChange, type Repeatable } from "./change.ts";
import { entityTagOf, isKnownToReader, matchConditions } from "./entity-tag.ts";
import type { Operation, RequestParts } from "./operation.ts";
import { parseRequest } from "./parse-request.ts";
import { problemOf, refuse } from "./refuse.ts";
import { holds } from "./rights.ts";
import type { RouteTable } from "./route-table.ts";
import type { ManagementTools } from "./tools.ts";

/** What serving needs beside the tools of operations. */
export interface ServeTools {
  readonly tools: ManagementTools;
  readonly routes: RouteTable;
  readonly makeChange: MakeChange;
  readonly applied: AppliedSignal;
  /** Aborts when control stops: whoever follows or waits is let go. */
  readonly stopping: AbortSignal;
  /** Who asks, where that is certain: within this process. Otherwise the request must say so. */
  readonly actor?: Actor;
}

/** Where the management API begins. */
export const basePath = "/api/v1";

const waitMsDefault = 30_000;
const waitMsMax = 300_000;

/** Query parameters that every write takes. */
export const writeQuerySchema = z.object({
  dryRun: z
    .enum(["true", "false"])
    .optional()
    .describe("`true` checks and answers as if it were done, and changes nothing."),
  wait: z
    .enum(["applied"])
    .optional()
    .describe("`applied` answers when every connected gateway runs this revision or a later one."),
  timeout: z
    .string()
    .meta({ pattern: durationPattern })
    .refine((text) => durationMs(text) !== undefined, "write a duration such as 10s")
    .optional()
    .describe(
      "How long `wait` waits; 30s unless told, at most 5m. Afterwards the answer is 202 with `Portico-Applied: false`.",
    ),
});

/** Answers one request to the management API; never throws. */
export const serve = async (
  { tools, routes, makeChange, applied, stopping, actor: known }: ServeTools,
  request: Request,
): Promise<Response> => {
  const requestId = requestIdOf(request.headers);
  const signal = AbortSignal.any([request.signal, stopping]);
  try {
    const url = new URL(request.url);
    const match = routes.find(request.method === "HEAD" ? "GET" : request.method, url.pathname.slice(basePath.length));
    if (match === undefined) throw refuse("path.not_found", "The management API has no such path.");
    const { operation } = match;
    if (operation === undefined) {
      const allow = [...match.methods, ...(match.methods.includes("GET") ? ["HEAD"] : [])].sort().join(", ");
      const fault = refuse("method.not_allowed", `This path takes ${allow}.`);
      return problemResponse(fault, requestId, { Allow: allow });
    }
    const actor = await admit(tools, operation, request, known);
    const query = queryOf(url);
    const common = operation.isWrite ? takeWriteQuery(query) : { isDryRun: false, waitMs: undefined };
    const { bytes, stream, mediaType } = await readBody(operation, request);
    const repeatable = repeatableOf(operation, request, url, bytes);
    const again = repeatable && (await answerBefore(tools, actor, repeatable));
    if (again !== undefined) return responseOf(again, requestId);
    const parts: RequestParts = {
      params: match.params,
      query,
      bytes,
      stream,
      mediaType,
      headers: request.headers,
      actor,
      requestId,
      operationId: operation.id,
      isDryRun: common.isDryRun,
      tools,
      signal,
      match: (current) => matchConditions(request.headers, current),
      change: (work, options) =>
        makeChange(
          {
            actor,
            requestId,
            operationId: operation.id,
            isDryRun: common.isDryRun || options?.isDryRun === true,
            repeatable,
            message: options?.message,
          },
          work,
        ),
    };
    const answer = withEntityTag(operation, await operation.serve(parts, parseRequest));
    const tag = answer.headers?.ETag;
    if (operation.method === "GET" && tag !== undefined && isKnownToReader(request.headers, tag)) {
      return responseOf({ status: 304, headers: { ETag: tag } }, requestId);
    }
    if (common.waitMs === undefined || answer.revision === undefined || answer.isCommitted !== true) {
      return responseOf(answer, requestId);
    }
    const isApplied = await waitUntilApplied(tools.db, applied, answer.revision, common.waitMs, signal);
    const undelivered = await undeliveredApis(tools);
    const headers = {
      ...answer.headers,
      "Portico-Applied": String(isApplied),
      ...(undelivered.length === 0 ? {} : { "Portico-Undelivered": undelivered.join(", ") }),
    };
    return responseOf({ ...answer, headers, ...(isApplied ? {} : { status: 202 }) }, requestId);
  } catch (thrown) {
    const fault = faultOf(thrown);
    if (fault.status >= 500) {
      tools.log.error("a management request failed", { requestId, method: request.method, error: thrown });
    }
    return problemResponse(
      fault,
      requestId,
      fault.status === 401 ? { "WWW-Authenticate": 'Bearer realm="portico"' } : {},
    );
  }
};

/** Problem details as a response. */
export const problemResponse = (
  fault: Fault,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): Response =>
  new Response(JSON.stringify(problemOf(fault, requestId)), {
    status: fault.status,
    headers: { "Content-Type": problemMediaType, "Cache-Control": "no-store", "X-Request-Id": requestId, ...headers },
  });

/** The request id of the client where it is plain, else a new one. */
export const requestIdOf = (headers: Headers): string => {
  const given = headers.get("x-request-id");
  return given !== null && /^[A-Za-z0-9._-]{8,100}$/.test(given) ? given : uuidv7();
};

const faultOf = (thrown: unknown): Fault =>
  thrown instanceof Fault
    ? thrown
    : new Fault("management.fault", {
        public: "Something failed that should not. The log has the request id.",
        internal: messageOf(thrown),
        cause: thrown,
      });

const nobody: Actor = { name: "anonymous", roles: [], userId: undefined, by: "session", sessionId: undefined };

const admit = async (
  tools: ManagementTools,
  operation: Operation,
  request: Request,
  known: Actor | undefined,
): Promise<Actor> => {
  if (operation.access === "public") return nobody;
  const actor = known ?? (await authenticate(tools, request.headers));
  if (actor === undefined) throw refuse("credential.missing", "This operation needs a token or a session.");
  if (operation.method !== "GET") refuseForeignOrigin(actor, request.headers);
  if (operation.access !== "self" && !holds(actor.roles, operation.access)) {
    throw refuse(
      "right.missing",
      `${operation.id} needs the right ${operation.access}, which none of your roles (${actor.roles.join(", ") || "none"}) holds.`,
    );
  }
  return actor;
};

const queryOf = (url: URL): Record<string, string> => {
  const query: Record<string, string> = {};
  for (const [name, value] of url.searchParams) {
    if (Object.hasOwn(query, name)) {
      throw refuse("parameter.invalid", `The parameter ${name} stands twice.`, [
        { parameter: name, message: "stands twice" },
      ]);
    }
    query[name] = value;
  }
  return query;
};

/** Takes the parameters that every write has out of the query. */
const takeWriteQuery = (query: Record<string, string>): { isDryRun: boolean; waitMs: number | undefined } => {
  const taken: Record<string, string> = {};
  for (const name of Object.keys(writeQuerySchema.shape)) {
    const value = query[name];
    if (value === undefined) continue;
    taken[name] = value;
    delete query[name];
  }
  const parsed = writeQuerySchema.safeParse(taken);
  if (!parsed.success) {
    const mistakes = parsed.error.issues.map((issue) => ({ parameter: String(issue.path[0]), message: issue.message }));
    throw refuse("parameter.invalid", mistakes.map((one) => `${one.parameter}: ${one.message}`).join("; "), mistakes);
  }
  const { wait, timeout, dryRun } = parsed.data;
  const timeoutMs = Math.min(waitMsMax, durationMs(timeout ?? "") ?? waitMsDefault);
  return { isDryRun: dryRun === "true", waitMs: wait === "applied" ? timeoutMs : undefined };
};

const repeatableOf = (operation: Operation, request: Request, url: URL, bytes: Uint8Array): Repeatable | undefined => {
  const key = request.headers.get("idempotency-key");
  if (key === null || operation.method !== "POST" || !operation.isWrite) return undefined;
  if (!/^[\x21-\x7e]{1,255}$/.test(key))
    throw refuse("idempotency.key_invalid", "Idempotency-Key must be 1 to 255 visible ASCII characters.");
  return {
    key,
    fingerprint: bytesHash(`${request.method} ${url.pathname}${url.search}\n${bytesHash(bytes)}`),
    render: (answer) => {
      const { status, headers, body } = renderAnswer(answer);
      return { status, headers, body: body instanceof Uint8Array ? body : new Uint8Array() };
    },
  };
};

const answerBefore = async (
  tools: ManagementTools,
  actor: Actor,
  repeatable: Repeatable,
): Promise<Answer | undefined> => {
  const since = new Date(tools.clock.nowMs() - answerKeptMs);
  const kept = await findAnswer(tools.db, actor.name, repeatable.key, since);
  return kept === undefined ? undefined : answerAgain(tools, kept, repeatable.fingerprint);
};

const withEntityTag = (operation: Operation, answer: Answer): Answer => {
  if (operation.hasEtag !== true || answer.json === undefined || answer.status > 201) return answer;
  return { ...answer, headers: { ETag: entityTagOf(answer.json), ...answer.headers } };
};

interface RenderedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | ReadableStream<Uint8Array> | undefined;
}

const renderAnswer = (answer: Answer): RenderedAnswer => {
  const headers = {
    "Cache-Control": "no-store",
    ...(answer.revision === undefined ? {} : { "Portico-Revision": String(answer.revision) }),
    ...(answer.isCommitted === false ? { "Portico-Dry-Run": "true" } : {}),
    ...answer.headers,
  };
  const { status, json, bytes, stream } = answer;
  if (json !== undefined) {
    const body = Buffer.from(JSON.stringify(json));
    return { status, headers: { "content-type": "application/json", ...headers }, body };
  }
  if (bytes !== undefined) {
    return { status, headers: { "content-type": bytes.mediaType, ...headers }, body: bytes.content };
  }
  if (stream !== undefined) {
    return { status, headers: { "content-type": stream.mediaType, ...headers }, body: stream.content };
  }
  return { status, headers, body: undefined };
};

const responseOf = (answer: Answer, requestId: string): Response => {
  const { status, headers, body } = renderAnswer(answer);
  // A view of bytes may be part of a larger buffer that a Response must not show.
  const content = body instanceof Uint8Array ? new Uint8Array(body) : body;
  return new Response(content ?? null, { status, headers: { ...headers, "X-Request-Id": requestId } });
};
