import type { Socket } from "node:net";
import { Fault } from "../../base/fault.ts";
import { type GatewayProblemCode, gatewayProblems } from "../../exchange/problems.ts";
import { refuse } from "../../exchange/refuse.ts";
import { markHop } from "../wire/accept-request.ts";
import type { BlockPool } from "../wire/block-pool.ts";
import { BodyReader, noSink } from "../wire/body-reader.ts";
import type { ChunkLimits } from "../wire/chunk-decoder.ts";
import { isEventStream } from "../wire/event-stream.ts";
import { connectionClose, connectionKeepAlive, frameReply, readConnection } from "../wire/framing.ts";
import { type Framing, type Head, type HeadLimits, scanReplyHead } from "../wire/head.ts";
import { HeadCollector } from "../wire/head-collector.ts";
import { kindConnection } from "../wire/known-names.ts";
import { writeLatin1 } from "../wire/latin1.ts";
import type { BackendSide, BodySink, BodySource } from "../wire/sides.ts";
import { SocketEnd } from "../wire/socket-end.ts";
import { isUpgradeLegal } from "../wire/upgrade.ts";
import type { Timed, Wheel } from "../wire/wheel.ts";
import type { CallSubject, Sending } from "./call-subject.ts";
import type { ByteReceiver } from "./dial.ts";
import { redirectPath } from "./redirect.ts";
import { prepareSend } from "./sending.ts";
import type { TraceIds } from "./trace-ids.ts";
import { abandoned, type UpstreamCall } from "./upstream-call.ts";

/** What a connection needs of its pool. */
export interface PoolSide {
  /** Host and port, for records. */
  readonly name: string;
  readonly wheel: Wheel;
  readonly blocks: BlockPool;
  readonly traceIds: TraceIds;
  readonly headLimits: HeadLimits;
  readonly bodyLimits: ChunkLimits;
  /** Between two reads of a reply's body that is wanted. */
  readonly replyStallMs: number;
  /** The connection can carry another call. */
  release(connection: UpstreamConnection): void;
  /** The connection stays with its call for long: it takes no place from others any more. */
  leave(connection: UpstreamConnection): void;
  /** The connection has ended. */
  forget(connection: UpstreamConnection): void;
  /** Sends a call on any connection. */
  send(call: UpstreamCall): void;
  /** Sends a call on another connection, since its own has died. */
  resend(call: UpstreamCall): void;
}

/** `waiting`: for the reply's head; `replying`: its body passes; `upgraded`: it speaks HTTP no more. */
type Phase = "idle" | "waiting" | "replying" | "upgraded" | "closed";

/** Interim replies before the final one (RFC 9110 section 15.2): more are a fault. */
const interimMax = 16;
const oneWriteBytesMax = 64 * 1024;
/** The stream's own idle limit comes first: it can end the reply properly. */
const eventStallMarginMs = 1_000;

/** One connection to a backend. Carries one call at a time: its request there, its reply back. */
export class UpstreamConnection implements BodySink, BodySource, BackendSide, Timed {
  deadlineMs = 0;
  wheelTick = -1;
  wheelNext: Timed | null = null;
  wheelPrevious: Timed | null = null;
  framing: Framing = "none";
  length = 0;
  readonly #socket: Socket;
  readonly #pool: PoolSide;
  readonly #reader: BodyReader;
  readonly #collector = new HeadCollector();
  #phase: Phase = "idle";
  #call: UpstreamCall | null = null;
  #x: CallSubject | null = null;
  /** Bytes of the reply's body that have come before anybody asked for them. */
  #held: Buffer | null = null;
  #heldFrom = 0;
  #isPaused = false;
  #isReused = false;
  #hasReplyBytes = false;
  #interims = 0;
  /** The backend may be asked again on this connection. */
  #keepsAlive = false;
  /** The backend has closed its sending side. */
  #hasEnded = false;
  /** The socket is gone, but bytes that it brought are still to be passed on. */
  #isSocketGone = false;
  #requestSource: BodySource | null = null;
  #isRequestDone = true;
  #isEncoding = false;
  #pendingHead = "";
  /** Between two reads of the reply's body. */
  #stallMs = 0;
  #end: SocketEnd | null = null;

  constructor(socket: Socket, receiver: ByteReceiver, pool: PoolSide) {
    this.#socket = socket;
    this.#pool = pool;
    this.#reader = new BodyReader(pool.bodyLimits);
    receiver.received = (length) => this.#received(pool.blocks.keep(length));
    socket.on("drain", () => this.#drained());
    socket.on("end", () => this.#ended());
    // Followed by `close`.
    socket.on("error", () => {});
    socket.on("close", () => this.#closed());
  }

  get isUsable(): boolean {
    return this.#phase === "idle" && !this.#hasEnded && this.#socket.writable && !this.#socket.destroyed;
  }

  destroy(): void {
    if (this.#phase === "closed") return;
    const upgraded = this.#phase === "upgraded" ? this.#call : null;
    this.#phase = "closed";
    this.#pool.wheel.remove(this);
    this.#socket.destroy();
    this.#pool.forget(this);
    upgraded?.over();
  }

  /** The thread ends: whoever waits is told. */
  abandonAndDestroy(): void {
    if (this.#phase === "replying") this.#breakOff();
    else this.abandon();
    this.destroy();
  }

  /** Sends the request of `call`. `isReused`: the connection has carried a call before, so that it may be dead without our knowing. */
  begin(call: UpstreamCall, isReused: boolean): void {
    const { x } = call;
    x.record?.upstream(call, "sent", this.#pool.name);
    call.isContinuing = false;
    const sending = call.prepared ?? prepareSend(call, this.#pool.traceIds);
    if (!("head" in sending)) {
      this.#pool.release(this);
      call.settle(sending);
      return;
    }
    this.#call = call;
    this.#x = x;
    this.#phase = "waiting";
    this.#isReused = isReused;
    this.#hasReplyBytes = false;
    this.#hasEnded = false;
    this.#interims = 0;
    x.backendSide = this;
    x.replyInTheMaking.reset();
    this.#pool.wheel.set(this, call.timeoutMs);
    this.#write(sending);
  }

  // ---- BackendSide

  abandon(): void {
    if (this.#phase === "upgraded") {
      this.destroy();
      return;
    }
    const call = this.#call;
    if (call === null) return;
    if (this.#phase === "replying" && call.isSettled) {
      this.cancel();
      return;
    }
    call.isAbandoned = true;
    this.#drop();
    call.settle(abandoned());
  }

  // ---- the request's body: BodySink

  get isFlushed(): boolean {
    return this.#socket.writableLength === 0 && !this.#socket.destroyed;
  }

  take(bytes: Buffer): boolean {
    if (this.#phase === "idle" || this.#phase === "closed") return true;
    if (this.#phase === "waiting" && this.#call !== null) this.#pool.wheel.set(this, this.#call.timeoutMs);
    if (this.#isEncoding) return this.#writeChunk(bytes);
    if (this.#pendingHead === "") return this.#socket.write(bytes);
    return this.#writeWithHead(bytes);
  }

  end(trailers: string): void {
    this.#requestSource = null;
    this.#isRequestDone = true;
    if (this.#phase === "idle" || this.#phase === "closed") return;
    this.#flushHead();
    if (this.#isEncoding) this.#socket.write(`0\r\n${trailers}\r\n`, "latin1");
  }

  fail(why: Fault): void {
    this.#requestSource = null;
    const call = this.#call;
    if (call === null || call.isSettled) {
      // A reply that is already under way may end; this connection carries no other.
      this.#keepsAlive = false;
      return;
    }
    this.#drop();
    call.settle(refuse(isProblemCode(why.code) ? why.code : "request.body_invalid"));
  }

  // ---- the reply's body: BodySource

  start(sink: BodySink, isRaw: boolean): void {
    this.#reader.sink = sink;
    this.#reader.isRaw = isRaw;
    if (this.#phase !== "replying") {
      sink.fail(brokenOff());
      return;
    }
    this.#feedBody();
    this.#goOn();
  }

  resume(): void {
    if (!this.#reader.isBlocked) return;
    this.#reader.isBlocked = false;
    if (this.#phase !== "replying") return;
    this.#pool.wheel.set(this, this.#stallMs);
    this.#feedBody();
    this.#goOn();
  }

  cancel(): void {
    if (this.#phase !== "replying") return;
    // A body that is all here costs nothing to read to its end, and the connection lives.
    this.#reader.sink = noSink;
    this.#reader.isBlocked = false;
    this.#feedBody();
    if (this.#phase === "replying") this.#drop();
  }

  // ---- Timed

  expire(): void {
    const call = this.#call;
    if (this.#phase === "waiting" && call !== null) {
      this.#drop();
      call.settle(refuse("backend.timeout"));
      return;
    }
    if (this.#phase === "replying") this.#breakOff();
    else this.destroy();
  }

  // ---- writing

  #write(sending: Sending): void {
    this.#pendingHead = sending.head;
    this.#isEncoding = sending.isEncoding;
    this.#isRequestDone = false;
    const { whole, source } = sending;
    if (whole !== null) this.take(whole);
    if (source === null) {
      this.#isRequestDone = true;
      this.#flushHead();
      return;
    }
    this.#requestSource = source;
    const call = this.#call;
    source.start(this, sending.isRaw);
    if (this.#call === call) this.#flushHead();
  }

  #flushHead(): void {
    const head = this.#pendingHead;
    if (head === "") return;
    this.#pendingHead = "";
    this.#socket.write(head, "latin1");
  }

  /** Head and first bytes of the body in one write, where they are not too many. */
  #writeWithHead(bytes: Buffer): boolean {
    const head = this.#pendingHead;
    if (bytes.length > oneWriteBytesMax) {
      this.#flushHead();
      return this.#socket.write(bytes);
    }
    this.#pendingHead = "";
    const joined = Buffer.allocUnsafe(head.length + bytes.length);
    writeLatin1(joined, head, 0);
    joined.set(bytes, head.length);
    return this.#socket.write(joined);
  }

  #writeChunk(bytes: Buffer): boolean {
    this.#socket.cork();
    this.#flushHead();
    this.#socket.write(`${bytes.length.toString(16)}\r\n`, "latin1");
    this.#socket.write(bytes);
    const isTaken = this.#socket.write("\r\n", "latin1");
    this.#socket.uncork();
    return isTaken;
  }

  // ---- reading

  #received(bytes: Buffer): void {
    if (this.#phase === "waiting") {
      this.#hasReplyBytes = true;
      this.#readHead(bytes, 0);
    } else if (this.#phase === "replying") {
      const sink = this.#held === null && !this.#reader.isBlocked ? this.#reader.sink : null;
      this.#hold(bytes, 0);
      if (!this.#reader.isBlocked) this.#pool.wheel.set(this, this.#stallMs);
      this.#feedBody();
      if (sink !== null && this.#reader.wholeFed === bytes) this.#pool.blocks.passed(bytes, sink, this.#reader.lent);
      this.#flow();
    } else if (this.#end !== null) this.#end.received(bytes);
    else {
      // Nobody has asked: these bytes would be taken for the next call's reply.
      this.destroy();
    }
  }

  #readHead(bytes: Buffer, from: number): void {
    const x = this.#x;
    if (x === null) return;
    const { head } = x.replyInTheMaking;
    let rest = bytes;
    let at = from;
    for (;;) {
      const result = this.#collector.scan(head, rest, at, this.#pool.headLimits, scanReplyHead);
      if (result === "incomplete") return;
      if (result !== "complete" || !frameReply(head, x.request.method === "HEAD")) {
        this.#refuse("backend.reply_invalid");
        return;
      }
      if (head.status >= 200) break;
      if (head.status === 101) {
        this.#upgrade(x, head);
        return;
      }
      // RFC 9110 section 15.2: interim replies are skipped.
      if (++this.#interims > interimMax) {
        this.#refuse("backend.reply_invalid");
        return;
      }
      rest = head.bytes;
      at = head.end;
      if (at === rest.length) return;
    }
    this.#beginReply(x, head);
  }

  /** RFC 9110 section 7.8: after a 101 that is what was asked for, the connection belongs to the new protocol. */
  #upgrade(x: CallSubject, head: Head): void {
    const call = this.#call;
    if (call === null) return;
    if (call.upgrade === "" || !isUpgradeLegal(x, head, call.upgrade, connectionBits(head))) {
      this.#refuse(call.upgrade === "" ? "backend.reply_invalid" : "backend.upgrade_invalid");
      return;
    }
    x.record?.upstream(call, "reply", "101");
    this.#phase = "upgraded";
    this.#pool.wheel.remove(this);
    this.#pool.leave(this);
    // Nothing is read until the client's end is there.
    this.#socket.pause();
    const early = head.end < head.bytes.length ? Buffer.from(head.bytes.subarray(head.end)) : null;
    this.#end = new SocketEnd(call.upgrade, this.#socket, early, this.#hasEnded);
    this.#x = null;
    x.tunnelEnd = this.#end;
    x.takeBackendReply(null);
    call.settle(undefined);
  }

  #beginReply(x: CallSubject, head: Head): void {
    const call = this.#call;
    if (call === null) return;
    const bits = connectionBits(head);
    this.#keepsAlive =
      (bits & connectionClose) === 0 &&
      (head.minor === 1 || (bits & connectionKeepAlive) !== 0) &&
      head.framing !== "close";
    if (head.end < head.bytes.length) this.#hold(head.bytes, head.end);
    this.#stallMs = this.#pool.replyStallMs;
    if (head.framing !== "length" && head.framing !== "none" && isEventStream(head)) this.#beginEvents(x);
    this.framing = head.framing;
    this.length = head.bodyLength;
    this.#reader.begin(head.framing, head.bodyLength, Number.MAX_SAFE_INTEGER);
    const path = call.options.followRedirects === true ? redirectPath(x, head, call) : null;
    this.#phase = "replying";
    x.record?.upstream(call, "reply", String(head.status));
    if (path !== null) {
      this.#redirect(call, path);
      return;
    }
    if (this.#reader.isDone) {
      this.#complete();
      x.takeBackendReply(null);
      call.settle(undefined);
      return;
    }
    this.#pool.wheel.set(this, this.#stallMs);
    x.takeBackendReply(this);
    call.settle(undefined);
    // The run waits before it delivers: so does the backend.
    if (this.#x === x && this.#phase === "replying" && this.#reader.sink === null) this.#pause();
  }

  /** A stream of events may be quiet for long, and stays for long: it has a limit of its own and takes no place of ordinary calls. */
  #beginEvents(x: CallSubject): void {
    this.#keepsAlive = false;
    this.#stallMs = x.streams.eventIdleMs + eventStallMarginMs;
    this.#pool.leave(this);
  }

  #redirect(call: UpstreamCall, path: string): void {
    call.path = path;
    call.redirectsLeft--;
    call.isContinuing = true;
    if (this.#reader.isDone) this.#complete();
    else this.cancel();
    call.x.replyInTheMaking.reset();
    this.#pool.send(call);
  }

  #hold(bytes: Buffer, from: number): void {
    if (this.#held === null) {
      this.#held = bytes;
      this.#heldFrom = from;
      return;
    }
    this.#held = Buffer.concat([this.#held.subarray(this.#heldFrom), bytes.subarray(from)]);
    this.#heldFrom = 0;
  }

  #feedBody(): void {
    const reader = this.#reader;
    const x = this.#x;
    if (reader.sink === null || reader.isBlocked) return;
    const held = this.#held;
    if (held !== null) {
      this.#held = null;
      const to = reader.feed(held, this.#heldFrom);
      // The sink may have ended everything meanwhile.
      if (this.#x !== x || this.#phase !== "replying") return;
      if (to < held.length) this.#hold(held, to);
      if (reader.problem !== "") {
        this.#breakOff();
        return;
      }
    }
    if (this.#hasEnded && reader.framing === "close" && this.#held === null && !reader.isBlocked) reader.isDone = true;
    if (!reader.isDone) return;
    const { sink, trailers } = reader;
    this.#complete();
    sink.end(trailers);
  }

  /** The reply is whole: the connection serves another call, or ends. */
  #complete(): void {
    const isClean =
      this.#held === null && this.#isRequestDone && this.#keepsAlive && !this.#hasEnded && !this.#isSocketGone;
    this.#detach();
    if (!isClean) {
      this.destroy();
      return;
    }
    this.#phase = "idle";
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#socket.resume();
    }
    this.#pool.release(this);
  }

  #detach(): void {
    const x = this.#x;
    const call = this.#call;
    if (x !== null && x.backendSide === this) x.backendSide = null;
    this.#x = null;
    this.#call = null;
    this.#held = null;
    this.#requestSource = null;
    this.#pendingHead = "";
    this.#collector.clear();
    this.#reader.letGo();
    call?.over();
  }

  /** Ends the connection and forgets its call; the caller settles it. */
  #drop(): void {
    this.#detach();
    this.destroy();
  }

  #refuse(code: GatewayProblemCode): void {
    const call = this.#call;
    this.#drop();
    call?.settle(refuse(code));
  }

  /** A reply whose head is out breaks off: whoever takes its body makes that visible. */
  #breakOff(): void {
    const { sink } = this.#reader;
    if (this.#call !== null) this.#call.isReset = true;
    this.#drop();
    sink?.fail(brokenOff());
  }

  #drained(): void {
    if (this.#end === null) this.#requestSource?.resume();
    else this.#end.drained();
  }

  #ended(): void {
    this.#hasEnded = true;
    this.#end?.ended();
    if (this.#phase === "replying" && this.#reader.framing === "close") this.#feedBody();
    else if (this.#phase === "idle") this.destroy();
  }

  #closed(): void {
    const call = this.#call;
    this.#end?.closed();
    if (this.#phase === "closed") return;
    if (this.#phase === "waiting" && call !== null) {
      const mayRetry = this.#isReused && !this.#hasReplyBytes && !call.isRetried && isRepeatable(call.x);
      call.isContinuing = mayRetry;
      call.isReset = !mayRetry;
      this.#drop();
      if (mayRetry) {
        call.isRetried = true;
        this.#pool.resend(call);
      } else call.settle(refuse("backend.reply_invalid"));
      return;
    }
    if (this.#phase !== "replying") {
      this.destroy();
      return;
    }
    this.#isSocketGone = true;
    this.#goOn();
  }

  // ---- flow

  /** After bytes have been passed on: reads on, or notices that nothing more will come. */
  #goOn(): void {
    if (this.#phase !== "replying") return;
    if (!this.#isSocketGone) this.#flow();
    // What has come and was not asked for yet is still to be passed on; what is missing now stays missing.
    else if (this.#reader.sink !== null && !this.#reader.isBlocked) this.#breakOff();
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#pool.wheel.clear(this);
    this.#socket.pause();
  }

  #flow(): void {
    if (this.#phase !== "replying") return;
    if (this.#reader.isBlocked) {
      this.#pause();
      return;
    }
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#pool.wheel.set(this, this.#stallMs);
    this.#socket.resume();
  }
}

/** Reads the `Connection` fields of a reply and marks what they name as ending here. */
const connectionBits = (head: Head): number =>
  (head.known[kindConnection] ?? -1) < 0
    ? 0
    : readConnection(head, kindConnection, (start, length) => markHop(head, start, length));

/** RFC 9110 section 9.2.2: methods whose repetition changes nothing; and nothing of the body has to be sent that has gone by. */
const isRepeatable = (x: CallSubject): boolean =>
  /^(?:GET|HEAD|OPTIONS|PUT|DELETE)$/.test(x.request.method) && !x.request.body.isTaken;

const isProblemCode = (code: string): code is GatewayProblemCode => Object.hasOwn(gatewayProblems, code);

const brokenOff = (): Fault =>
  new Fault("backend.reply_invalid", { public: "The backend's reply broke off.", status: 502 });
