import type { Socket } from "node:net";
import type { Asked } from "../wire/accept-request.ts";
import type { WireContext } from "../wire/context.ts";
import { plainAddress } from "../wire/forwarding.ts";
import type { TlsFacts, TunnelEvents } from "../wire/sides.ts";
import type { Timed } from "../wire/wheel.ts";
import { requestHeadOf } from "./block-heads.ts";
import type { FieldBlock } from "./field-block.ts";
import { errors, streamIdMax } from "./frames.ts";
import { H2Session, type SessionOwner } from "./h2-session.ts";
import type { H2Stream } from "./h2-stream.ts";
import { type ServerPeer, ServerStream } from "./server-stream.ts";

/** What is known of a client before it speaks. */
export interface Http2Peer {
  readonly scheme: "http" | "https";
  readonly address: string;
  readonly isPeerTrusted: boolean;
  readonly tls: TlsFacts | null;
}

/** A connection whose client has agreed on HTTP/2 by ALPN (RFC 9113 section 3.2). */
export const acceptHttp2 = (
  socket: Socket,
  scheme: "http" | "https",
  context: WireContext,
  whenClosed: (connection: ServerConnection) => void,
  tls: TlsFacts | null,
): ServerConnection => {
  const address = plainAddress(socket.remoteAddress ?? "");
  const peer = { scheme, address, isPeerTrusted: context.isTrustedProxy(address), tls };
  const connection = new ServerConnection(socket, peer, context, whenClosed);
  socket.on("data", (bytes: Buffer) => connection.received(bytes));
  socket.on("drain", () => connection.drained());
  socket.on("end", () => connection.ended());
  // Followed by `close`.
  socket.on("error", () => {});
  socket.on("close", () => connection.closed());
  return connection;
};

/** How often a connection with open streams is looked at: what waits too long is found this much later at most. */
const sweepMs = 1_000;

/** One client that speaks HTTP/2: makes exchanges of its streams. Whoever owns the socket hands its events on to here. */
export class ServerConnection implements SessionOwner, ServerPeer, TunnelEvents, Timed {
  readonly role = "server";
  deadlineMs = 0;
  wheelTick = -1;
  wheelNext: Timed | null = null;
  wheelPrevious: Timed | null = null;
  readonly scheme: "http" | "https";
  readonly address: string;
  readonly isPeerTrusted: boolean;
  readonly tls: TlsFacts | null;
  forwardingHost = "";
  forwardingLines = "";
  readonly asked: Asked = { keepsAlive: true, expectsContinue: false, hostField: "", host: "" };
  readonly context: WireContext;
  readonly session: H2Session;
  readonly #socket: Socket;
  readonly #whenClosed: (connection: ServerConnection) => void;
  #sinceMs: number;
  #isClosed = false;
  /** 0: serving; 1: the client has been told to open no more streams; 2: those after the last one are not served. */
  #drainStep = 0;

  constructor(
    socket: Socket,
    peer: Http2Peer,
    context: WireContext,
    whenClosed: (connection: ServerConnection) => void,
  ) {
    this.scheme = peer.scheme;
    this.address = peer.address;
    this.isPeerTrusted = peer.isPeerTrusted;
    this.tls = peer.tls;
    this.context = context;
    this.#socket = socket;
    this.#whenClosed = whenClosed;
    this.#sinceMs = context.wheel.nowMs;
    this.session = new H2Session(socket, this, context.limits.http2, context.limits);
    context.wheel.set(this, sweepMs);
  }

  get nowMs(): number {
    return this.context.wheel.nowMs;
  }

  get isIdle(): boolean {
    return this.session.streams.size === 0;
  }

  /**
   * RFC 9113 section 6.8, in two steps: first all are told to open no more, so that what is under way still counts; when the client has
   * seen it, or soon, the last stream is named. Running streams end as they will.
   */
  drain(): void {
    if (this.#drainStep > 0 || this.#isClosed) return;
    this.#drainStep = 1;
    this.session.output.goaway(streamIdMax, errors.none);
    this.session.output.ping(0, Buffer.from("portico "), 0);
    this.session.output.flush();
    for (const stream of this.session.streams.values()) {
      if (stream.events instanceof ServerStream) stream.events.drain();
    }
    this.context.wheel.set(this, this.context.limits.drainIdleMs);
  }

  destroy(): void {
    this.#socket.destroy();
    this.closed();
  }

  // ---- events of the socket

  received(bytes: Buffer): void {
    this.session.received(bytes);
  }

  drained(): void {
    this.session.drained();
  }

  ended(): void {
    // A client that sends nothing more cannot open streams, acknowledge or widen windows: it has gone.
    this.destroy();
  }

  closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.context.wheel.remove(this);
    this.session.closed();
    this.#whenClosed(this);
  }

  // ---- Timed

  expire(): void {
    const { limits, wheel } = this.context;
    if (this.session.isOver) {
      this.destroy();
      return;
    }
    if (this.#drainStep === 1) this.#nameLast();
    if (this.session.isOver) return;
    const idleMs = this.nowMs - this.#sinceMs;
    if (this.isIdle) {
      const isTooLong = idleMs >= (this.session.isHeadPending ? limits.headTimeoutMs : limits.idleTimeoutMs);
      if (isTooLong) {
        this.session.fail(errors.none);
        return;
      }
    }
    this.session.sweep(limits.headTimeoutMs);
    if (!this.session.isOver) wheel.set(this, sweepMs);
  }

  // ---- SessionOwner

  head(id: number, _stream: H2Stream | null, block: FieldBlock, isEnd: boolean, bytes: number): void {
    const { wheel } = this.context;
    this.#sinceMs = wheel.nowMs;
    const text = block.isMalformed ? undefined : requestHeadOf(block);
    const stream = new ServerStream(this, this.context);
    if (block.isTooLarge) {
      stream.open(id, isEnd);
      stream.refuseHead("request.header_too_large", bytes);
    } else if (text === undefined) {
      // Section 8.1.1: malformed. It is counted, and reaches nobody.
      stream.open(id, isEnd);
      stream.refuseMalformed(bytes);
    } else {
      stream.open(id, isEnd);
      stream.begin(text, isEnd, bytes);
    }
  }

  streamOver(): void {
    this.#sinceMs = this.context.wheel.nowMs;
    if (this.#drainStep === 2 && this.isIdle) this.session.fail(errors.none);
  }

  goaway(_lastId: number, code: number): void {
    // The client opens no more; what runs may end. An error ends it all.
    if (code !== errors.none) this.session.fail(errors.none);
    else if (this.#drainStep === 0) this.#drainStep = 1;
  }

  settled(): void {}

  pong(): void {
    if (this.#drainStep === 1 && this.context.isDraining) this.#nameLast();
  }

  over(): void {
    if (this.#isClosed) return;
    // What has been written goes out; who does not read it is cut off.
    this.#socket.end();
    this.context.wheel.set(this, this.context.limits.lingerMs);
  }

  #nameLast(): void {
    this.#drainStep = 2;
    const { session } = this;
    session.goawayId = session.lastPeerId;
    if (this.isIdle) session.fail(errors.none);
    else session.output.goaway(session.lastPeerId, errors.none);
  }
}
