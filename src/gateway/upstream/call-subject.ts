import type { EngineRecorder } from "../engine.ts";
import type { StreamSettings } from "../stream-settings.ts";
import type { BackendSide, BodySource, ClientSide, TunnelEnd } from "../wire/sides.ts";
import type { WireExchange } from "../wire/wire-exchange.ts";
import { WireReply } from "../wire/wire-reply.ts";
import type { WireRequest } from "../wire/wire-request.ts";

/** Whose request a call sends and who takes its reply: the exchange itself, or a stand-in where it has several calls at once. */
export interface CallSubject {
  readonly id: string;
  readonly request: WireRequest;
  readonly client: ClientSide | null;
  readonly record: EngineRecorder | null;
  traceparent: string;
  backendSide: BackendSide | null;
  readonly streams: StreamSettings;
  /** The backend's end of a connection that has changed its protocol, until somebody takes it. */
  tunnelEnd: TunnelEnd | null;
  readonly replyInTheMaking: WireReply;
  takeBackendReply(body: BodySource | null): void;
}

/** A request as it goes onto the wire: head, and its body whole or as a source. */
export interface Sending {
  readonly head: string;
  readonly whole: Buffer | null;
  readonly source: BodySource | null;
  /** The source's chunk framing goes on as it came. */
  readonly isRaw: boolean;
  /** Data is put into chunks. */
  readonly isEncoding: boolean;
}

/** A stand-in: sends the same request, keeps its reply to itself until somebody takes it over. */
export class StandIn implements CallSubject, BackendSide {
  readonly id: string;
  readonly request: WireRequest;
  readonly client: ClientSide | null;
  readonly record: EngineRecorder | null;
  traceparent = "";
  backendSide: BackendSide | null = null;
  readonly streams: StreamSettings;
  tunnelEnd: TunnelEnd | null = null;
  replyInTheMaking: WireReply = new WireReply();
  body: BodySource | null = null;

  constructor(of: Pick<CallSubject, "id" | "request" | "client" | "record" | "streams">) {
    this.id = of.id;
    this.request = of.request;
    this.client = of.client;
    this.record = of.record;
    this.streams = of.streams;
  }

  takeBackendReply(body: BodySource | null): void {
    this.body = body;
    this.replyInTheMaking.becomeBackends();
    this.replyInTheMaking.body.reset(body);
  }

  /** The exchange goes on with the reply that this one has got. */
  giveTo(x: WireExchange): void {
    x.traceparent = this.traceparent;
    x.tunnelEnd = this.tunnelEnd;
    this.replyInTheMaking = x.adopt(this.replyInTheMaking, this);
  }

  /** Gives up whatever its backend still does. */
  abandon(): void {
    const side = this.backendSide;
    this.backendSide = null;
    side?.abandon();
  }
}
