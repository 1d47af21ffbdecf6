import { Fault } from "../base/fault.ts";
import type { ClientCertificate } from "./client-certificate.ts";
import type {
  BesideBounds,
  BesideReply,
  Body,
  Caller,
  Exchange,
  ExchangeFault,
  ExchangeOutcome,
  ExchangeReply,
  ExchangeRequest,
  ForwardOptions,
  RouteFacts,
  Step,
} from "./exchange.ts";
import { type Headers, plainHeaders } from "./headers.ts";
import type { NoteValue, Recorder } from "./recorder.ts";
import { emptyReply, type Reply, type ReplyBody } from "./reply.ts";

type Fields = Readonly<Record<string, string>> | Iterable<readonly [string, string]>;

/** What a test may say about an exchange; everything has a default. */
export interface TestExchangeOptions {
  readonly id?: string;
  readonly method?: string;
  readonly scheme?: "http" | "https";
  readonly host?: string;
  /** The target: path, and query behind a `?`. */
  readonly path?: string;
  readonly headers?: Fields;
  readonly body?: ReplyBody;
  readonly clientIp?: string;
  readonly clientCertificate?: ClientCertificate | null;
  readonly params?: Readonly<Record<string, string>>;
  readonly caller?: Caller | null;
  readonly route?: Partial<RouteFacts>;
  readonly variables?: Readonly<Record<string, unknown>>;
  /** A reply that is there already, as outbound steps see it. */
  readonly reply?: Partial<Pick<Reply, "status" | "reason" | "body">> & { readonly headers?: Fields };
  readonly fault?: Partial<ExchangeFault>;
  /** Keeps what policies note, in `notes`. */
  readonly isRecorded?: boolean;
  readonly startedAtMs?: number;
  readonly revision?: number;
  /** What the backend answers to `forward`; a 200 without a body where absent. A thrown error rejects. */
  readonly backend?: (x: TestExchange) => Reply | Promise<Reply>;
}

/** A body of a test, with what would be sent of it now. */
export interface TestBody extends Body {
  readonly content: ReplyBody;
  readonly isReplaced: boolean;
  text(): Promise<string>;
}

/** One call of `forward`, with the request as it stood then. */
export interface ForwardedCall {
  readonly options: ForwardOptions;
  readonly method: string;
  readonly upstreamPath: string;
  readonly upstreamQuery: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: ReplyBody;
  readonly backend: string | null;
  readonly backendUrl: string | null;
}

/** What went out: the answered or delivered reply with the late fields of `setReplyHeader` put in. */
export interface SentReply {
  readonly kind: "answered" | "delivered";
  readonly status: number;
  readonly reason: string;
  readonly headers: Headers;
  readonly body: ReplyBody;
  readonly problem: Reply["problem"];
}

/** With what the engine's own parts tell a recorder beside the notes; here it is not kept. */
interface TestRecorder extends Recorder {
  upstream(call: object, event: string, detail: string): void;
  replyHeader(name: string, value: string): void;
  nextTraceparent(): string;
  tap<S>(message: "request" | "reply", source: S): S;
}

/**
 * A whole exchange in memory. Beside the contract it has the fields that the engine's own parts use (structurally equal to
 * `EngineExchange`), and shows what was done to it.
 */
export interface TestExchange extends Exchange {
  readonly request: ExchangeRequest & { readonly body: TestBody };
  reply: (ExchangeReply & { readonly body: TestBody }) | null;
  route: RouteFacts;
  revision: number;
  fault: ExchangeFault | null;
  record: TestRecorder | null;
  traceId: string;
  /** What was noted where the exchange is recorded. */
  readonly notes: readonly { readonly name: string; readonly value: NoteValue }[];
  readonly explainToken: string;
  readonly clientTraceparent: string;
  runState: unknown;
  isReusable: boolean;
  /** A test sets it to say that the client went away. */
  isClientGone: boolean;
  forwarder: ((x: TestExchange, options: ForwardOptions) => Promise<void>) | null;
  setParams(make: () => Readonly<Record<string, string>>): void;
  setReply(reply: Reply): void;
  dropReply(): void;
  answer(reply: Reply): void;
  deliver(): void;
  /** Fields given to `setReplyHeader`, by lower-case name. */
  readonly lateHeaders: ReadonlyMap<string, string>;
  readonly doneHooks: readonly ((outcome: ExchangeOutcome) => void)[];
  readonly forwarded: readonly ForwardedCall[];
  /** Runs the steps of `onReply`, the last first, as the engine does after `outbound`. */
  runReplySteps(): Promise<void>;
  rescue(): Reply | undefined;
  besideAsker: ((x: TestExchange, bounds: BesideBounds, then: (reply: BesideReply | null) => void) => void) | null;
  takeReplySteps(): readonly { readonly policy: string; readonly step: Step }[] | null;
  /** Null until `answer` or `deliver`. */
  readonly sent: SentReply | null;
  /** Ends the exchange: runs the done hooks once. */
  finish(outcome?: Partial<ExchangeOutcome>): void;
}

/** An exchange for tests: `testExchange({ method: "GET", path: "/orders/7?x=1", headers: { origin: "https://a" } })`. */
export const testExchange = (options: TestExchangeOptions = {}): TestExchange => {
  const target = options.path ?? "/";
  const queryAt = target.indexOf("?");
  const path = queryAt < 0 ? target : target.slice(0, queryAt);
  const query = queryAt < 0 ? "" : target.slice(queryAt + 1);
  const route = { ...anyRoute, method: options.method ?? "GET", ...options.route };
  const host = options.host ?? "api.example.test";
  const request = testRequest(options, { path, query, host, target, route });
  const lateHeaders = new Map<string, string>();
  const doneHooks: ((outcome: ExchangeOutcome) => void)[] = [];
  const forwarded: ForwardedCall[] = [];
  const notes: { readonly name: string; readonly value: NoteValue }[] = [];
  const rescues: ((x: Exchange) => Reply | undefined)[] = [];
  let replySteps: { readonly policy: string; readonly step: Step }[] | null = null;
  let isDone = false;
  let sent: SentReply | null = null;
  const send = (kind: SentReply["kind"], problem: Reply["problem"]): void => {
    if (sent) throw new Error("the exchange was answered twice");
    const reply = x.reply;
    if (!reply) throw new Error("there is no reply to deliver");
    const headers = plainHeaders(reply.headers.entries());
    for (const [name, value] of lateHeaders) {
      const own = name === "vary" ? headers.getAll(name) : [];
      headers.set(name, [...own, value].join(", "));
    }
    sent = { kind, status: reply.status, reason: reply.reason, headers, body: reply.body.content, problem };
  };
  const x: TestExchange = {
    id: options.id ?? "test-1",
    startedAtMs: options.startedAtMs ?? 1_750_000_000_000,
    revision: options.revision ?? 1,
    request,
    route,
    caller: options.caller ?? null,
    variables: new Map(Object.entries(options.variables ?? {})),
    reply: options.reply ? testReply(options.reply) : null,
    fault: options.fault
      ? { code: "policy.fault", source: "", section: "inbound", message: "", ...options.fault }
      : null,
    record: options.isRecorded === true ? testRecorder(notes) : null,
    notes,
    traceId: (request.headers.get("traceparent") ?? "").slice(3, 35),
    explainToken: request.headers.get("portico-explain") ?? "",
    clientTraceparent: request.headers.get("traceparent") ?? "",
    backend: null,
    backendUrl: null,
    forwarding: null,
    runState: null,
    isReusable: false,
    isClientGone: false,
    forwarder: null,
    setReplyHeader: (name, value) => {
      x.record?.replyHeader(name, value);
      lateHeaders.set(name.toLowerCase(), value);
    },
    onReply: (policy, step) => {
      replySteps = [{ policy, step }, ...(replySteps ?? [])];
    },
    onBackendFault: (rescue) => {
      rescues.unshift(rescue);
    },
    rescue: () => {
      for (const rescue of rescues) {
        const reply = rescue(x);
        if (reply !== undefined) return reply;
      }
      return undefined;
    },
    besideAsker: null,
    askBeside: (bounds, then) => {
      if (x.besideAsker === null) then(null);
      else x.besideAsker(x, bounds, then);
    },
    takeReplySteps: () => {
      const steps = replySteps;
      replySteps = null;
      return steps;
    },
    runReplySteps: async () => {
      for (const { step } of x.takeReplySteps() ?? []) {
        const reply = await step(x);
        if (reply) x.setReply(reply);
      }
    },
    onDone: (then) => {
      doneHooks.push(then);
    },
    forward: async (forwardOptions) => {
      forwarded.push({
        options: { ...x.forwarding, ...forwardOptions },
        method: request.method,
        upstreamPath: request.upstreamPath,
        upstreamQuery: request.upstreamQuery,
        headers: [...request.headers.entries()],
        body: request.body.content,
        backend: x.backend,
        backendUrl: x.backendUrl,
      });
      if (x.forwarder) return x.forwarder(x, forwardOptions);
      x.setReply(options.backend ? await options.backend(x) : emptyReply(200));
    },
    setParams: (make) => {
      request.takeParams(make);
    },
    setReply: (reply) => {
      x.reply = testReply(reply);
    },
    dropReply: () => {
      x.reply = null;
    },
    answer: (reply) => {
      x.setReply(reply);
      send("answered", reply.problem);
    },
    deliver: () => {
      send("delivered", undefined);
    },
    lateHeaders,
    doneHooks,
    forwarded,
    get sent() {
      return sent;
    },
    finish: (outcome) => {
      if (isDone) throw new Error("the exchange was finished twice");
      isDone = true;
      const whole: ExchangeOutcome = {
        status: sent?.status ?? x.reply?.status ?? 0,
        isAborted: false,
        requestBytes: 0,
        responseBytes: 0,
        durationMs: 0,
        ...outcome,
      };
      for (const hook of doneHooks) hook(whole);
    },
  };
  return x;
};

const testRecorder = (notes: { readonly name: string; readonly value: NoteValue }[]): TestRecorder => ({
  note: (name, value) => {
    notes.push({ name, value });
  },
  upstream: () => {},
  replyHeader: () => {},
  nextTraceparent: () => "",
  tap: (_message, source) => source,
});

/** The text of a body, whole. */
export const textOf = async (body: ReplyBody): Promise<string> => new TextDecoder().decode(await bytesOf(body));

const anyRoute: RouteFacts = {
  api: "orders",
  apiTitle: "Orders",
  apiPath: "/",
  version: "",
  operation: "listOrders",
  method: "GET",
  pathTemplate: "/",
};

interface Target {
  readonly path: string;
  readonly query: string;
  readonly host: string;
  readonly target: string;
  readonly route: RouteFacts;
}

const testRequest = (
  options: TestExchangeOptions,
  { path, query, host, target, route }: Target,
): TestExchange["request"] & { takeParams(make: () => Readonly<Record<string, string>>): void } => {
  let makeParams: () => Readonly<Record<string, string>> = () => options.params ?? {};
  const headers = plainHeaders(pairsOf(options.headers));
  const hasHost = headers.has("host");
  const request = {
    method: options.method ?? "GET",
    scheme: options.scheme ?? "http",
    host,
    path,
    query,
    originalTarget: target,
    clientIp: options.clientIp ?? "127.0.0.1",
    clientCertificate: options.clientCertificate ?? null,
    headers: hasHost ? headers : plainHeaders([["host", host], ...headers.entries()]),
    body: testBody(options.body ?? null, "request.body_too_large", 413),
    get params() {
      return makeParams();
    },
    takeParams: (make: () => Readonly<Record<string, string>>) => {
      makeParams = make;
    },
    queryParameter: (name: string) => new URLSearchParams(request.upstreamQuery).get(name) ?? undefined,
    queryParameters: (name: string) => new URLSearchParams(request.upstreamQuery).getAll(name),
    setQueryParameter: (name: string, values: readonly string[] | null) => {
      const kept = request.upstreamQuery
        .split("&")
        .filter((part) => part !== "" && [...new URLSearchParams(part).keys()][0] !== name);
      const added = (values ?? []).map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
      request.upstreamQuery = [...kept, ...added].join("&");
    },
    upstreamPath: route.apiPath === "/" || !path.startsWith(route.apiPath) ? path : path.slice(route.apiPath.length),
    upstreamQuery: query,
  };
  return request;
};

const testReply = (
  reply: Partial<Pick<Reply, "status" | "reason" | "body">> & { readonly headers?: Fields },
): ExchangeReply & { readonly body: TestBody } => ({
  status: reply.status ?? 200,
  reason: reply.reason ?? "",
  headers: plainHeaders(pairsOf(reply.headers)),
  body: testBody(reply.body ?? null, "backend.reply_invalid", 502),
});

const testBody = (first: ReplyBody, tooLargeCode: string, status: number): TestBody => {
  let content = first;
  let isReplaced = false;
  return {
    get isEmpty() {
      return content === null;
    },
    get length() {
      if (content === null) return 0;
      if (typeof content === "string") return Buffer.byteLength(content);
      return content instanceof Uint8Array ? content.byteLength : undefined;
    },
    get whole() {
      if (content === null) return new Uint8Array();
      if (typeof content === "string") content = new TextEncoder().encode(content);
      return content instanceof Uint8Array ? content : undefined;
    },
    get content() {
      return content;
    },
    get isReplaced() {
      return isReplaced;
    },
    read: async (bytesMax) => {
      const bytes = await bytesOf(content);
      if (bytes.byteLength > bytesMax)
        throw new Fault(tooLargeCode, { public: `The body exceeds ${bytesMax} bytes.`, status });
      content = bytes;
      return bytes;
    },
    // What is streamed is the body as it is now, not what replaces it meanwhile.
    stream: () => streamOf(content),
    replace: (body) => {
      content = body;
      isReplaced = true;
    },
    text: () => textOf(content),
  };
};

async function* streamOf(body: ReplyBody): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  if (typeof body === "string" || body instanceof Uint8Array) yield await bytesOf(body);
  else yield* body;
}

const bytesOf = async (body: ReplyBody): Promise<Uint8Array> => {
  if (body === null) return new Uint8Array();
  if (typeof body === "string") return new TextEncoder().encode(body);
  if (body instanceof Uint8Array) return body;
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
};

const pairsOf = (fields: Fields | undefined): Iterable<readonly [string, string]> => {
  if (fields === undefined) return [];
  return isIterable(fields) ? fields : Object.entries(fields);
};

const isIterable = (fields: Fields): fields is Iterable<readonly [string, string]> => Symbol.iterator in fields;
