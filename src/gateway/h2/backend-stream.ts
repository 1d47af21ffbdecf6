import { Fault } from "../../base/fault.ts";
import { type GatewayProblemCode, gatewayProblems } from "../../exchange/problems.ts";
import { refuse } from "../../exchange/refuse.ts";
import type { CallSubject, Sending } from "../upstream/call-subject.ts";
import { redirectPath } from "../upstream/redirect.ts";
import { prepareSend } from "../upstream/sending.ts";
import type { TraceIds } from "../upstream/trace-ids.ts";
import { abandoned, type UpstreamCall } from "../upstream/upstream-call.ts";
import type { BlockPool } from "../wire/block-pool.ts";
import { isEventStream } from "../wire/event-stream.ts";
import { frameReply } from "../wire/framing.ts";
import { grpcKindOf, grpcTimeoutMs } from "../wire/grpc.ts";
import { type Framing, type Head, type HeadLimits, scanReplyHead } from "../wire/head.ts";
import { writeLatin1 } from "../wire/latin1.ts";
import type { BackendSide, BodySink, BodySource } from "../wire/sides.ts";
import type { Timed, Wheel } from "../wire/wheel.ts";
import { replyHeadOf } from "./block-heads.ts";
import type { FieldBlock } from "./field-block.ts";
import { errors } from "./frames.ts";
import { type GrpcWebReply, translateRequest } from "./grpc-web.ts";
import type { H2Session } from "./h2-session.ts";
import type { H2Stream, StreamEvents } from "./h2-stream.ts";
import type { HpackEncoder } from "./hpack-encoder.ts";

/** What a stream needs of the connection that carries it. */
export interface StreamConnection {
  readonly session: H2Session;
  nextId(): number;
  /** Asks the backend whether it is still there. */
  ask(): void;
}

/** What a connection needs of its pool. */
export interface BackendPool {
  readonly name: string;
  readonly isTls: boolean;
  readonly wheel: Wheel;
  readonly blocks: BlockPool;
  readonly traceIds: TraceIds;
  readonly headLimits: HeadLimits;
  readonly replyStallMs: number;
  readonly idleTimeoutMs: number;
  readonly connectTimeoutMs: number;
  /** The connection can carry another call. */
  hasRoom(connection: StreamConnection): void;
  /** The connection takes no more calls. */
  leaveShared(connection: StreamConnection): void;
  forgetShared(connection: StreamConnection): void;
  send(call: UpstreamCall): void;
  resend(call: UpstreamCall): void;
}

/** Interim replies before the final one: more are a fault. */
const interimMax = 16;
const eventStallMarginMs = 1_000;

/** One call on a connection of HTTP/2: its request there, its reply back. */
export class BackendStream implements StreamEvents, BodySink, BodySource, BackendSide, Timed {
  deadlineMs = 0;
  wheelTick = -1;
  wheelNext: Timed | null = null;
  wheelPrevious: Timed | null = null;
  framing: Framing = "none";
  length = 0;
  readonly #connection: StreamConnection;
  readonly #pool: BackendPool;
  readonly #call: UpstreamCall;
  readonly #isReused: boolean;
  #stream: H2Stream | null = null;
  #x: CallSubject | null = null;
  #phase: "waiting" | "replying" | "over" = "waiting";
  #sink: BodySink | null = null;
  #interims = 0;
  #stallMs = 0;
  /** When the client's own deadline passes, on the wheel's clock; 0: it set none. */
  #endsAtMs = 0;
  #web: GrpcWebReply | null = null;

  constructor(connection: StreamConnection, pool: BackendPool, call: UpstreamCall, isReused: boolean) {
    this.#connection = connection;
    this.#pool = pool;
    this.#call = call;
    this.#isReused = isReused;
  }

  /** Sends the request. False where there was nothing to send: the call is settled. */
  begin(): boolean {
    const call = this.#call;
    const { x } = call;
    x.record?.upstream(call, "sent", this.#pool.name);
    call.isContinuing = false;
    const prepared = call.prepared ?? prepareSend(call, this.#pool.traceIds);
    if (!("head" in prepared)) {
      call.settle(prepared);
      return false;
    }
    if (call.upgrade !== "") {
      // A stream of HTTP/2 does not change its protocol.
      call.settle(refuse("request.upgrade_refused"));
      return false;
    }
    const id = this.#connection.nextId();
    if (id === 0) {
      this.#pool.resend(call);
      return true;
    }
    const { session } = this.#connection;
    const stream = session.open(id, this);
    this.#stream = stream;
    this.#x = x;
    x.backendSide = this;
    x.replyInTheMaking.reset();
    const kind = grpcKindOf(x.request.head);
    const timeoutMs = kind === "" ? -1 : grpcTimeoutMs(x.request.headers.get("grpc-timeout"));
    if (timeoutMs >= 0) this.#endsAtMs = this.#pool.wheel.nowMs + timeoutMs;
    this.#arm(call.timeoutMs);
    const translated = translateRequest(prepared, call.target.translatesGrpcWeb ? kind : "", (web) => {
      this.#web = web;
    });
    this.#send(translated, stream);
    return true;
  }

  #send(sending: Sending, stream: H2Stream): void {
    const { whole, source } = sending;
    const isEnd = whole === null && source === null;
    const { session } = this.#connection;
    session.sendHead(stream, (encoder) => writeRequest(encoder, sending.head, this.#pool.isTls), isEnd);
    if (isEnd) return;
    if (whole !== null) stream.take(whole);
    if (source === null) {
      stream.end("");
      return;
    }
    stream.source = source;
    source.start(this, false);
  }

  // ---- the request's body: BodySink

  get isFlushed(): boolean {
    return this.#stream?.isFlushed ?? true;
  }

  take(bytes: Buffer): boolean {
    const stream = this.#stream;
    if (stream === null || this.#phase === "over") return true;
    if (this.#phase === "waiting") this.#arm(this.#call.timeoutMs);
    return stream.take(bytes);
  }

  end(trailers: string): void {
    this.#stream?.end(trailers);
  }

  fail(why: Fault): void {
    if (this.#phase !== "waiting") {
      // The reply that is under way may end; the backend is told that this request will not be whole.
      this.#reset(errors.cancel, true);
      return;
    }
    this.#drop(errors.cancel);
    this.#call.settle(refuse(isProblemCode(why.code) ? why.code : "request.body_invalid"));
  }

  // ---- BackendSide

  abandon(): void {
    if (this.#phase === "over") return;
    if (this.#phase === "replying") {
      this.cancel();
      return;
    }
    this.#call.isAbandoned = true;
    this.#drop(errors.cancel);
    this.#call.settle(abandoned());
  }

  // ---- the reply

  head(block: FieldBlock, isEnd: boolean): void {
    const x = this.#x;
    const stream = this.#stream;
    if (x === null || stream === null) return;
    const plain = block.isMalformed || block.isTooLarge ? undefined : replyHeadOf(block);
    const text = plain === undefined || this.#web === null ? plain : this.#web.head(plain);
    const { head } = x.replyInTheMaking;
    if (text === undefined || !this.#scan(head, text) || !frameReply(head, x.request.method === "HEAD")) {
      this.#refuse("backend.reply_invalid", errors.protocol);
      return;
    }
    if (head.status < 200) {
      // RFC 9110 section 15.2: interim replies are skipped; none of them ends the message.
      if (isEnd || ++this.#interims > interimMax) this.#refuse("backend.reply_invalid", errors.protocol);
      return;
    }
    if (isEnd && head.framing === "length") {
      this.#refuse("backend.reply_invalid", errors.protocol);
      return;
    }
    this.#beginReply(x, stream, head, isEnd);
  }

  #scan(head: Head, text: string): boolean {
    const bytes = Buffer.allocUnsafe(text.length);
    writeLatin1(bytes, text, 0);
    head.begin(bytes, 0);
    const { headerCountMax } = this.#pool.headLimits;
    const limits = { headBytesMax: Number.MAX_SAFE_INTEGER, targetBytesMax: 0, headerCountMax };
    return scanReplyHead(head, bytes.length, limits) === "complete";
  }

  #beginReply(x: CallSubject, stream: H2Stream, head: Head, isEnd: boolean): void {
    const call = this.#call;
    stream.hasHead = true;
    stream.isRemoteEnd = isEnd;
    if (head.framing !== "close") stream.lengthExpected = head.framing === "length" ? head.bodyLength : 0;
    this.framing = head.framing;
    this.length = head.bodyLength;
    x.record?.upstream(call, "reply", String(head.status));
    const path = call.options.followRedirects === true ? redirectPath(x, head, call) : null;
    this.#phase = "replying";
    const isLong = grpcKindOf(head) !== "" || isEventStream(head);
    this.#stallMs = isLong ? x.streams.eventIdleMs + eventStallMarginMs : this.#pool.replyStallMs;
    if (path !== null) {
      call.path = path;
      call.redirectsLeft--;
      call.isContinuing = true;
      this.#drop(errors.cancel);
      x.replyInTheMaking.reset();
      this.#pool.send(call);
      return;
    }
    if (isEnd || head.framing === "none") {
      this.#complete();
      x.takeBackendReply(null);
      call.settle(undefined);
      return;
    }
    this.#arm(this.#stallMs);
    x.takeBackendReply(this);
    call.settle(undefined);
  }

  // ---- the reply's body: BodySource

  start(sink: BodySink): void {
    const stream = this.#stream;
    if (this.#phase !== "replying" || stream === null) {
      sink.fail(brokenOff());
      return;
    }
    this.#sink = sink;
    const ended = (trailers: string): void => {
      this.#sink = null;
      this.#complete();
      sink.end(trailers);
    };
    if (this.#web !== null) stream.start(this.#web.sink(sink, ended));
    else
      stream.start({
        get isFlushed() {
          return sink.isFlushed;
        },
        take: (bytes) => sink.take(bytes),
        end: ended,
        fail: (why) => sink.fail(why),
      });
    this.moved();
  }

  resume(): void {
    this.#stream?.resume();
    this.moved();
  }

  cancel(): void {
    if (this.#phase !== "replying") return;
    this.#sink = null;
    this.#drop(errors.cancel);
  }

  // ---- StreamEvents

  moved(): void {
    if (this.#phase !== "replying") return;
    // Only a backend that is awaited can be late; a deadline passes whoever is late.
    this.#arm(this.#stream?.isWaiting === true ? this.#stallMs : Number.POSITIVE_INFINITY);
  }

  sent(): void {}

  unwanted(): void {}

  sendingFailed(_why: Fault): void {}

  /** The stream was reset, or its connection ended. */
  broken(code: number): void {
    if (this.#phase === "over") return;
    if (this.#phase === "replying") {
      this.#breakOff(brokenOff());
      return;
    }
    const isConnections = this.#connection.session.isOver;
    if (!isConnections && code === errors.refusedStream) {
      this.unprocessed();
      return;
    }
    const call = this.#call;
    const mayRetry = isConnections && this.#isReused && !call.isRetried && isRepeatable(call.x);
    this.#again(mayRetry, () => {
      call.isReset = true;
      call.settle(refuse("backend.reply_invalid"));
    });
  }

  /** The backend says that it has not looked at the request: it may be sent again, whatever its method, if it is at hand. */
  unprocessed(): void {
    if (this.#phase !== "waiting") return;
    const call = this.#call;
    const mayRetry = !call.isRetried && (call.prepared !== null || !call.x.request.body.isTaken);
    this.#again(mayRetry, () => call.settle(refuse("backend.overloaded")));
  }

  #again(mayRetry: boolean, otherwise: () => void): void {
    const call = this.#call;
    call.isContinuing = mayRetry;
    this.#drop(errors.cancel);
    if (!mayRetry) {
      otherwise();
      return;
    }
    call.isRetried = true;
    this.#pool.resend(call);
  }

  // ---- Timed

  expire(): void {
    if (this.#phase === "over") return;
    const hasPassed = this.#endsAtMs > 0 && this.#pool.wheel.nowMs >= this.#endsAtMs;
    if (this.#phase === "waiting") {
      if (!hasPassed) this.#connection.ask();
      this.#refuse("backend.timeout", errors.cancel);
      return;
    }
    const late = new Fault("backend.timeout", { public: "The deadline of the call has passed.", status: 504 });
    this.#breakOff(hasPassed ? late : brokenOff());
  }

  #arm(ms: number): void {
    const { wheel } = this.#pool;
    const leftMs = this.#endsAtMs === 0 ? ms : Math.min(ms, Math.max(0, this.#endsAtMs - wheel.nowMs));
    if (leftMs === Number.POSITIVE_INFINITY) wheel.clear(this);
    else wheel.set(this, leftMs);
  }

  // ---- the end

  /** The reply is whole. What of the request has not gone out is not wanted. */
  #complete(): void {
    const stream = this.#stream;
    this.#detach();
    if (stream !== null && !stream.isClosed && !(stream.isLocalEnd && stream.isRemoteEnd))
      this.#connection.session.reset(stream, errors.cancel);
  }

  #refuse(code: GatewayProblemCode, reset: number): void {
    this.#drop(reset);
    this.#call.settle(refuse(code));
  }

  /** A reply whose head is out breaks off. */
  #breakOff(why: Fault): void {
    const sink = this.#sink;
    this.#sink = null;
    this.#call.isReset = true;
    this.#drop(errors.cancel);
    sink?.fail(why);
  }

  #drop(code: number): void {
    const stream = this.#stream;
    this.#detach();
    if (stream !== null) {
      stream.source = null;
      this.#connection.session.reset(stream, code);
    }
  }

  #reset(code: number, isTold: boolean): void {
    if (this.#stream !== null) this.#connection.session.reset(this.#stream, code, isTold);
  }

  #detach(): void {
    this.#phase = "over";
    this.#pool.wheel.remove(this);
    const x = this.#x;
    if (x !== null && x.backendSide === this) x.backendSide = null;
    this.#x = null;
    this.#call.over();
  }
}

/** Pseudo-fields and lines of a head that was written for HTTP/1.1; what frames a message there is not sent. */
const writeRequest = (encoder: HpackEncoder, head: string, isTls: boolean): void => {
  const lineEnd = head.indexOf("\r\n");
  const space = head.indexOf(" ");
  encoder.field(":method", head.slice(0, space));
  encoder.field(":scheme", isTls ? "https" : "http");
  encoder.field(":path", head.slice(space + 1, lineEnd - " HTTP/1.1".length));
  const host = /\r\nhost:[ \t]*([^\r\n]*)\r\n/i.exec(head)?.[1] ?? "";
  if (host !== "") encoder.field(":authority", host);
  let at = lineEnd + 2;
  for (;;) {
    const end = head.indexOf("\r\n", at);
    if (end <= at) return;
    const first = head.charCodeAt(at) | 0x20;
    // `h` and `t` begin the only two lines of ours that HTTP/2 says otherwise.
    if ((first !== 0x68 && first !== 0x74) || !/^(?:host|transfer-encoding):/i.test(head.slice(at, end)))
      encoder.line(head.slice(at, end));
    at = end + 2;
  }
};

const isRepeatable = (x: CallSubject): boolean =>
  /^(?:GET|HEAD|OPTIONS|PUT|DELETE)$/.test(x.request.method) && !x.request.body.isTaken;

const isProblemCode = (code: string): code is GatewayProblemCode => Object.hasOwn(gatewayProblems, code);

const brokenOff = (): Fault =>
  new Fault("backend.reply_invalid", { public: "The backend's reply broke off.", status: 502 });
