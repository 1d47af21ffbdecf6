import { STATUS_CODES } from "node:http";
import { messageOf } from "../../base/fault.ts";
import type { Log } from "../../base/log.ts";
import { problemMediaType, problemType } from "../../base/problem.ts";
import type {
  BesideBounds,
  BesideReply,
  Caller,
  Exchange,
  ExchangeFault,
  ExchangeOutcome,
  ForwardOptions,
  RouteFacts,
  Step,
} from "../../exchange/exchange.ts";
import { assertField } from "../../exchange/headers.ts";
import { refuse } from "../../exchange/refuse.ts";
import type { Reply } from "../../exchange/reply.ts";
import type { EngineExchange, EngineRecorder, ReplyStep } from "../engine.ts";
import { noStreams, type StreamSettings } from "../stream-settings.ts";
import { grpcKindOf, grpcMessageOf, grpcStatusOf, grpcTimeoutMs } from "./grpc.ts";
import { kindExplain, kindOfName, ownedInReply } from "./known-names.ts";
import type { BackendSide, BodySource, ClientSide, TunnelEnd } from "./sides.ts";
import { traceparentOf } from "./trace-context.ts";
import { WireReply } from "./wire-reply.ts";
import { WireRequest } from "./wire-request.ts";

/** The route of an exchange that has none yet. */
export const noRoute: RouteFacts = Object.freeze({
  api: "",
  apiTitle: "",
  apiPath: "",
  version: "",
  operation: "",
  method: "",
  pathTemplate: "",
});

/** One call, from the first byte of its head to the last byte of its reply. One shape; used again for another call when nobody can hold it. */
export class WireExchange implements EngineExchange {
  id = "";
  startedAtMs = 0;
  startedMonotonicMs = 0;
  revision = 0;
  readonly request: WireRequest = new WireRequest();
  route: RouteFacts = noRoute;
  caller: Caller | null = null;
  reply: WireReply | null = null;
  fault: ExchangeFault | null = null;
  record: EngineRecorder | null = null;
  /** What was sent to the backend as `traceparent` instead of the client's; empty where nothing was. */
  traceparent = "";
  backend: string | null = null;
  backendUrl: string | null = null;
  forwarding: ForwardOptions | null = null;
  runState: unknown = null;
  isReusable = false;
  forwarder: EngineExchange["forwarder"] = null;
  besideAsker: EngineExchange["besideAsker"] = null;
  /** The client asked with HEAD: no body, whatever method goes to the backend. */
  isHead = false;
  /** What carries it to its client, until it is finished. */
  client: ClientSide | null = null;
  /** What it waits for, or whose reply it carries. */
  backendSide: BackendSide | null = null;
  /** What the route allows where a connection outlives the exchange of messages. */
  streams: StreamSettings = noStreams;
  /** The backend has changed the protocol: its end of the connection, until the reply goes out. */
  tunnelEnd: TunnelEnd | null = null;
  /** The reply object while there is none yet: the upstream scans its head into it. */
  replyInTheMaking: WireReply = new WireReply();
  /** One of `answer` and `deliver` has been called. */
  isConcluded = false;
  isFinished = false;
  /** Name, value, ...: set on whatever reply goes out. */
  lateFields: string[] = [];
  readonly #log: Log;
  #variables: Map<string, unknown> | null = null;
  #whenDone: ((outcome: ExchangeOutcome) => void)[] | null = null;
  #replySteps: ReplyStep[] | null = null;
  #rescues: ((x: Exchange) => Reply | undefined)[] | null = null;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Becomes as new, field by field in the order of the constructor. */
  reset(): void {
    this.id = "";
    this.startedAtMs = 0;
    this.startedMonotonicMs = 0;
    this.revision = 0;
    this.request.reset();
    this.route = noRoute;
    this.caller = null;
    this.reply = null;
    this.fault = null;
    this.record = null;
    this.traceparent = "";
    this.backend = null;
    this.backendUrl = null;
    this.forwarding = null;
    this.runState = null;
    this.isReusable = false;
    this.forwarder = null;
    this.besideAsker = null;
    this.isHead = false;
    this.client = null;
    this.backendSide = null;
    this.streams = noStreams;
    this.tunnelEnd = null;
    this.replyInTheMaking.reset();
    this.isConcluded = false;
    this.isFinished = false;
    if (this.lateFields.length > 0) this.lateFields = [];
    this.#variables = null;
    this.#whenDone = null;
    this.#replySteps = null;
    this.#rescues = null;
  }

  get variables(): Map<string, unknown> {
    this.#variables ??= new Map();
    return this.#variables;
  }

  get traceId(): string {
    const traceparent = this.traceparent === "" ? this.clientTraceparent : this.traceparent;
    return traceparent.slice(3, 35);
  }

  get clientTraceparent(): string {
    return traceparentOf(this.request.head);
  }

  get explainToken(): string {
    const { head } = this.request;
    const index = head.known[kindExplain] ?? -1;
    return index < 0 ? "" : head.value(index);
  }

  get isClientGone(): boolean {
    return this.client === null || this.client.isGone;
  }

  setReplyHeader(name: string, value: string): void {
    assertField(name, value);
    this.record?.replyHeader(name, value);
    const late = this.lateFields;
    const lower = name.toLowerCase();
    for (let at = 0; at < late.length; at += 2) {
      if (late[at]?.toLowerCase() === lower) {
        late[at + 1] = value;
        return;
      }
    }
    late.push(name, value);
  }

  onReply(policy: string, step: Step): void {
    this.#replySteps ??= [];
    this.#replySteps.unshift({ policy, step });
  }

  onBackendFault(rescue: (x: Exchange) => Reply | undefined): void {
    this.#rescues ??= [];
    this.#rescues.unshift(rescue);
  }

  rescue(): Reply | undefined {
    for (const rescue of this.#rescues ?? []) {
      const reply = rescue(this);
      if (reply !== undefined) return reply;
    }
    return undefined;
  }

  askBeside(bounds: BesideBounds, then: (reply: BesideReply | null) => void): void {
    this.isReusable = false;
    if (this.besideAsker === null) then(null);
    else this.besideAsker(this, bounds, then);
  }

  takeReplySteps(): readonly ReplyStep[] | null {
    const steps = this.#replySteps;
    this.#replySteps = null;
    return steps;
  }

  onDone(then: (outcome: ExchangeOutcome) => void): void {
    this.#whenDone ??= [];
    this.#whenDone.push(then);
  }

  forward(options: ForwardOptions): Promise<void> {
    this.isReusable = false;
    if (this.forwarder === null) return Promise.reject(new Error("this exchange has no backend"));
    return this.forwarder(this, options);
  }

  setParams(make: () => Readonly<Record<string, string>>): void {
    this.request.setParams(make);
  }

  /** The backend's head stands in `replyInTheMaking`: it becomes `x.reply`, with its body if there is one. */
  takeBackendReply(body: BodySource | null): void {
    const reply = this.replyInTheMaking;
    reply.becomeBackends();
    reply.body.reset(this.record === null || body === null ? body : this.record.tap("reply", body));
    this.reply = reply;
  }

  /** Takes over a reply that another has received, and gives its own, unused one for it. `side` is whose reply it is. */
  adopt(reply: WireReply, side: BackendSide): WireReply {
    const own = this.replyInTheMaking;
    const { source } = reply.body;
    if (this.record !== null && source !== null) reply.body.source = this.record.tap("reply", source);
    this.replyInTheMaking = reply;
    this.reply = reply;
    this.backendSide = side;
    return own;
  }

  dropReply(): void {
    this.dropBackend();
    this.reply = null;
  }

  setReply(reply: Reply): void {
    this.dropBackend();
    const made = this.replyInTheMaking;
    made.becomeOurs(legalStatus(reply.status), "");
    made.reason = reply.reason ?? STATUS_CODES[reply.status] ?? "";
    for (const [name, value] of reply.headers) {
      assertField(name, value);
      if (ownedInReply[kindOfName(name.toLowerCase())] === 0) made.fields.added.push(name, value);
    }
    if (reply.problem === undefined) made.body.replaced = reply.body;
    else {
      made.fields.set("content-type", problemMediaType);
      made.body.replaced = this.#problemText(reply, reply.problem);
    }
    this.reply = made;
  }

  answer(reply: Reply): void {
    if (!this.#conclude()) return;
    this.takePlace(reply);
    this.client?.send();
  }

  /** Makes `reply` the one that goes out: a reply that was to, but broke off before anything of it was out, is forgotten. */
  takePlace(reply: Reply): void {
    const { problem } = reply;
    // Logs and counters know a refusal by its code, also one that came before any policy.
    if (problem !== undefined) this.fault ??= { code: problem.code, source: "", section: "", message: problem.detail };
    this.#makeReply(reply);
    if (reply.status >= 400) this.#tellGrpc();
  }

  deliver(): void {
    if (!this.#conclude()) return;
    if (this.reply === null) {
      this.#log.error("an exchange was delivered without a reply", { requestId: this.id });
      this.#makeReply(refuse("gateway.fault"));
    }
    if (this.reply !== null && this.reply.status >= 400 && this.reply.fields.head === null) this.#tellGrpc();
    this.client?.send();
  }

  /** Gives up what the backend does for this exchange. */
  dropBackend(): void {
    const side = this.backendSide;
    this.backendSide = null;
    this.tunnelEnd = null;
    side?.abandon();
  }

  /** The last byte is out, or the client has gone: tells those who asked. */
  finish(outcome: ExchangeOutcome): void {
    this.isFinished = true;
    const whenDone = this.#whenDone;
    if (whenDone === null) return;
    this.#whenDone = null;
    for (const then of whenDone) {
      try {
        then(outcome);
      } catch (thrown) {
        // The reply is out; a failing listener must not take the others' turn or the connection with it.
        this.#log.error("a listener of a finished exchange failed", { requestId: this.id, error: messageOf(thrown) });
      }
    }
  }

  /** A reply made here that refuses a call of gRPC: its clients look for the status in fields of their own, in a 200. */
  #tellGrpc(): void {
    const { request, reply, fault } = this;
    const kind = grpcKindOf(request.head);
    if (kind === "" || reply === null) return;
    const { status } = reply;
    const hasDeadline = grpcTimeoutMs(request.headers.get("grpc-timeout")) >= 0;
    reply.status = 200;
    reply.fields.set("content-type", request.headers.get("content-type") ?? "application/grpc");
    reply.fields.set("grpc-status", String(grpcStatusOf(status, fault?.code ?? "", hasDeadline)));
    reply.fields.set("grpc-message", grpcMessageOf(fault?.message ?? `HTTP status ${status}`));
    reply.body.replaced = null;
  }

  #conclude(): boolean {
    if (this.isConcluded) {
      this.#log.error("an exchange was concluded twice", { requestId: this.id });
      return false;
    }
    this.isConcluded = true;
    return true;
  }

  #makeReply(reply: Reply): void {
    try {
      this.setReply(reply);
    } catch (thrown) {
      // A field or a status that would break the head on the wire: the caller gets a fault, the log the reason.
      this.#log.error("a reply made here is not legal", { requestId: this.id, error: messageOf(thrown) });
      this.setReply(refuse("gateway.fault"));
    }
  }

  #problemText(reply: Reply, problem: NonNullable<Reply["problem"]>): string {
    const { code, title, detail, errors } = problem;
    return JSON.stringify({
      type: problemType(code),
      title,
      status: reply.status,
      detail,
      code,
      requestId: this.id,
      ...(errors === undefined ? {} : { errors }),
    });
  }
}

const legalStatus = (status: number): number => {
  if (!Number.isInteger(status) || status < 200 || status > 599) throw new RangeError(`not a final status: ${status}`);
  return status;
};
