import type { Socket } from "node:net";
import type { UpstreamCall } from "../upstream/upstream-call.ts";
import type { Timed, Wheel } from "../wire/wheel.ts";
import { type BackendPool, BackendStream } from "./backend-stream.ts";
import type { FieldBlock } from "./field-block.ts";
import { errors } from "./frames.ts";
import { defaultH2Limits, type H2Limits } from "./h2-limits.ts";
import { H2Session, type SessionOwner } from "./h2-session.ts";
import type { H2Stream } from "./h2-stream.ts";

/** Backends answer whoever asked them; their frames without content are bounded all the same. */
const limits: H2Limits = { ...defaultH2Limits, idleFramesBurst: 10_000, idleFramesPerSecond: 5_000 };
const sweepMs = 1_000;

/** One connection to a backend that speaks HTTP/2: carries many calls at once, as many as the backend allows. */
export class BackendConnection implements SessionOwner, Timed {
  readonly role = "client";
  deadlineMs = 0;
  wheelTick = -1;
  wheelNext: Timed | null = null;
  wheelPrevious: Timed | null = null;
  readonly session: H2Session;
  readonly #socket: Socket;
  readonly #pool: BackendPool;
  readonly #wheel: Wheel;
  /** The backend takes no more streams here, or we want none. */
  #isDraining = false;
  #isClosed = false;
  /** Since when an answer to a PING is missing, or 0. */
  #askedMs = 0;
  #calls = 0;

  constructor(socket: Socket, receiver: { received: (length: number) => void }, pool: BackendPool) {
    this.#socket = socket;
    this.#pool = pool;
    this.#wheel = pool.wheel;
    const { headBytesMax, headerCountMax } = pool.headLimits;
    this.session = new H2Session(socket, this, limits, {
      headBytesMax,
      headerCountMax,
      writeStallMs: pool.replyStallMs,
    });
    receiver.received = (length) => this.session.received(pool.blocks.keep(length));
    socket.on("drain", () => this.session.drained());
    socket.on("end", () => this.destroy());
    // Followed by `close`.
    socket.on("error", () => {});
    socket.on("close", () => this.destroy());
    pool.wheel.set(this, pool.idleTimeoutMs);
  }

  get nowMs(): number {
    return this.#wheel.nowMs;
  }

  get isIdle(): boolean {
    return this.session.streams.size === 0;
  }

  get mayBegin(): boolean {
    return !this.#isDraining && this.session.streams.size < this.session.peerStreamsMax && this.#socket.writable;
  }

  begin(call: UpstreamCall): void {
    if (this.isIdle) this.#wheel.set(this, sweepMs);
    const stream = new BackendStream(this, this.#pool, call, this.#calls++ > 0);
    if (!stream.begin()) this.#pool.hasRoom(this);
  }

  /** The number of the next stream; when they are used up, another connection goes on. */
  nextId(): number {
    const id = this.session.nextId();
    if (id === 0) this.drain();
    return id;
  }

  /** No more calls; ends when those that run have ended. */
  drain(): void {
    this.#isDraining = true;
    this.#pool.leaveShared(this);
    if (this.isIdle) this.destroy();
  }

  destroy(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isDraining = true;
    this.#wheel.remove(this);
    this.#pool.leaveShared(this);
    this.session.fail(errors.none);
    this.session.closed();
    // What says goodbye still goes out.
    this.#socket.end();
    this.#socket.destroySoon();
    this.#pool.forgetShared(this);
  }

  /** A call has timed out: is anybody there? A connection that is dead must not take the next calls with it. */
  ask(): void {
    if (this.#askedMs !== 0 || this.#isClosed) return;
    this.#askedMs = this.nowMs;
    this.session.output.ping(0, Buffer.from("portico "), 0);
  }

  expire(): void {
    if (this.isIdle) {
      this.destroy();
      return;
    }
    if (this.#askedMs !== 0 && this.nowMs - this.#askedMs > this.#pool.connectTimeoutMs) {
      this.destroy();
      return;
    }
    this.session.sweep(this.#pool.replyStallMs);
    if (!this.#isClosed) this.#wheel.set(this, sweepMs);
  }

  // ---- SessionOwner

  head(_id: number, stream: H2Stream | null, block: FieldBlock, isEnd: boolean): void {
    if (stream?.events instanceof BackendStream) stream.events.head(block, isEnd);
  }

  streamOver(): void {
    if (this.#isClosed) return;
    if (this.isIdle) {
      if (this.#isDraining) {
        this.destroy();
        return;
      }
      this.#wheel.set(this, this.#pool.idleTimeoutMs);
    }
    if (!this.#isDraining) this.#pool.hasRoom(this);
  }

  /** RFC 9113 section 6.8: streams above `lastId` have not been looked at; they are sent elsewhere. */
  goaway(lastId: number, _code: number): void {
    this.#isDraining = true;
    this.#pool.leaveShared(this);
    for (const stream of [...this.session.streams.values()]) {
      if (stream.id > lastId && stream.events instanceof BackendStream) stream.events.unprocessed();
    }
    if (this.isIdle) this.destroy();
  }

  settled(): void {
    if (!this.#isDraining) this.#pool.hasRoom(this);
  }

  pong(): void {
    this.#askedMs = 0;
  }

  over(): void {
    this.destroy();
  }
}
