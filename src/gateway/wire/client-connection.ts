import type { Socket } from "node:net";
import { Fault } from "../../base/fault.ts";
import type { StreamFacts } from "../../exchange/exchange.ts";
import type { GatewayProblemCode } from "../../exchange/problems.ts";
import { refuse } from "../../exchange/refuse.ts";
import type { Reply } from "../../exchange/reply.ts";
import { type Asked, acceptRequest, codeOfScan } from "./accept-request.ts";
import { BodyReader, noSink } from "./body-reader.ts";
import type { WireContext } from "./context.ts";
import type { EventStream } from "./event-stream.ts";
import { clientBehind, plainAddress } from "./forwarding.ts";
import { type Framing, scanRequestHead } from "./head.ts";
import { HeadCollector } from "./head-collector.ts";
import { readInto } from "./read-into.ts";
import { type ReplyEvents, ReplyWriter } from "./reply-writer.ts";
import type { BodySink, BodySource, ClientSide, TlsFacts, TunnelEnd, TunnelEvents } from "./sides.ts";
import { SocketEnd } from "./socket-end.ts";
import { Tunnel } from "./tunnel.ts";
import type { Timed } from "./wheel.ts";
import { noRoute, type WireExchange } from "./wire-exchange.ts";

/**
 * Where a connection stands. `idle` and `head`: the next request; `busy`: its reply; `discard`: the reply is out, the rest of the
 * request body is thrown away; `linger`: our side is closed, theirs is read for a while; `tunnel`: it speaks HTTP no more; `closed`.
 */
type Phase = "idle" | "head" | "busy" | "discard" | "linger" | "tunnel" | "closed";

/** The first line of HTTP/2's preface (RFC 9113 section 3.4): the scanner stops there, since its version is not ours. */
const prefaceLine = Buffer.from("PRI * HTTP/2.0\r\n", "latin1");
const continueText = "HTTP/1.1 100 Continue\r\n\r\n";

/** One connection of a client: reads its requests one after the other, writes their replies in order. */
export class ClientConnection implements ClientSide, BodySource, Timed, ReplyEvents {
  readonly protocol = "1.1";
  readonly scheme: "http" | "https";
  readonly address: string;
  readonly isPeerTrusted: boolean;
  deadlineMs = 0;
  wheelTick = -1;
  wheelNext: Timed | null = null;
  wheelPrevious: Timed | null = null;
  isGone = false;
  forwardingHost = "";
  forwardingLines = "";
  framing: Framing = "none";
  length = 0;
  readonly #socket: Socket;
  readonly tls: TlsFacts | null;
  readonly #context: WireContext;
  readonly #whenClosed: (connection: ClientConnection) => void;
  readonly #reader: BodyReader;
  readonly #writer: ReplyWriter;
  readonly #asked: Asked = { keepsAlive: false, expectsContinue: false, hostField: "", host: "" };
  #phase: Phase = "idle";
  #x: WireExchange | null = null;
  /** Bytes that have come and are not consumed. */
  #held: Buffer | null = null;
  #heldFrom = 0;
  readonly #collector = new HeadCollector();
  #isPaused = false;
  #isAdvancing = false;
  /** No more requests after this one. */
  #isLast = false;
  /** The client has closed its sending side. */
  #hasEnded = false;
  /** Why the body will never be whole, where nobody had asked for it yet. */
  #bodyFault: Fault | null = null;
  #headBytes = 0;
  #discarded = 0;
  /** Who gets the events of the socket when this connection speaks HTTP/1 no more. */
  #end: TunnelEvents | null = null;
  #tunnel: Tunnel | null = null;

  constructor(
    accepted: Socket,
    scheme: "http" | "https",
    context: WireContext,
    whenClosed: (connection: ClientConnection) => void,
    tls: TlsFacts | null = null,
  ) {
    this.scheme = scheme;
    this.tls = tls;
    this.address = plainAddress(accepted.remoteAddress ?? "");
    this.isPeerTrusted = context.isTrustedProxy(this.address);
    this.#socket = readInto(accepted, context.blocks, (bytes) => this.#received(bytes));
    const socket = this.#socket;
    this.#context = context;
    this.#whenClosed = whenClosed;
    this.#reader = new BodyReader(context.limits);
    this.#writer = new ReplyWriter(socket, context, this);
    socket.on("drain", () => this.#drained());
    socket.on("end", () => this.#ended());
    // Followed by `close`, which ends the exchange.
    socket.on("error", () => {});
    socket.on("close", () => this.#closed());
    context.wheel.set(this, this.#idleMs);
  }

  /** How long it may wait for a request. Who was promised that the connection is kept gets an answer that takes the promise back. */
  get #idleMs(): number {
    return this.#context.isDraining ? this.#context.limits.drainIdleMs : this.#context.limits.idleTimeoutMs;
  }

  /** The client has closed its sending side, and nothing that it sent is left to look at. */
  get #hasSaidAll(): boolean {
    return this.#hasEnded && this.#held === null;
  }

  get isIdle(): boolean {
    return this.#phase === "idle" && this.#held === null;
  }

  /** No more requests: an idle connection may bring a last one, a busy one ends after its reply, long streams end where they can. */
  drain(): void {
    if (this.#tunnel !== null) this.#tunnel.close("drained");
    else if (this.#writer.events !== null) this.#writer.events.finish("drained");
    else if (this.isIdle) this.#context.wheel.set(this, this.#context.limits.drainIdleMs);
  }

  destroy(): void {
    this.#destroy();
  }

  // ---- ClientSide

  send(): void {
    const x = this.#x;
    if (x === null) return;
    if (this.isGone) {
      x.dropBackend();
      this.#finish(x, true);
      return;
    }
    this.#context.wheel.clear(this);
    if (x.tunnelEnd !== null && this.#beginTunnel(x, x.tunnelEnd)) return;
    if (this.#context.isDraining || this.#hasSaidAll || !this.#asked.keepsAlive) this.#isLast = true;
    if (!this.#reader.isDone && this.#isRestTooMuch()) this.#isLast = true;
    this.#writer.begin(x, this.#isLast);
    if (this.#writer.events === null) return;
    this.forwardingLines = "";
    if (this.#context.isDraining) this.#writer.events.finish("drained");
  }

  /** The backend has changed the protocol: from here on bytes pass both ways. False where a policy has made another reply of it. */
  #beginTunnel(x: WireExchange, backend: TunnelEnd): boolean {
    if (x.reply?.status !== 101) {
      x.dropBackend();
      return false;
    }
    x.tunnelEnd = null;
    x.backendSide = null;
    // No other request comes: what was kept for it is only memory.
    this.forwardingLines = "";
    this.#phase = "tunnel";
    this.#writer.upgrade(x, backend.protocol);
    const early = this.#held === null ? null : Buffer.from(this.#held.subarray(this.#heldFrom));
    this.#held = null;
    // What comes before the backend's first bytes have gone out waits in the socket.
    this.#socket.pause();
    const end = new SocketEnd(backend.protocol, this.#socket, early, this.#hasEnded);
    this.#end = end;
    this.#tunnel = new Tunnel(end, backend, x.streams, this.#context, (tunnel) => this.#tunnelDone(x, tunnel));
    this.#context.streams.upgraded++;
    this.#tunnel.start();
    if (this.#context.isDraining) this.#tunnel.close("drained");
    return true;
  }

  #tunnelDone(x: WireExchange, tunnel: Tunnel): void {
    this.#context.streams.upgraded--;
    if (this.#x === x) this.#finish(x, tunnel.isAborted);
  }

  /** The rest of the request body is not worth reading for the sake of the connection. */
  #isRestTooMuch(): boolean {
    // RFC 9110 section 10.1.1: a body that was announced with `Expect` and not asked for may come or not: nobody knows where the next
    // request begins.
    if (this.#asked.expectsContinue) return true;
    const { framing, left, sink } = this.#reader;
    return sink === null && framing === "length" && left > this.#context.limits.unreadBodyBytesMax;
  }

  // ---- BodySource: the request's body

  start(sink: BodySink, isRaw: boolean): void {
    const reader = this.#reader;
    reader.sink = sink;
    reader.isRaw = isRaw;
    const fault = this.isGone ? clientGone() : this.#bodyFault;
    if (fault !== null) {
      sink.fail(fault);
      return;
    }
    if (this.#asked.expectsContinue) {
      this.#asked.expectsContinue = false;
      if (this.#held === null && !reader.isDone) this.#socket.write(continueText, "latin1");
    }
    this.#context.wheel.set(this, this.#context.limits.bodyStallMs);
    this.#feedBody();
    this.#flow();
  }

  resume(): void {
    if (!this.#reader.isBlocked) return;
    this.#reader.isBlocked = false;
    if (!this.#reader.isDone) this.#context.wheel.set(this, this.#context.limits.bodyStallMs);
    this.#advance();
  }

  cancel(): void {
    if (this.#reader.sink === null) return;
    this.#reader.sink = noSink;
    this.resume();
  }

  // ---- Timed

  expire(): void {
    if (this.#phase === "head") this.#refuseHead("request.timeout");
    else if (this.#phase === "busy" && this.#x !== null) this.#expireBusy(this.#x);
    else if (this.#phase === "discard") this.#linger();
    else this.#destroy();
  }

  /** Either the client sends its body too slowly, or takes the reply too slowly, or has half closed and waits too long. */
  #expireBusy(x: WireExchange): void {
    if (x.isConcluded || this.#hasEnded) {
      this.#destroy();
      return;
    }
    this.#failBody(new Fault("request.timeout", { public: "The body did not arrive within the limit.", status: 408 }));
  }

  // ---- events of the socket

  #received(bytes: Buffer): void {
    if (this.#phase === "linger" || this.#phase === "closed") return;
    if (this.#end !== null) {
      this.#end.received(bytes);
      return;
    }
    if (this.#held === null) {
      this.#held = bytes;
      this.#heldFrom = 0;
      const { isDone, isBlocked, sink } = this.#reader;
      if (this.#phase === "busy" && sink !== null && !isDone && !isBlocked) {
        this.#advance();
        if (this.#reader.wholeFed === bytes) this.#context.blocks.passed(bytes, sink, this.#reader.lent);
        return;
      }
    } else {
      // The client sends ahead: no more than this is taken before it is its turn.
      this.#held = Buffer.concat([this.#held.subarray(this.#heldFrom), bytes]);
      this.#heldFrom = 0;
      this.#pause();
    }
    this.#advance();
  }

  #ended(): void {
    this.#hasEnded = true;
    this.#end?.ended();
    if (this.#phase === "idle" || this.#phase === "discard") this.#linger();
    else if (this.#phase === "linger") this.#destroy();
    else if (this.#phase === "head") this.#refuseHead("request.head_invalid");
    else if (this.#phase === "busy") this.#endedBusy();
  }

  /** RFC 9112 section 8: a body that ends before its length is incomplete. With a whole request the client may still read the reply. */
  #endedBusy(): void {
    const isIncomplete = !this.#reader.isDone && this.#held === null;
    if (isIncomplete) {
      this.#failBody(bodyEnded());
      return;
    }
    if (this.#hasSaidAll) this.#isLast = true;
    // Who reads events to their end does not close its side: it has gone, and a quiet stream would not notice.
    if (this.#writer.events !== null) this.#destroy();
    else if (this.#x?.isConcluded === false) this.#context.wheel.set(this, this.#context.limits.halfClosedMs);
  }

  #drained(): void {
    if (this.#phase === "closed") return;
    if (this.#end !== null) {
      this.#end.drained();
      return;
    }
    const { wheel, limits } = this.#context;
    if (this.#phase === "idle") wheel.set(this, this.#idleMs);
    else if (this.#phase === "linger") wheel.set(this, limits.lingerMs);
    else if (this.#phase === "busy") wheel.clear(this);
    this.#writer.drained();
    this.#advance();
  }

  #closed(): void {
    if (this.isGone) return;
    this.isGone = true;
    const wasBusy = this.#phase === "busy";
    this.#phase = "closed";
    this.#held = null;
    this.#collector.clear();
    this.#context.wheel.remove(this);
    this.#whenClosed(this);
    if (this.#end !== null) {
      // The tunnel finishes the exchange.
      this.#end.closed();
      return;
    }
    const x = this.#x;
    if (x === null) return;
    if (!wasBusy) {
      // A head that was never complete: there is nothing to tell anybody.
      this.#x = null;
      this.#context.giveBack(x);
      return;
    }
    const sink = this.#reader.isDone ? null : this.#reader.sink;
    this.#writer.abandon();
    x.dropBackend();
    sink?.fail(clientGone());
    // Not concluded: the run still decides, and its conclusion finishes the exchange.
    if (x.isConcluded && this.#x === x) this.#finish(x, true);
  }

  // ---- the way of a request

  /** Consumes what has come, as far as the phase allows. Runs in one loop, so that a row of pipelined requests builds no stack. */
  #advance(): void {
    if (this.#isAdvancing) return;
    this.#isAdvancing = true;
    while (this.#step()) {}
    this.#isAdvancing = false;
    this.#flow();
  }

  #step(): boolean {
    switch (this.#phase) {
      case "idle":
      case "head":
        if (this.#held === null || this.#writer.isStalled) return false;
        return this.#readHead(this.#held);
      case "busy":
        if (this.#held === null || this.#reader.isDone || this.#reader.sink === null || this.#reader.isBlocked)
          return false;
        this.#feedBody();
        return true;
      case "discard":
        if (this.#reader.isDone) {
          this.#next();
          return true;
        }
        if (this.#held === null) return false;
        this.#feedBody();
        return true;
      default:
        this.#held = null;
        return false;
    }
  }

  #readHead(bytes: Buffer): boolean {
    const x = this.#x ?? this.#take();
    const { head } = x.request;
    const result = this.#collector.scan(head, bytes, this.#heldFrom, this.#context.limits, scanRequestHead);
    this.#held = null;
    if (result === "incomplete") {
      if (this.#phase === "idle") {
        this.#phase = "head";
        this.#context.wheel.set(this, this.#context.limits.headTimeoutMs);
      }
      if (this.#hasEnded) this.#refuseHead("request.head_invalid");
      return false;
    }
    if (result !== "complete") {
      if (result !== "version" || !this.#becomeHttp2(x)) this.#refuseHead(codeOfScan(result));
      return false;
    }
    if (head.end < head.bytes.length) {
      this.#held = head.bytes;
      this.#heldFrom = head.end;
    }
    this.#headBytes = head.end - head.start;
    this.#beginRequest(x);
    return true;
  }

  /** RFC 9113 section 3.3: a client that knows beforehand begins with the preface of HTTP/2. Only as the first bytes of a connection. */
  #becomeHttp2(x: WireExchange): boolean {
    const { head } = x.request;
    const early = Buffer.from(head.bytes.subarray(head.start));
    if (this.#headBytes > 0 || !early.subarray(0, prefaceLine.length).equals(prefaceLine)) return false;
    this.#x = null;
    x.client = null;
    this.#context.giveBack(x);
    this.#collector.clear();
    this.#context.wheel.remove(this);
    this.#phase = "tunnel";
    const end = this.#context.speakHttp2(this.#socket, this);
    this.#end = end;
    end.received(early);
    if (this.#hasEnded) end.ended();
    return true;
  }

  #take(): WireExchange {
    const x = this.#context.take();
    x.client = this;
    x.request.scheme = this.scheme;
    x.request.clientIp = this.address;
    x.request.tls = this.tls;
    this.#x = x;
    return x;
  }

  #beginRequest(x: WireExchange): void {
    this.#identify(x);
    const { request } = x;
    const refused = acceptRequest(request, this.#asked);
    x.isHead = request.method === "HEAD";
    if (this.isPeerTrusted) {
      request.clientIp = clientBehind(
        this.address,
        request.fields.getAll("x-forwarded-for"),
        this.#context.isTrustedProxy,
      );
    }
    if (this.tls !== null && refused === "" && !this.tls.serves(request.host)) {
      this.#reader.begin("none", 0, 0);
      this.#refuse(x, "request.misdirected");
      return;
    }
    if (refused !== "") {
      this.#reader.begin("none", 0, 0);
      this.#refuse(x, refused, refused === "request.upgrade_version" ? [["sec-websocket-version", "13"]] : []);
      return;
    }
    const { framing, bodyLength } = request.head;
    const { bodyBytesMax } = this.#context.limits;
    this.#bodyFault = null;
    this.#reader.begin(framing, bodyLength, bodyBytesMax);
    if (framing !== "none") {
      if (bodyLength > bodyBytesMax) {
        this.#refuse(x, "request.body_too_large");
        return;
      }
      this.framing = framing;
      this.length = bodyLength;
      request.body.source = this;
    }
    if (this.#hasEnded) this.#context.wheel.set(this, this.#context.limits.halfClosedMs);
    else this.#context.wheel.clear(this);
    this.#phase = "busy";
    this.#context.dispatch(x);
  }

  #identify(x: WireExchange): void {
    const { clock } = this.#context;
    x.id = this.#context.nextId();
    x.startedAtMs = clock.nowMs();
    x.startedMonotonicMs = clock.monotonicMs();
  }

  /** A head that never became a request: the exchange exists only to be answered, counted and forgotten. */
  #refuseHead(code: GatewayProblemCode): void {
    const x = this.#x ?? this.#take();
    this.#identify(x);
    this.#headBytes = this.#collector.length;
    this.#collector.clear();
    this.#held = null;
    this.#reader.begin("none", 0, 0);
    // Whatever the offsets point to is not a request.
    x.request.head.release();
    x.request.method = "";
    this.#refuse(x, code);
  }

  #refuse(x: WireExchange, code: GatewayProblemCode, headers: Reply["headers"] = []): void {
    this.#isLast = true;
    this.#asked.keepsAlive = false;
    this.#phase = "busy";
    x.route = noRoute;
    x.isReusable = true;
    x.answer(refuse(code, { headers }));
  }

  /** Hands on what has come of the body. */
  #feedBody(): void {
    const reader = this.#reader;
    const held = this.#held;
    if (reader.isDone || held === null || reader.isBlocked) return;
    const isDiscarding = this.#phase === "discard";
    if (isDiscarding) reader.sink = noSink;
    if (reader.sink === null) return;
    const from = this.#heldFrom;
    // While the sink works, nothing counts as held: what it causes may come back here.
    this.#held = null;
    const to = reader.feed(held, from);
    if (this.#phase === "closed") return;
    if (to < held.length) {
      this.#held = held;
      this.#heldFrom = to;
    }
    if (reader.problem !== "") {
      this.#failBody(bodyFault(reader.problem));
      return;
    }
    if (isDiscarding) {
      this.#discarded += to - from;
      if (this.#discarded > this.#context.limits.unreadBodyBytesMax) this.#linger();
      return;
    }
    if (this.#x?.isConcluded === false) {
      // Only a client that is awaited can be late.
      if (reader.isDone || reader.isBlocked) this.#context.wheel.clear(this);
      else this.#context.wheel.set(this, this.#context.limits.bodyStallMs);
    }
    if (reader.isDone) reader.sink?.end(reader.trailers);
    else if (this.#hasSaidAll) this.#failBody(bodyEnded());
  }

  /** The request body broke off or is not legal: 4xx where no reply is out, otherwise the connection ends visibly. */
  #failBody(why: Fault): void {
    const x = this.#x;
    if (x === null || this.#phase === "discard" || x.isConcluded) {
      if (this.#phase === "discard") this.#linger();
      else this.#destroy();
      return;
    }
    this.#isLast = true;
    this.#held = null;
    const { sink } = this.#reader;
    this.#reader.begin("none", 0, 0);
    if (sink !== null) {
      // Whoever takes the body decides what the call's answer is: the run gets the fault.
      sink.fail(why);
      return;
    }
    // Nobody has asked for it yet: whoever does is told.
    this.#bodyFault = why;
  }

  /** The reply will never be whole. Where nothing of it is out, the client is told so (RFC 9110 section 15.6.3). */
  broken(why: Fault | null): void {
    const x = this.#x;
    if (why === null || x === null) {
      this.#destroy();
      return;
    }
    x.takePlace(refuse(why.code === "policy.fault" ? "policy.fault" : "backend.reply_invalid"));
    this.#writer.begin(x, this.#isLast);
  }

  /** The reply's last byte has been written. */
  replied(): void {
    const x = this.#x;
    if (x === null) return;
    if (this.#writer.isLast) this.#isLast = true;
    this.#finish(x, false);
    if (this.#isLast) {
      this.#linger();
      return;
    }
    this.#discarded = 0;
    this.#phase = "discard";
    if (this.#reader.isDone) this.#next();
    else {
      this.#reader.sink = noSink;
      this.#reader.isBlocked = false;
      this.#context.wheel.set(this, this.#context.limits.lingerMs);
      this.#advance();
    }
  }

  #next(): void {
    this.#phase = "idle";
    if (this.#hasSaidAll) {
      this.#linger();
      return;
    }
    this.#context.wheel.set(this, this.#writer.isStalled ? this.#context.limits.writeStallMs : this.#idleMs);
    this.#advance();
  }

  #finish(x: WireExchange, isAborted: boolean): void {
    this.#x = null;
    const tunnel = this.#tunnel;
    const outcome = {
      status: this.#writer.sentStatus,
      isAborted,
      requestBytes: this.#headBytes + this.#reader.counted + (tunnel === null ? 0 : tunnel.bytesUp),
      responseBytes: this.#writer.bytes + (tunnel === null ? 0 : tunnel.bytesDown),
      durationMs: this.#context.clock.monotonicMs() - x.startedMonotonicMs,
      stream: tunnel === null && this.#writer.events === null ? null : streamFacts(tunnel, this.#writer.events),
    };
    this.#writer.reset();
    this.#reader.letGo();
    x.finish(outcome);
    this.#context.finished(x, outcome);
    const isReusable = x.isReusable && !isAborted && x.request.body.isUntouched;
    x.client = null;
    if (isReusable) this.#context.giveBack(x);
  }

  // ---- reading and closing

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  /** Reads on where somebody wants the bytes. */
  #flow(): void {
    if (this.#phase === "closed") return;
    const isBodyBlocked = this.#reader.isBlocked && !this.#reader.isDone;
    if (isBodyBlocked) {
      this.#pause();
      return;
    }
    if (this.#isPaused && this.#held === null) {
      this.#isPaused = false;
      this.#socket.resume();
    }
  }

  stalled(isStalled: boolean): void {
    if (isStalled) this.#context.wheel.set(this, this.#context.limits.writeStallMs);
  }

  /** RFC 9112 section 9.6: closes our side, reads theirs for a while, so that a reset does not overtake the reply. */
  #linger(): void {
    if (this.#phase === "linger" || this.#phase === "closed") return;
    this.#phase = "linger";
    this.#held = null;
    this.#socket.end();
    this.#context.wheel.set(
      this,
      Math.max(this.#context.limits.lingerMs, this.#writer.isStalled ? this.#context.limits.writeStallMs : 0),
    );
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#socket.resume();
    }
  }

  #destroy(): void {
    if (this.#phase === "closed") return;
    this.#socket.destroy();
    this.#closed();
  }
}

const streamFacts = (tunnel: Tunnel | null, events: EventStream | null): StreamFacts => ({
  kind: tunnel === null ? "events" : "upgrade",
  protocol: tunnel?.protocol ?? "",
  ending: tunnel?.reason ?? events?.ending ?? "backend",
  closeCode: tunnel?.closeCode ?? 0,
});

const clientGone = (): Fault =>
  new Fault("request.body_invalid", { public: "The client closed the connection.", status: 400 });

const bodyEnded = (): Fault =>
  new Fault("request.body_invalid", { public: "The body ended before its length.", status: 400 });

const bodyFault = (problem: "bad" | "too-large"): Fault =>
  problem === "bad"
    ? new Fault("request.body_invalid", { public: "The chunked body is malformed.", status: 400 })
    : new Fault("request.body_too_large", { public: "The body exceeds the limit.", status: 413 });
