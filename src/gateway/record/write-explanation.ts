import type { ExchangeOutcome } from "../../exchange/exchange.ts";
import type { NoteValue } from "../../exchange/recorder.ts";
import type {
  ExplainedAttempt,
  ExplainedChange,
  ExplainedDecision,
  ExplainedStep,
  Explanation,
} from "../../model/explanation.ts";
import type { EngineExchange } from "../engine.ts";
import { MessageBody } from "../wire/message-body.ts";
import type { CallRecord, RawAttempt, RawStep } from "./call-record.ts";
import type { RawChange } from "./exchange-view.ts";
import { createRedactor, cut, type Redactor, type SecretNames, shownCaller } from "./redactor.ts";

const textMax = 500;
const fieldsMax = 200;

type Fields = readonly (readonly [name: string, value: string])[];

/**
 * The record of a call that has ended, with every secret taken out: only now all of them are known. What leaves the thread is what this
 * answers, nothing else.
 */
export const explanationOf = (record: CallRecord, x: EngineExchange, outcome: ExchangeOutcome): Explanation => {
  const { redactor, request, options } = record;
  redactor.learnHeaders(request.headers);
  redactor.learnQuery(request.query);
  redactor.learnQuery(x.request.upstreamQuery);
  const replyHeaders = fieldsOfReply(x, record.lateHeaders);
  redactor.learnHeaders(replyHeaders);
  if (x.caller !== null) redactor.learnCaller(x.caller);
  return {
    id: x.id,
    time: new Date(x.startedAtMs).toISOString(),
    revision: x.revision,
    reason: options.reason,
    isComplete: true,
    ...(options.isTraced
      ? {
          trace: {
            traceId: record.traceId,
            spanId: record.spanId,
            parentSpanId: record.parentSpanId,
            state: cut(redactor.text(x.request.headers.get("tracestate") ?? ""), textMax),
          },
        }
      : {}),
    request: {
      ...requestOf(x, request, redactor),
      headers: shownFields(request.headers, redactor),
      ...bodyOf(record.taps.request?.bytes, record),
    },
    route: routeOf(x, record.route, redactor),
    caller: callerOf(x, redactor),
    steps: record.steps.map((step) => stepOf(step, record)),
    notes: notesOf(record.notes, redactor),
    fault: faultOf(x, redactor),
    reply: {
      status: outcome.status,
      headers: shownFields(replyHeaders, redactor),
      ...bodyOf(madeBody(x) ?? record.taps.reply?.bytes, record),
    },
    outcome: outcomeOf(outcome),
    leftOut: record.leftOut,
  };
};

/** A reply's body that was made here, where it is whole. */
const madeBody = ({ reply }: EngineExchange): Buffer | undefined => {
  if (!(reply?.body instanceof MessageBody)) return undefined;
  const { replaced } = reply.body;
  if (typeof replaced === "string") return Buffer.from(replaced);
  return replaced instanceof Uint8Array ? Buffer.from(replaced) : undefined;
};

/** The first bytes as text, where the token asked for them; secrets that are known are taken out. */
const bodyOf = (bytes: Buffer | undefined, { options, redactor }: CallRecord): { readonly body?: string } => {
  const { bodyBytesMax } = options;
  if (bytes === undefined || bodyBytesMax === 0) return {};
  // What was cut in the middle of a character must not make a text look like no text.
  const text = new TextDecoder().decode(bytes.subarray(0, bodyBytesMax), { stream: true });
  if (text.includes("\ufffd") || text.includes("\0")) return { body: `[not text: ${bytes.length} bytes seen]` };
  return { body: redactor.text(text).slice(0, bodyBytesMax) };
};

/** What is known of a call that nobody recorded, when it has failed: where it went, why it failed, how it ended. */
export const outcomeExplanation = (
  x: EngineExchange,
  outcome: ExchangeOutcome,
  route: Explanation["route"]["outcome"],
  secrets: SecretNames | null,
): Explanation => {
  const redactor = createRedactor();
  if (secrets !== null) redactor.reach(secrets);
  // A head that was no request has neither fields nor a target.
  const isRequest = x.request.method !== "";
  const headers = isRequest
    ? x.request.headers.entries().filter(([name]) => name.toLowerCase() !== "portico-explain")
    : [];
  redactor.learnHeaders(headers);
  redactor.learnQuery(isRequest ? x.request.query : "");
  if (x.caller !== null) redactor.learnCaller(x.caller);
  const { method, path, query } = isRequest ? x.request : { method: "", path: "", query: "" };
  return {
    id: x.id,
    time: new Date(x.startedAtMs).toISOString(),
    revision: x.revision,
    reason: "failed",
    isComplete: false,
    request: { ...requestOf(x, { method, path, query }, redactor), headers: shownFields(headers, redactor) },
    route: routeOf(x, { outcome: route, message: "" }, redactor),
    caller: callerOf(x, redactor),
    steps: [],
    notes: [],
    fault: faultOf(x, redactor),
    reply: { status: outcome.status, headers: shownFields(fieldsOfReply(x, new Map()), redactor) },
    outcome: outcomeOf(outcome),
    leftOut: 0,
  };
};

const requestOf = (
  x: EngineExchange,
  request: { readonly method: string; readonly path: string; readonly query: string },
  redactor: Redactor,
): Omit<Explanation["request"], "headers"> => ({
  method: request.method,
  scheme: x.request.scheme,
  host: cut(redactor.text(x.request.host), textMax),
  path: cut(redactor.text(request.path), textMax),
  query: cut(redactor.query(request.query), textMax),
  clientIp: x.request.clientIp,
});

const routeOf = (x: EngineExchange, route: CallRecord["route"], redactor: Redactor): Explanation["route"] => ({
  outcome: route.outcome,
  message: redactor.text(route.message),
  api: x.route.api,
  apiPath: x.route.apiPath,
  version: x.route.version,
  operation: x.route.operation,
  method: x.route.method,
  pathTemplate: x.route.pathTemplate,
});

const callerOf = (x: EngineExchange, redactor: Redactor): Explanation["caller"] => {
  if (x.caller === null) return null;
  return Object.fromEntries(
    Object.entries(shownCaller(x.caller)).map(([name, value]) => [name, cut(redactor.text(value), textMax)]),
  );
};

const faultOf = ({ fault }: EngineExchange, redactor: Redactor): Explanation["fault"] =>
  fault === null
    ? null
    : {
        code: fault.code,
        source: fault.source,
        section: fault.section,
        message: cut(redactor.text(fault.message), textMax),
      };

const outcomeOf = ({
  status,
  isAborted,
  requestBytes,
  responseBytes,
  durationMs,
}: ExchangeOutcome): Explanation["outcome"] => ({
  status,
  isAborted,
  requestBytes,
  responseBytes,
  durationUs: Math.round(durationMs * 1000),
});

/** The fields as they went out, framing aside: those set late stand for whatever had their name. */
const fieldsOfReply = (x: EngineExchange, late: ReadonlyMap<string, string>): Fields => {
  const own = x.reply === null ? [] : x.reply.headers.entries().filter(([name]) => !late.has(name.toLowerCase()));
  return [...own, ...late];
};

const shownFields = (fields: Fields, redactor: Redactor): Fields =>
  fields.slice(0, fieldsMax).map(([name, value]) => [cut(name, textMax), cut(redactor.header(name, value), textMax)]);

const stepOf = (raw: RawStep, record: CallRecord): ExplainedStep => {
  const { redactor } = record;
  const { policy, section, scope, at } = raw.compiled;
  const space = at.indexOf(" ");
  const endUs = raw.endUs < 0 ? record.nowUs : raw.endUs;
  return {
    policy,
    section,
    scope,
    file: space < 0 ? at : at.slice(0, space),
    path: space < 0 ? "" : at.slice(space + 1),
    startUs: raw.startUs,
    durationUs: Math.max(0, endUs - raw.startUs),
    decision: decisionOf(raw.decision, redactor),
    changes: raw.changes.flatMap((change) => changeOf(change, redactor)),
    notes: notesOf(raw.notes, redactor),
    attempts: raw.attempts.map(attemptOf),
    steps: raw.steps.map((step) => stepOf(step, record)),
  };
};

const decisionOf = (decision: ExplainedDecision, redactor: Redactor): ExplainedDecision =>
  decision.message === undefined ? decision : { ...decision, message: cut(redactor.text(decision.message), textMax) };

const notesOf = (notes: readonly { readonly name: string; readonly value: NoteValue }[], redactor: Redactor) =>
  notes.map(({ name, value }) => ({
    name: cut(redactor.text(name), textMax),
    value: typeof value === "string" ? redactor.value(name, value, textMax) : value,
  }));

const attemptOf = (raw: RawAttempt): ExplainedAttempt => ({
  target: raw.target,
  ...(raw.queuedUs < 0 ? {} : { queuedUs: raw.queuedUs }),
  ...(raw.sentUs < 0 ? {} : { sentUs: raw.sentUs }),
  ...(raw.replyUs < 0 ? {} : { replyUs: raw.replyUs, status: raw.status }),
  ...(raw.endUs < 0 ? {} : { endUs: raw.endUs }),
  ...(raw.code === "" ? {} : { code: raw.code }),
  ...(raw.spanId === "" ? {} : { spanId: raw.spanId }),
});

const changeOf = (change: RawChange, redactor: Redactor): readonly ExplainedChange[] => {
  const { what, name, before, after } = change;
  if (what === "caller") return callerChanges(before, after, redactor);
  const shown = (value: unknown): string => {
    if (what.endsWith(".header")) return cut(redactor.header(name, String(value)), textMax);
    if (what === "query") return cut(redactor.query(String(value)), textMax);
    if (what.endsWith(".body")) return bodyText(value);
    return redactor.value(name, value, textMax);
  };
  return [
    {
      what,
      name: cut(redactor.text(name), textMax),
      ...(before === undefined ? {} : { before: shown(before) }),
      ...(after === undefined ? {} : { after: shown(after) }),
    },
  ];
};

const callerChanges = (before: unknown, after: unknown, redactor: Redactor): readonly ExplainedChange[] => {
  const was = isCaller(before) ? shownCaller(before) : {};
  const is = isCaller(after) ? shownCaller(after) : {};
  const text = (value: string): string => cut(redactor.text(value), textMax);
  return [...new Set([...Object.keys(was), ...Object.keys(is)])].flatMap((name) => {
    const old = was[name];
    const now = is[name];
    if (old === now) return [];
    const sides = {
      ...(old === undefined ? {} : { before: text(old) }),
      ...(now === undefined ? {} : { after: text(now) }),
    };
    return [{ what: "caller", name, ...sides }];
  });
};

const isCaller = (value: unknown): value is NonNullable<EngineExchange["caller"]> =>
  value !== null && typeof value === "object" && "claims" in value;

/** Of a body only how much it is: its text is shown where the token asked for it. */
const bodyText = (value: unknown): string => {
  if (value === null) return "none";
  if (typeof value === "string") return `${Buffer.byteLength(value)} bytes`;
  return value instanceof Uint8Array ? `${value.byteLength} bytes` : "a stream";
};
