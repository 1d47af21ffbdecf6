import { Fault } from "../../base/fault.ts";
import type { GatewayProblemCode } from "../../exchange/problems.ts";
import { refuse } from "../../exchange/refuse.ts";
import { type Asked, acceptRequest, codeOfScan } from "../wire/accept-request.ts";
import type { WireContext } from "../wire/context.ts";
import { EventStream, isEventStream } from "../wire/event-stream.ts";
import { clientBehind } from "../wire/forwarding.ts";
import { grpcKindOf, grpcMessageOf, grpcStatusOf } from "../wire/grpc.ts";
import { scanRequestHead } from "../wire/head.ts";
import { IterableSource } from "../wire/iterable-source.ts";
import { kindContentLength, kindExpect } from "../wire/known-names.ts";
import { applyLateFields } from "../wire/late-fields.ts";
import { latin1Of, writeLatin1 } from "../wire/latin1.ts";
import { composeReply } from "../wire/reply-head.ts";
import type { BodySource, ClientSide, TlsFacts } from "../wire/sides.ts";
import type { Timed } from "../wire/wheel.ts";
import { noRoute, type WireExchange } from "../wire/wire-exchange.ts";
import type { WireReply } from "../wire/wire-reply.ts";
import { errors } from "./frames.ts";
import type { H2Session } from "./h2-session.ts";
import type { H2Stream, StreamEvents } from "./h2-stream.ts";

/** What the streams of a connection share. */
export interface ServerPeer {
  readonly scheme: "http" | "https";
  readonly address: string;
  readonly isPeerTrusted: boolean;
  readonly tls: TlsFacts | null;
  readonly asked: Asked;
  readonly session: H2Session;
  forwardingHost: string;
  forwardingLines: string;
}

/** One stream of a client: carries one exchange. */
export class ServerStream implements ClientSide, StreamEvents, Timed {
  readonly protocol = "2";
  deadlineMs = 0;
  wheelTick = -1;
  wheelNext: Timed | null = null;
  wheelPrevious: Timed | null = null;
  isGone = false;
  readonly #peer: ServerPeer;
  readonly #context: WireContext;
  #stream: H2Stream | null = null;
  #x: WireExchange | null = null;
  #headBytes = 0;
  #replyBytes = 0;
  #sentStatus = 0;
  #expectsContinue = false;
  #events: EventStream | null = null;
  #bodyFault: Fault | null = null;
  readonly #plan = { keepsLength: false, keepsEncoding: false, lines: "" };

  constructor(peer: ServerPeer, context: WireContext) {
    this.#peer = peer;
    this.#context = context;
  }

  get scheme(): "http" | "https" {
    return this.#peer.scheme;
  }

  get address(): string {
    return this.#peer.address;
  }

  get isPeerTrusted(): boolean {
    return this.#peer.isPeerTrusted;
  }

  get forwardingHost(): string {
    return this.#peer.forwardingHost;
  }

  set forwardingHost(host: string) {
    this.#peer.forwardingHost = host;
  }

  get forwardingLines(): string {
    return this.#peer.forwardingLines;
  }

  set forwardingLines(lines: string) {
    this.#peer.forwardingLines = lines;
  }

  // ---- the request

  open(id: number, isEnd: boolean): void {
    const stream = this.#peer.session.open(id, this);
    stream.hasHead = true;
    stream.isRemoteEnd = isEnd;
    this.#stream = stream;
  }

  /** `text`: the head as HTTP/1.1 writes it. From here on the request is like any other. */
  begin(text: string, isEnd: boolean, headBytes: number): void {
    const stream = this.#stream;
    if (stream === null) return;
    const x = this.#take(headBytes);
    const { request } = x;
    const { head } = request;
    const bytes = Buffer.allocUnsafe(text.length);
    writeLatin1(bytes, text, 0);
    head.begin(bytes, 0);
    const { limits } = this.#context;
    // Lines of HTTP/1.1 are shorter than the octets that count in HTTP/2: only the latter is a limit here.
    const scanned = scanRequestHead(head, bytes.length, {
      headBytesMax: Number.MAX_SAFE_INTEGER,
      targetBytesMax: limits.targetBytesMax,
      headerCountMax: limits.headerCountMax,
    });
    if (scanned !== "complete") {
      this.#refuseTaken(x, codeOfScan(scanned));
      return;
    }
    const { asked } = this.#peer;
    const refused = acceptRequest(request, asked);
    x.isHead = request.method === "HEAD";
    if (refused === "request.framing_invalid" || (isEnd && head.bodyLength > 0)) {
      // Section 8.1.1: a length that is none, or that no body follows.
      this.#malformed(x);
      return;
    }
    if (this.isPeerTrusted) {
      const { isTrustedProxy } = this.#context;
      request.clientIp = clientBehind(this.address, request.fields.getAll("x-forwarded-for"), isTrustedProxy);
    }
    // A connection may carry requests to any host (RFC 9113 section 9.1.1), but not past the rules of another's handshake.
    if (refused === "" && this.#peer.tls !== null && !this.#peer.tls.serves(request.host)) {
      this.#refuse(x, "request.misdirected");
      return;
    }
    if (refused !== "") {
      this.#refuse(x, refused);
      return;
    }
    if (!isEnd && !this.#expectBody(x, stream)) return;
    this.#context.dispatch(x);
  }

  #expectBody(x: WireExchange, stream: H2Stream): boolean {
    const { head } = x.request;
    const hasLength = (head.known[kindContentLength] ?? -1) >= 0;
    if (hasLength) stream.lengthExpected = head.bodyLength;
    if (hasLength && head.bodyLength > this.#context.limits.bodyBytesMax) {
      this.#refuse(x, "request.body_too_large");
      return false;
    }
    stream.framing = hasLength && head.bodyLength > 0 ? "length" : "close";
    stream.length = head.bodyLength;
    this.#expectsContinue = (head.known[kindExpect] ?? -1) >= 0;
    x.request.body.source = new RequestSource(stream, this);
    return true;
  }

  /** A head that has too much of something: answered, and counted. */
  refuseHead(code: GatewayProblemCode, headBytes: number): void {
    this.#refuseTaken(this.#take(headBytes), code);
  }

  #refuseTaken(x: WireExchange, code: GatewayProblemCode): void {
    x.request.head.release();
    x.request.method = "";
    this.#refuse(x, code);
  }

  refuseMalformed(headBytes: number): void {
    this.#malformed(this.#take(headBytes));
  }

  /** A stream error: nobody but the log hears of the request. */
  #malformed(x: WireExchange): void {
    x.request.head.release();
    x.request.method = "";
    x.request.host = "";
    x.isConcluded = true;
    x.isReusable = true;
    x.fault = { code: "request.head_invalid", source: "", section: "", message: "The request is malformed." };
    const stream = this.#stream;
    if (stream !== null) this.#peer.session.streamError(stream, errors.protocol);
  }

  #take(headBytes: number): WireExchange {
    const { clock } = this.#context;
    const x = this.#context.take();
    x.client = this;
    x.request.scheme = this.scheme;
    x.request.clientIp = this.address;
    x.request.tls = this.#peer.tls;
    x.id = this.#context.nextId();
    x.startedAtMs = clock.nowMs();
    x.startedMonotonicMs = clock.monotonicMs();
    this.#x = x;
    this.#headBytes = headBytes;
    return x;
  }

  #refuse(x: WireExchange, code: GatewayProblemCode): void {
    x.route = noRoute;
    x.isReusable = true;
    x.answer(refuse(code));
  }

  /** Somebody begins to read the body. */
  bodyWanted(): Fault | null {
    if (this.isGone) return clientGone();
    if (this.#bodyFault !== null) return this.#bodyFault;
    const stream = this.#stream;
    if (stream !== null && this.#expectsContinue) {
      this.#expectsContinue = false;
      if (stream.bytesIn === 0 && !stream.isRemoteEnd) this.#peer.session.sendStatus(stream, 100, "", 0, false);
    }
    this.#context.wheel.set(this, this.#context.limits.bodyStallMs);
    return null;
  }

  // ---- ClientSide

  send(): void {
    const x = this.#x;
    const stream = this.#stream;
    if (x === null) return;
    if (this.isGone || stream === null) {
      x.dropBackend();
      this.#finish(x, true);
      return;
    }
    this.#context.wheel.clear(this);
    const { reply } = x;
    if (reply === null) return;
    applyLateFields(x, reply);
    const plan = this.#plan;
    plan.lines = `X-Request-Id: ${x.id}\r\n`;
    const { replaced } = reply.body;
    if (replaced === undefined) this.#pass(x, reply, stream);
    else if (replaced === null || typeof replaced === "string" || replaced instanceof Uint8Array)
      this.#whole(x, reply, stream, replaced);
    else this.#iterate(x, reply, stream, replaced);
  }

  /** The body of a backend, as it comes. */
  #pass(x: WireExchange, reply: WireReply, stream: H2Stream): void {
    const source = reply.body.takeSource();
    if (isBodiless(x, reply)) {
      source?.cancel();
      // RFC 9110 section 8.6: never with 204.
      this.#plan.keepsLength = reply.status !== 204;
      this.#sendHead(reply, stream, true);
      return;
    }
    if (source === null) {
      this.#plan.keepsLength = reply.head.status !== 204 && reply.head.status !== 304;
      this.#sendHead(reply, stream, true);
      return;
    }
    this.#plan.keepsLength = source.framing === "length";
    if (source.framing !== "length" && isEventStream(reply.head)) {
      const { wheel, limits, streams } = this.#context;
      const events = new EventStream(source, x.streams, wheel, limits.lingerMs);
      this.#events = events;
      streams.events++;
      this.#run(reply, stream, events);
    } else this.#run(reply, stream, source);
  }

  #whole(x: WireExchange, reply: WireReply, stream: H2Stream, replaced: string | Uint8Array | null): void {
    const bytes = typeof replaced === "string" ? Buffer.from(replaced) : replaced;
    const { status } = reply;
    const length = bytes?.byteLength ?? 0;
    if (status !== 204 && status !== 304) this.#plan.lines += `Content-Length: ${length}\r\n`;
    if (bytes === null || length === 0 || isBodiless(x, reply)) {
      this.#sendHead(reply, stream, true);
      return;
    }
    this.#sendHead(reply, stream, false);
    stream.take(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    stream.end("");
  }

  #iterate(x: WireExchange, reply: WireReply, stream: H2Stream, body: AsyncIterable<Uint8Array>): void {
    const source = new IterableSource(body);
    if (isBodiless(x, reply)) {
      source.cancel();
      this.#sendHead(reply, stream, true);
      return;
    }
    this.#run(reply, stream, source);
  }

  #run(reply: WireReply, stream: H2Stream, source: BodySource): void {
    stream.source = source;
    // The head waits for the first bytes: a body that breaks off before them can still be told about properly.
    stream.sendHead = () => this.#sendHead(reply, stream, false);
    source.start(stream, false);
    stream.flushHead();
  }

  #sendHead(reply: WireReply, stream: H2Stream, isEnd: boolean): void {
    const head = composeReply(reply, this.#plan, null, this.#context);
    const text = latin1Of(head, 0, head.length);
    this.#sentStatus = reply.status;
    const from = text.indexOf("\r\n") + 2;
    this.#replyBytes += this.#peer.session.sendStatus(stream, reply.status, text, from, isEnd);
    if (isEnd) this.sent();
  }

  // ---- StreamEvents

  moved(): void {
    const stream = this.#stream;
    const x = this.#x;
    if (stream === null || x === null) return;
    if (stream.bytesIn > this.#context.limits.bodyBytesMax) {
      this.#failBody(new Fault("request.body_too_large", { public: "The body exceeds the limit.", status: 413 }));
      return;
    }
    if (x.isConcluded) return;
    if (stream.isWaiting) this.#context.wheel.set(this, this.#context.limits.bodyStallMs);
    else this.#context.wheel.clear(this);
  }

  sent(): void {
    const x = this.#x;
    const stream = this.#stream;
    if (x === null) return;
    this.#finish(x, false);
    // Section 8.1: the reply is whole, the rest of the request is not wanted.
    if (stream !== null && !stream.isRemoteEnd) this.#peer.session.reset(stream, errors.none);
  }

  broken(_code: number): void {
    if (this.isGone) return;
    this.isGone = true;
    const x = this.#x;
    const stream = this.#stream;
    this.#context.wheel.remove(this);
    if (x === null || stream === null) return;
    const { source } = stream;
    stream.source = null;
    source?.cancel();
    x.dropBackend();
    stream.failBody(clientGone());
    if (x.isConcluded && this.#x === x) this.#finish(x, true);
  }

  unwanted(): void {}

  /** A head that is out cannot be taken back; gRPC has a place for it behind the body, everything else breaks off visibly. */
  sendingFailed(why: Fault): void {
    const stream = this.#stream;
    const x = this.#x;
    if (stream === null || x === null) return;
    if (this.#sentStatus === 0) {
      x.takePlace(refuse(why.code === "policy.fault" ? "policy.fault" : "backend.reply_invalid"));
      stream.sendHead = null;
      this.send();
      return;
    }
    if (grpcKindOf(x.request.head) === "grpc") {
      const status = grpcStatusOf(why.status, why.code, x.request.headers.has("grpc-timeout"));
      stream.end(`grpc-status: ${status}\r\ngrpc-message: ${grpcMessageOf(why.message)}\r\n`);
      return;
    }
    this.#peer.session.reset(stream, errors.internal, true);
  }

  /** The gateway ends: streams of events end where an event ends. */
  drain(): void {
    this.#events?.finish("drained");
  }

  // ---- Timed

  expire(): void {
    const x = this.#x;
    if (x === null || x.isConcluded) return;
    this.#failBody(new Fault("request.timeout", { public: "The body did not arrive within the limit.", status: 408 }));
  }

  #failBody(why: Fault): void {
    const stream = this.#stream;
    if (stream === null) return;
    this.#bodyFault = why;
    stream.failBody(why);
    if (this.#x?.isConcluded === true && this.#stream !== null) this.#peer.session.reset(stream, errors.cancel, true);
  }

  #finish(x: WireExchange, isAborted: boolean): void {
    this.#x = null;
    const stream = this.#stream;
    this.#stream = null;
    this.#context.wheel.remove(this);
    const events = this.#events;
    if (events !== null) this.#context.streams.events--;
    this.#events = null;
    const outcome = {
      status: this.#sentStatus,
      isAborted,
      requestBytes: this.#headBytes + (stream?.bytesIn ?? 0),
      responseBytes: this.#replyBytes + (stream?.bytesOut ?? 0),
      durationMs: this.#context.clock.monotonicMs() - x.startedMonotonicMs,
      stream: events === null ? null : ({ kind: "events", protocol: "", ending: events.ending, closeCode: 0 } as const),
    };
    x.finish(outcome);
    this.#context.finished(x, outcome);
    const isReusable = x.isReusable && !isAborted && x.request.body.isUntouched;
    x.client = null;
    if (isReusable) this.#context.giveBack(x);
  }
}

/** The body of a request: asks for it only when somebody reads it. */
class RequestSource implements BodySource {
  readonly framing: BodySource["framing"];
  readonly length: number;
  readonly #stream: H2Stream;
  readonly #owner: ServerStream;

  constructor(stream: H2Stream, owner: ServerStream) {
    this.framing = stream.framing;
    this.length = stream.length;
    this.#stream = stream;
    this.#owner = owner;
  }

  start(sink: Parameters<BodySource["start"]>[0]): void {
    const fault = this.#owner.bodyWanted();
    if (fault === null) this.#stream.start(sink);
    else sink.fail(fault);
  }

  resume(): void {
    this.#stream.resume();
  }

  cancel(): void {
    this.#stream.cancel();
  }
}

const isBodiless = (x: WireExchange, { status }: WireReply): boolean => x.isHead || status === 204 || status === 304;

const clientGone = (): Fault =>
  new Fault("request.body_invalid", { public: "The client closed the stream.", status: 400 });
