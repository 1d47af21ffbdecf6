import type { ClientCertificate } from "./client-certificate.ts";
import type { CircuitBreaker, FailoverRule, HedgeRule, MirrorRule, RetryBudget, RetryRule } from "./delivery-rules.ts";
import type { Headers } from "./headers.ts";
import type { Recorder } from "./recorder.ts";
import type { Reply, ReplyBody } from "./reply.ts";

/** Who calls, as far as policies have found out. Absent facts are empty strings. */
export interface Caller {
  /** How it was found: `key`, `jwt`, ... */
  readonly kind: string;
  readonly subscription: string;
  readonly application: string;
  readonly organization: string;
  readonly product: string;
  readonly plan: string;
  /** `sub` of a token. */
  readonly subject: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** A caller of whom nothing is known but what is given. */
export const callerOf = (known: Partial<Caller> & { readonly kind: string }): Caller => ({
  subscription: "",
  application: "",
  organization: "",
  product: "",
  plan: "",
  subject: "",
  claims: {},
  ...known,
});

/** Where the call was routed to. Frozen, one object per route. */
export interface RouteFacts {
  readonly api: string;
  readonly apiTitle: string;
  readonly apiPath: string;
  readonly version: string;
  readonly operation: string;
  readonly method: string;
  readonly pathTemplate: string;
}

/** A message body. Streams past unless somebody reads or replaces it; each of these makes the engine hold it. */
export interface Body {
  /** True where the message has no body at all. */
  readonly isEmpty: boolean;
  /** Declared length in bytes, or undefined for a chunked body. */
  readonly length: number | undefined;
  /** The bytes, where the body is here as a whole: after `read`, or replaced by text or bytes; else undefined. */
  readonly whole: Uint8Array | undefined;
  /**
   * The whole body, which then counts as replaced by itself and may be read again.
   * Rejects with a Fault `request.body_too_large` (of a reply: `backend.reply_invalid`) above `bytesMax`.
   */
  read(bytesMax: number): Promise<Uint8Array>;
  /**
   * The body as its bytes come, with backpressure; nothing is held but what was asked for. To be iterated once, by a body that
   * `replace` is given: `body.replace(compressed(body.stream()))`. A source that breaks off makes the iteration throw its Fault; an
   * iteration that is left early gives the rest up.
   */
  stream(): AsyncIterable<Uint8Array>;
  /** Sends this instead. The engine sets the framing; content-type and content-encoding are the caller's business. */
  replace(body: ReplyBody): void;
}

/** The request, as it came and as it will go on. Changes are seen by later steps and by the backend. */
export interface ExchangeRequest {
  method: string;
  /** `http` or `https`, as the client spoke to the gateway. */
  readonly scheme: "http" | "https";
  /** The Host the client asked for, lower case, with port where given. */
  readonly host: string;
  /** The target's path as it came, not decoded: `/shop/orders/7`. */
  readonly path: string;
  /** The target's query as it came, without `?`; empty where there is none. */
  readonly query: string;
  /** `path?query` as the client wrote it. */
  readonly originalTarget: string;
  /** The client's address: the socket's, or from trusted proxies' headers. */
  readonly clientIp: string;
  /** What the client has shown in its TLS handshake, where the host asks for certificates; null: none. Not what a proxy tells in a header. */
  readonly clientCertificate: ClientCertificate | null;
  readonly headers: Headers;
  readonly body: Body;
  /** Decoded values of the path template's parameters. */
  readonly params: Readonly<Record<string, string>>;
  /** First value of a query parameter as it stands now, percent- and plus-decoded, or undefined. */
  queryParameter(name: string): string | undefined;
  queryParameters(name: string): readonly string[];
  /** Replaces (or, with null, removes) a query parameter in what goes to the backend. */
  setQueryParameter(name: string, values: readonly string[] | null): void;
  /** Path below the backend's base, encoded: the operation's part of the path, until `rewrite-uri` changes it. */
  upstreamPath: string;
  /** Query sent to the backend, encoded, without `?`. */
  upstreamQuery: string;
}

/** The reply in the making: from the backend, or from a policy. Seen by `outbound` and `on-error`. */
export interface ExchangeReply {
  status: number;
  reason: string;
  readonly headers: Headers;
  readonly body: Body;
}

/** What went wrong, for `on-error`. */
export interface ExchangeFault {
  /** A code of the problems table. */
  readonly code: string;
  /** The policy or part that failed: `validate-jwt`, `forward-request`. */
  readonly source: string;
  readonly section: string;
  readonly message: string;
}

/** How forwarding behaves; undefined fields take the backend's settings. */
export interface ForwardOptions {
  readonly timeoutMs?: number;
  /** Of each try, where there may be several. */
  readonly tryTimeoutMs?: number;
  readonly followRedirects?: boolean;
  readonly bufferRequestBody?: boolean;
  readonly failOnErrorStatusCode?: boolean;
  /** Of all tries together, until the reply's head is there. */
  readonly totalTimeoutMs?: number;
  /** Instead of the backend's own rules. */
  readonly retry?: RetryRule;
  readonly budget?: RetryBudget;
  readonly hedge?: HedgeRule;
  readonly failover?: FailoverRule;
  readonly mirrors?: readonly MirrorRule[];
  readonly breakers?: readonly CircuitBreaker[];
}

/** Why a connection that outlives ordinary calls ended. */
export type StreamEnding =
  /** A side ended it properly, or broke off. */
  | "client"
  | "backend"
  | "client-aborted"
  | "backend-aborted"
  /** A named limit of the API. */
  | "idle"
  | "lifetime"
  | "frame-too-large"
  | "message-too-large"
  /** A frame that is none. */
  | "protocol"
  /** A side did not take its bytes. */
  | "stalled"
  /** The gateway ends, or the API has changed. */
  | "drained";

/** What is known at its end of an upgraded connection or a stream of events. */
export interface StreamFacts {
  readonly kind: "upgrade" | "events";
  /** `websocket`, ..., in lower case; of events empty. */
  readonly protocol: string;
  readonly ending: StreamEnding;
  /** WebSocket close code that was seen or sent first; 0: none. */
  readonly closeCode: number;
}

/** How an exchange ended. */
export interface ExchangeOutcome {
  /** Status sent, or 0 where no head went out. */
  readonly status: number;
  /** True where either side broke off before the end. */
  readonly isAborted: boolean;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly durationMs: number;
  /** Set where the connection outlived an ordinary call; bytes and duration then are those of its whole life. */
  readonly stream?: StreamFacts | null;
}

/** How long a call beside another may take, and how large its reply may be. */
export interface BesideBounds {
  readonly timeoutMs: number;
  readonly bytesMax: number;
}

/** The reply to a call beside another, whole. */
export interface BesideReply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** One call from its head to its last byte. One shape, made by the engine; steps hold it no longer than they run. */
export interface Exchange {
  /** Sent as `X-Request-Id`. */
  readonly id: string;
  /** When the head was complete, milliseconds since 1970. */
  readonly startedAtMs: number;
  /** Number of the configuration that decides this call. */
  readonly revision: number;
  readonly request: ExchangeRequest;
  readonly route: RouteFacts;
  caller: Caller | null;
  /** Variables of `set-variable`; also how policies hand facts to later ones. */
  readonly variables: Map<string, unknown>;
  /** Null until the backend has answered or a policy made a reply. */
  readonly reply: ExchangeReply | null;
  readonly fault: ExchangeFault | null;
  /** Null unless somebody asked for this call to be explained, or it is traced: `x.record?.note("remaining", 4)`. */
  readonly record: Recorder | null;
  /** The W3C trace id, 32 hex digits: the client's, or the one that was made for the backend; empty where there is neither. */
  readonly traceId: string;
  /** A backend by its name in the unit; null for the operation's own. Unknown names are refused when configured. */
  backend: string | null;
  /** Replaces the backend's base URL for this call, or null. */
  backendUrl: string | null;
  /** What policies before `forward-request` ask of it, or null; its own attributes win. */
  forwarding: ForwardOptions | null;
  /**
   * Adds a field to whatever reply goes out in the end, also to refusals; later values replace earlier ones of that name, and those
   * of the backend. Only `Vary` is added to what the reply says itself (RFC 9110 section 12.5.5): caches need the union.
   */
  setReplyHeader(name: string, value: string): void;
  /**
   * Runs `step` when the backend's reply has passed `outbound`, just before it goes out; what was registered last runs first. For a policy
   * of `inbound` or `backend` that has something to do with the reply of the calls it let through: store it, translate it back. Not for
   * replies made in `inbound` and not for refusals. `policy` names it in logs.
   */
  onReply(policy: string, step: Step): void;
  /**
   * Asked when the backend gives no reply, before that becomes a refusal: what it answers goes out instead, past `outbound` and
   * `on-error`. For policies that have something older to offer.
   */
  onBackendFault(rescue: (x: Exchange) => Reply | undefined): void;
  /**
   * Sends the request as it stands now, without its body, to the backend beside the call, and tells the whole reply, or null where none
   * came within the bounds. The call goes on, and may end before.
   */
  askBeside(bounds: BesideBounds, then: (reply: BesideReply | null) => void): void;
  /** Called once after the last byte or the abort; must not throw. */
  onDone(then: (outcome: ExchangeOutcome) => void): void;
  /** Forwards to the backend and settles when the reply's head is there; for nested use, where a step must wait. */
  forward(options: ForwardOptions): Promise<void>;
}

/** What a step answers: nothing to go on, or the reply that ends the section and the call. */
// biome-ignore lint/suspicious/noConfusingVoidType: a step that does nothing may simply not return.
export type StepResult = Reply | undefined | void;

/** One step of a pipeline. Answers synchronously unless it really waits. A throw is a fault, not a refusal. */
export type Step = (x: Exchange) => StepResult | Promise<StepResult>;
