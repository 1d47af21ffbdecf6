import type { Fault } from "../../base/fault.ts";
import type { Framing } from "../wire/head.ts";
import type { BodySink, BodySource } from "../wire/sides.ts";
import { errors } from "./frames.ts";

/** What a stream tells whoever uses it. */
export interface StreamEvents {
  /** Bytes of its incoming body have come. */
  moved(): void;
  /** Everything that goes out has gone, END_STREAM included. */
  sent(): void;
  /** It was broken off: by the peer, or by a rule; nothing comes or goes any more. */
  broken(code: number): void;
  /** Its incoming body is not wanted any more. */
  unwanted(): void;
  /** The body that goes out broke off. */
  sendingFailed(why: Fault): void;
}

/** What a stream needs of its connection. */
export interface StreamSession {
  /** Whoever writes should wait. */
  readonly isStalled: boolean;
  readonly isFlushed: boolean;
  /** Sends DATA as far as the windows allow; answers how many bytes of it went out. */
  sendData(stream: H2Stream, bytes: Buffer): number;
  sendEnd(stream: H2Stream, trailers: string): void;
  /** The stream waits for a window, or for the socket. */
  block(stream: H2Stream): void;
  /** The peer may send so many more bytes on this stream. */
  credit(stream: H2Stream, bytes: number): void;
  /** Bytes that the stream holds, more or less. */
  held(change: number): void;
  /** The peer has broken a rule. */
  streamError(stream: H2Stream, code: number): void;
  receivedEnd(stream: H2Stream): void;
}

/** One stream: a body that comes, as a source, and a body that goes out, as a sink, each with the windows of RFC 9113 section 5.2. */
export class H2Stream implements BodySource, BodySink {
  readonly id: number;
  framing: Framing = "none";
  length = 0;
  sendWindow: number;
  /** What the peer may still send. */
  receiveWindow: number;
  /** The message's head has come: what follows is its body, and a second block its trailers. */
  hasHead = false;
  isRemoteEnd = false;
  isLocalEnd = false;
  /** Nothing comes or goes any more. */
  isClosed = false;
  events: StreamEvents;
  /** Where the outgoing body comes from: goes on when there is room. */
  source: BodySource | null = null;
  /** Writes the head that goes before the body; null where it is out, or somebody else writes it. */
  sendHead: (() => void) | null = null;
  /** Bytes that have been taken and that the peer has not been told of. */
  uncreditedBytes = 0;
  bytesIn = 0;
  bytesOut = 0;
  /** For who looks whether the peer takes anything: when that was, and how many bytes had gone out. */
  markMs = 0;
  markBytes = 0;
  /** Declared bytes of the incoming body, or -1. */
  lengthExpected = -1;
  readonly #session: StreamSession;
  #sink: BodySink | null = null;
  #isBlocked = false;
  #held: Buffer[] = [];
  #uncredited = 0;
  #isCancelled = false;
  #hasEnded = false;
  #trailers = "";
  #pending: Buffer[] = [];
  #isEnding = false;
  #endTrailers = "";

  constructor(id: number, session: StreamSession, events: StreamEvents, sendWindow: number, receiveWindow: number) {
    this.id = id;
    this.#session = session;
    this.events = events;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
  }

  // ---- what comes

  get hasSink(): boolean {
    return this.#sink !== null;
  }

  /** Somebody waits for bytes that have not come. */
  get isWaiting(): boolean {
    return this.#sink !== null && !this.#isBlocked && !this.#hasEnded && !this.isClosed;
  }

  receive(bytes: Buffer): void {
    this.bytesIn += bytes.length;
    // RFC 9113 section 8.1.1.
    if (this.lengthExpected >= 0 && this.bytesIn > this.lengthExpected) {
      this.#session.streamError(this, errors.protocol);
      return;
    }
    if (this.#isCancelled) return;
    if (this.#sink === null || this.#isBlocked || this.#held.length > 0) {
      this.#held.push(bytes);
      this.#session.held(bytes.length);
      return;
    }
    this.#pass(this.#sink, bytes);
    if (!this.isClosed) this.events.moved();
  }

  /** The body is complete. */
  receiveEnd(trailers: string): void {
    if (this.lengthExpected >= 0 && this.bytesIn !== this.lengthExpected) {
      this.#session.streamError(this, errors.protocol);
      return;
    }
    this.#hasEnded = true;
    this.#trailers = trailers;
    this.#session.receivedEnd(this);
    if (this.#held.length === 0) this.#deliverEnd();
  }

  /** Tells whoever takes the body that it broke off. */
  failBody(why: Fault): void {
    const sink = this.#sink;
    this.#sink = null;
    this.#dropHeld();
    sink?.fail(why);
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#feed();
  }

  resume(): void {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    this.#giveCredit();
    this.#feed();
  }

  cancel(): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#sink = null;
    this.#dropHeld();
    this.events.unwanted();
  }

  #feed(): void {
    while (this.#sink !== null && !this.#isBlocked) {
      const bytes = this.#held.shift();
      if (bytes === undefined) break;
      this.#session.held(-bytes.length);
      this.#pass(this.#sink, bytes);
    }
    if (this.#held.length === 0) this.#deliverEnd();
  }

  #pass(sink: BodySink, bytes: Buffer): void {
    this.#uncredited += bytes.length;
    if (!sink.take(bytes)) this.#isBlocked = true;
    else this.#giveCredit();
  }

  #giveCredit(): void {
    if (this.#uncredited === 0 || this.isRemoteEnd || this.isClosed) return;
    const bytes = this.#uncredited;
    this.#uncredited = 0;
    this.#session.credit(this, bytes);
  }

  #deliverEnd(): void {
    const sink = this.#sink;
    if (!this.#hasEnded || sink === null) return;
    this.#sink = null;
    sink.end(this.#trailers);
  }

  #dropHeld(): void {
    let bytes = 0;
    for (const piece of this.#held) bytes += piece.length;
    this.#held = [];
    if (bytes > 0) this.#session.held(-bytes);
  }

  // ---- what goes out

  get isFlushed(): boolean {
    return this.#pending.length === 0 && this.#session.isFlushed;
  }

  take(bytes: Buffer): boolean {
    if (this.isClosed || this.isLocalEnd || this.#isEnding) return true;
    if (this.sendHead !== null) this.flushHead();
    if (this.#pending.length > 0) {
      this.#pending.push(bytes);
      return false;
    }
    const sent = this.#session.sendData(this, bytes);
    if (this.isClosed) return true;
    if (sent < bytes.length) this.#pending.push(sent === 0 ? bytes : bytes.subarray(sent));
    else if (!this.#session.isStalled) return true;
    this.#session.block(this);
    return false;
  }

  flushHead(): void {
    const { sendHead } = this;
    this.sendHead = null;
    if (!this.isClosed) sendHead?.();
  }

  end(trailers: string): void {
    this.source = null;
    if (this.isClosed || this.isLocalEnd || this.#isEnding) return;
    if (this.sendHead !== null) this.flushHead();
    this.#isEnding = true;
    this.#endTrailers = trailers;
    if (this.#pending.length === 0) this.#finish();
  }

  fail(why: Fault): void {
    this.source = null;
    if (!this.isClosed && !this.isLocalEnd) this.events.sendingFailed(why);
  }

  /** There is room again. Answers false where the stream still waits. */
  pump(): boolean {
    while (this.#pending.length > 0) {
      const bytes = this.#pending[0];
      if (bytes === undefined) break;
      const sent = this.#session.sendData(this, bytes);
      if (this.isClosed) return true;
      if (sent < bytes.length) {
        if (sent > 0) this.#pending[0] = bytes.subarray(sent);
        return false;
      }
      this.#pending.shift();
    }
    if (this.#isEnding) this.#finish();
    else if (this.#session.isStalled) return false;
    else this.source?.resume();
    return true;
  }

  /** Everything is over: lets go of what it holds. */
  close(): void {
    this.isClosed = true;
    this.#pending = [];
  }

  #finish(): void {
    this.isLocalEnd = true;
    this.#session.sendEnd(this, this.#endTrailers);
    this.events.sent();
  }
}
