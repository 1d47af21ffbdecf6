import type { ExplainedAttempt, ExplainedStep, Explanation } from "../model/explanation.ts";
import { attributesOf, nanosOf, type OtlpJson } from "./otlp-values.ts";

const kinds = { server: 2, client: 3 } as const;
const statusError = 2;
const eventsMax = 128;
/** W3C trace flags: sampled. */
const sampledFlag = 1;

/**
 * The spans of a traced call after OpenTelemetry's semantic conventions for HTTP: one of the server for the call, one of the client for
 * each request to a backend, and an event for each decision of a policy. Empty where the call belongs to no exported trace.
 */
export const spansOf = (explanation: Explanation): readonly OtlpJson[] => {
  const { trace } = explanation;
  if (trace === undefined) return [];
  const steps = flatSteps(explanation.steps);
  const startMs = Date.parse(explanation.time);
  const shared = {
    traceId: trace.traceId,
    ...(trace.state === "" ? {} : { traceState: trace.state }),
    flags: sampledFlag,
  };
  const events = steps.map((step) => decisionEvent(step, startMs));
  const { request, route, outcome, fault, caller } = explanation;
  const httpRoute =
    route.pathTemplate === "" ? "" : `${route.apiPath === "/" ? "" : route.apiPath}${route.pathTemplate}`;
  const isError = outcome.status >= 500 || outcome.status === 0;
  const server: OtlpJson = {
    ...shared,
    spanId: trace.spanId,
    ...(trace.parentSpanId === "" ? {} : { parentSpanId: trace.parentSpanId }),
    name: httpRoute === "" ? methodOf(request.method) : `${methodOf(request.method)} ${httpRoute}`,
    kind: kinds.server,
    startTimeUnixNano: nanosOf(startMs),
    endTimeUnixNano: nanosOf(startMs, outcome.durationUs),
    attributes: attributesOf({
      "http.request.method": methodOf(request.method),
      "http.request.method_original": methodOf(request.method) === request.method ? undefined : request.method,
      "url.scheme": request.scheme,
      "url.path": request.path,
      "url.query": request.query,
      "http.route": httpRoute,
      "http.response.status_code": outcome.status === 0 ? undefined : outcome.status,
      "server.address": request.host.replace(/:\d+$/, ""),
      "client.address": request.clientIp,
      "error.type": isError ? (fault?.code ?? String(outcome.status)) : undefined,
      "portico.request_id": explanation.id,
      "portico.revision": explanation.revision,
      "portico.api": route.api,
      "portico.operation": route.operation,
      "portico.subscription": caller?.subscription,
      "portico.application": caller?.application,
      "portico.code": fault?.code,
      "portico.route": route.outcome === "found" ? undefined : route.outcome,
    }),
    events: events.slice(0, eventsMax),
    ...(events.length > eventsMax ? { droppedEventsCount: events.length - eventsMax } : {}),
    status: isError ? { code: statusError, message: fault?.message ?? "" } : {},
  };
  const clients = steps.flatMap((step) =>
    step.attempts.map((attempt, resend) => ({
      ...shared,
      ...clientSpan(attempt, resend, startMs, step),
      parentSpanId: trace.spanId,
    })),
  );
  return [server, ...clients];
};

const knownMethods = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"]);

/** Names of spans are bounded: what a client invents as a method is not in them. */
const methodOf = (method: string): string => (knownMethods.has(method) ? method : method === "" ? "HTTP" : "_OTHER");

const flatSteps = (steps: readonly ExplainedStep[]): readonly ExplainedStep[] =>
  steps.flatMap((step) => [step, ...flatSteps(step.steps)]);

const decisionEvent = (step: ExplainedStep, startMs: number): OtlpJson => ({
  timeUnixNano: nanosOf(startMs, step.startUs + step.durationUs),
  name: `policy ${step.policy}`,
  attributes: attributesOf({
    "portico.policy": step.policy,
    "portico.section": step.section,
    "portico.scope": step.scope,
    "portico.file": step.file,
    "portico.path": step.path,
    "portico.decision": step.decision.kind,
    "portico.status": step.decision.status,
    "portico.code": step.decision.code,
    "portico.duration_us": step.durationUs,
    ...Object.fromEntries(step.notes.map(({ name, value }) => [`portico.note.${name}`, value])),
  }),
});

const clientSpan = (attempt: ExplainedAttempt, resend: number, startMs: number, step: ExplainedStep): OtlpJson => {
  const colon = attempt.target.lastIndexOf(":");
  const beginUs = attempt.queuedUs ?? attempt.sentUs ?? step.startUs;
  const endUs = Math.max(beginUs, attempt.endUs ?? attempt.replyUs ?? step.startUs + step.durationUs);
  const hasFailed = attempt.code !== undefined || (attempt.status ?? 0) >= 400;
  return {
    spanId: attempt.spanId,
    name: `${step.policy} ${attempt.target}`,
    kind: kinds.client,
    startTimeUnixNano: nanosOf(startMs, beginUs),
    endTimeUnixNano: nanosOf(startMs, endUs),
    attributes: attributesOf({
      "server.address": attempt.target.slice(0, colon),
      "server.port": Number(attempt.target.slice(colon + 1)),
      "http.response.status_code": attempt.status,
      "http.request.resend_count": resend === 0 ? undefined : resend,
      "error.type": hasFailed ? (attempt.code ?? String(attempt.status)) : undefined,
    }),
    events:
      attempt.queuedUs === undefined || attempt.sentUs === undefined
        ? []
        : [{ timeUnixNano: nanosOf(startMs, attempt.sentUs), name: "connected", attributes: [] }],
    status: hasFailed ? { code: statusError, message: attempt.code ?? "" } : {},
  };
};
