import type { Socket } from "node:net";
import type { Fault } from "../../base/fault.ts";
import type { WireContext } from "./context.ts";
import { EventStream, isEventStream } from "./event-stream.ts";
import { IterableSource } from "./iterable-source.ts";
import { kindContentLength } from "./known-names.ts";
import { applyLateFields } from "./late-fields.ts";
import { composeReply } from "./reply-head.ts";
import type { BodySink, BodySource } from "./sides.ts";
import { keepAliveDelayMs } from "./socket-end.ts";
import { upgradeLines, websocket } from "./upgrade.ts";
import type { WireExchange } from "./wire-exchange.ts";
import type { WireReply } from "./wire-reply.ts";

/** What the writer tells its connection. */
export interface ReplyEvents {
  /** The last byte has been written. */
  replied(): void;
  /** The body broke off: the connection must end, so that the client sees the truncation; or, where nothing is out yet, `why` is told. */
  broken(why: Fault | null): void;
  /** The client takes no more for now, or takes again. */
  stalled(isStalled: boolean): void;
}

/** A body and its head in one write up to this size. */
const oneWriteBytesMax = 64 * 1024;
const crlf = "\r\n";

/** Writes the replies of one connection, one after the other: decides their framing, joins small bodies with their head. */
export class ReplyWriter implements BodySink {
  /** The socket's buffer is over its mark. */
  isStalled = false;
  /** Status of the head that is out, or 0. */
  sentStatus = 0;
  bytes = 0;
  /** The events that are on their way, or null. */
  events: EventStream | null = null;
  /** The connection ends with this reply: asked for, or because an HTTP/1.0 client finds the end of the body no other way. */
  isLast = false;
  readonly #socket: Socket;
  readonly #context: WireContext;
  readonly #events: ReplyEvents;
  readonly #plan = { keepsLength: false, keepsEncoding: false, lines: "" };
  #reply: WireReply | null = null;
  #source: BodySource | null = null;
  #isHeadPending = false;
  #isOld = false;
  #isUpgrade = false;
  /** Data is put into chunks here: it comes without framing. */
  #isEncoding = false;

  constructor(socket: Socket, context: WireContext, events: ReplyEvents) {
    this.#socket = socket;
    this.#context = context;
    this.#events = events;
  }

  reset(): void {
    this.sentStatus = 0;
    this.bytes = 0;
    this.#reply = null;
    this.#source = null;
    this.#isHeadPending = false;
    this.#isEncoding = false;
    if (this.events === null) return;
    this.events = null;
    this.#context.streams.events--;
  }

  /** Writes the 101 of `x`: what follows on the connection is no HTTP, and others' business. */
  upgrade(x: WireExchange, protocol: string): void {
    this.#prepare(x, false);
    this.#plan.lines += upgradeLines(protocol);
    this.#isUpgrade = true;
    this.#writeHead(null);
    this.#isUpgrade = false;
    this.#plan.lines = "";
    this.#reply = null;
  }

  /** Writes the reply of `x`. `isLast`: it announces that the connection closes. */
  begin(x: WireExchange, isLast: boolean): void {
    const reply = this.#prepare(x, isLast);
    if (reply === null) return;
    const replaced = reply.body.replaced;
    if (replaced === undefined) this.#stream(x, reply);
    else if (replaced === null || typeof replaced === "string" || replaced instanceof Uint8Array) {
      this.#whole(x, reply, replaced);
    } else this.#iterate(x, reply, replaced);
  }

  #prepare(x: WireExchange, isLast: boolean): WireReply | null {
    const reply = x.reply;
    if (reply === null) return null;
    if (x.lateFields.length > 0) applyLateFields(x, reply);
    this.#reply = reply;
    this.#isHeadPending = true;
    const plan = this.#plan;
    plan.lines = `X-Request-Id: ${x.id}\r\n`;
    this.isLast = isLast;
    this.#isOld = x.request.head.minor === 0;
    plan.keepsLength = false;
    plan.keepsEncoding = false;
    return reply;
  }

  /** The client takes bytes again. */
  drained(): void {
    this.isStalled = false;
    this.#source?.resume();
  }

  /** The client has gone: nobody wants the rest. */
  abandon(): void {
    const source = this.#source;
    this.#source = null;
    source?.cancel();
  }

  // ---- BodySink

  get isFlushed(): boolean {
    return this.#socket.writableLength === 0 && !this.#socket.destroyed;
  }

  take(bytes: Buffer): boolean {
    this.bytes += bytes.length;
    if (this.#isHeadPending) this.#writeHead(bytes);
    else if (this.#isEncoding) this.#writeChunk(bytes);
    else this.#note(this.#socket.write(bytes));
    return !this.isStalled;
  }

  end(trailers: string): void {
    this.#source = null;
    if (this.#isHeadPending) this.#writeHead(null);
    if (this.#isEncoding) this.#note(this.#socket.write(`0\r\n${trailers}\r\n`, "latin1"));
    this.#reply = null;
    this.#events.replied();
  }

  fail(why: Fault): void {
    // A head that is out cannot be taken back; an incomplete body must not look complete (RFC 9112 section 8).
    this.#source = null;
    this.#isEncoding = false;
    this.#events.broken(this.#isHeadPending ? why : null);
  }

  // ---- framing of the reply (RFC 9112 section 6.3)

  /** The body of a backend, as it comes. */
  #stream(x: WireExchange, reply: WireReply): void {
    const plan = this.#plan;
    const source = reply.body.takeSource();
    const { status } = reply;
    if (x.isHead || status === 204 || status === 304) {
      source?.cancel();
      // What a GET would have had may be told to HEAD and with 304; never with 204 (RFC 9110 section 8.6).
      plan.keepsLength = status !== 204;
      this.end("");
      return;
    }
    if (source === null) {
      plan.keepsLength = reply.head.status !== 204 && reply.head.status !== 304;
      if (!plan.keepsLength || reply.head.indexOf(kindContentLength) < 0) plan.lines += "Content-Length: 0\r\n";
      this.end("");
      return;
    }
    this.#source = source;
    let isRaw = false;
    if (source.framing === "length") plan.keepsLength = true;
    else if (isEventStream(reply.head)) {
      this.#streamEvents(x, source);
      return;
    } else if (this.#isOld) this.isLast = true;
    else if (source.framing === "chunked") {
      plan.keepsEncoding = true;
      isRaw = true;
    } else {
      this.#isEncoding = true;
      plan.lines += "Transfer-Encoding: chunked\r\n";
    }
    this.#run(source, isRaw);
  }

  /** Events are put into chunks anew: only so can the gateway end them itself. */
  #streamEvents(x: WireExchange, source: BodySource): void {
    const { wheel, limits } = this.#context;
    const events = new EventStream(source, x.streams, wheel, limits.lingerMs);
    this.events = events;
    this.#context.streams.events++;
    this.#socket.setKeepAlive(true, keepAliveDelayMs);
    this.#source = events;
    if (this.#isOld) this.isLast = true;
    else {
      this.#isEncoding = true;
      this.#plan.lines += "Transfer-Encoding: chunked\r\n";
    }
    this.#run(events, false);
  }

  #whole(x: WireExchange, reply: WireReply, replaced: string | Uint8Array | null): void {
    const bytes = typeof replaced === "string" ? Buffer.from(replaced) : replaced;
    const length = bytes?.byteLength ?? 0;
    const { status } = reply;
    if (status !== 204 && status !== 304) this.#plan.lines += `Content-Length: ${length}\r\n`;
    if (bytes !== null && length > 0 && !x.isHead && status !== 204 && status !== 304) {
      this.bytes += length;
      this.#writeHead(bytes);
    }
    this.end("");
  }

  #iterate(x: WireExchange, reply: WireReply, body: AsyncIterable<Uint8Array>): void {
    const source = new IterableSource(body);
    const { status } = reply;
    if (x.isHead || status === 204 || status === 304) {
      source.cancel();
      this.end("");
      return;
    }
    this.#source = source;
    if (this.#isOld) this.isLast = true;
    else {
      this.#isEncoding = true;
      this.#plan.lines += "Transfer-Encoding: chunked\r\n";
    }
    this.#run(source, false);
  }

  #run(source: BodySource, isRaw: boolean): void {
    source.start(this, isRaw);
    if (this.#isHeadPending && this.#reply !== null) this.#writeHead(null);
  }

  // ---- bytes

  #writeHead(body: Uint8Array | null): void {
    const reply = this.#reply;
    if (reply === null) return;
    this.#isHeadPending = false;
    this.sentStatus = reply.status;
    // RFC 9110 section 15.5.22: a 426 tells what to change to.
    if (reply.status === 426) this.#plan.lines += upgradeLines(websocket);
    if (this.#isUpgrade) this.#plan.keepsLength = false;
    else if (this.isLast) this.#plan.lines += "Connection: close\r\n";
    else if (this.#isOld) this.#plan.lines += "Connection: keep-alive\r\n";
    const isJoined = body !== null && !this.#isEncoding && body.length <= oneWriteBytesMax;
    const head = composeReply(reply, this.#plan, isJoined ? body : null, this.#context);
    this.bytes += isJoined ? head.length - body.length : head.length;
    if (isJoined || body === null) {
      this.#note(this.#socket.write(head));
      return;
    }
    this.#socket.cork();
    this.#socket.write(head);
    if (this.#isEncoding) this.#writeChunk(body);
    else this.#note(this.#socket.write(body));
    this.#socket.uncork();
  }

  #writeChunk(bytes: Uint8Array): void {
    this.#socket.cork();
    this.#socket.write(bytes.length.toString(16) + crlf, "latin1");
    this.#socket.write(bytes);
    this.#note(this.#socket.write(crlf, "latin1"));
    this.#socket.uncork();
  }

  #note(isTaken: boolean): void {
    if (isTaken || this.isStalled) return;
    this.isStalled = true;
    this.#events.stalled(true);
  }
}
