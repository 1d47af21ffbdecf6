import { randomBytes } from "node:crypto";
import type { StreamEnding } from "../../exchange/exchange.ts";
import type { LongStream, StreamSettings } from "../stream-settings.ts";
import type { BlockPool } from "./block-pool.ts";
import { closeFrame, type FrameProblem, FrameWatcher } from "./frame-watcher.ts";
import type { WireLimits } from "./limits.ts";
import type { TunnelEnd, TunnelEvents } from "./sides.ts";
import { websocket } from "./upgrade.ts";
import type { Timed, Wheel } from "./wheel.ts";

/** What a tunnel needs of its thread. */
export interface TunnelTools {
  readonly wheel: Wheel;
  readonly blocks: BlockPool;
  readonly limits: WireLimits;
}

/** Codes of RFC 6455 section 7.4.1 that the gateway sends itself. */
const goingAway = 1001;
const protocolError = 1002;
const messageTooBig = 1009;

const codeOf = {
  protocol: protocolError,
  "frame-too-large": messageTooBig,
  "message-too-large": messageTooBig,
} as const satisfies Record<Exclude<FrameProblem, "">, number>;

/**
 * An upgraded connection: bytes pass untouched both ways, with backpressure; each direction may end by itself; where one side breaks
 * off, so does the other. Of WebSocket it watches the frames go by, so that limits hold and a close frame of its own falls between two.
 */
export class Tunnel implements Timed, LongStream {
  deadlineMs = 0;
  wheelTick = -1;
  wheelNext: Timed | null = null;
  wheelPrevious: Timed | null = null;
  readonly protocol: string;
  reason: StreamEnding = "client";
  readonly #tools: TunnelTools;
  readonly #settings: StreamSettings;
  readonly #whenDone: (tunnel: Tunnel) => void;
  readonly #up: Lane;
  readonly #down: Lane;
  /** On the wheel's clock: the end of the longest life, which a change of the API may bring nearer. */
  #endsAtMs: number;
  #endsWhy: StreamEnding = "lifetime";
  #isClosing = false;
  #hasEnding = false;
  #isDone = false;

  constructor(
    client: TunnelEnd,
    backend: TunnelEnd,
    settings: StreamSettings,
    tools: TunnelTools,
    whenDone: (tunnel: Tunnel) => void,
  ) {
    this.protocol = backend.protocol;
    this.#settings = settings;
    this.#tools = tools;
    this.#whenDone = whenDone;
    this.#endsAtMs = tools.wheel.nowMs + settings.lifetimeMs;
    const isWatched = this.protocol === websocket;
    this.#up = new Lane(this, client, backend, isWatched ? new FrameWatcher(true, settings) : null, true);
    this.#down = new Lane(this, backend, client, isWatched ? new FrameWatcher(false, settings) : null, false);
    this.#up.opposite = this.#down;
    this.#down.opposite = this.#up;
  }

  /** Bytes begin to flow, those first that have come already. */
  start(): void {
    this.#settings.open.add(this);
    this.moved();
    this.#down.begin();
    if (!this.#isDone) this.#up.begin();
  }

  /** Bytes from the client and to it. */
  get bytesUp(): number {
    return this.#up.bytes;
  }

  get bytesDown(): number {
    return this.#down.bytes;
  }

  /** The WebSocket close code that was seen first, or sent here; 0 where there was none. */
  get closeCode(): number {
    return this.#up.closeCode || this.#down.closeCode;
  }

  /** A side broke off instead of ending. */
  get isAborted(): boolean {
    return this.reason === "client-aborted" || this.reason === "backend-aborted";
  }

  /** Ends both directions: WebSocket peers get a close frame at the next border between two frames, then the sockets close. */
  close(reason: StreamEnding, code: number = goingAway): void {
    if (this.#isClosing || this.#isDone) return;
    this.#because(reason);
    this.#closeWithin(this.#tools.limits.lingerMs);
    this.#down.finish(code);
    this.#up.finish(code);
  }

  // ---- LongStream

  retire(isRemoved: boolean): void {
    const { drainMs } = this.#settings;
    if (drainMs === null && !isRemoved) return;
    const { wheel } = this.#tools;
    const endsAtMs = wheel.nowMs + (drainMs ?? 0);
    if (endsAtMs >= this.#endsAtMs) return;
    this.#endsAtMs = endsAtMs;
    this.#endsWhy = "drained";
    if (drainMs === null || drainMs === 0) this.close("drained");
    else this.moved();
  }

  // ---- Timed

  expire(): void {
    if (this.#isDone) return;
    if (this.#isClosing) {
      this.#done();
      return;
    }
    if (this.#tools.wheel.nowMs >= this.#endsAtMs) this.close(this.#endsWhy);
    else if (this.#up.isBlocked || this.#down.isBlocked) this.close("stalled");
    else this.close("idle");
  }

  // ---- from the lanes

  /** Something moved, or has stopped moving: the next deadline. */
  moved(): void {
    if (this.#isClosing || this.#isDone) return;
    const { wheel, limits } = this.#tools;
    const isBlocked = this.#up.isBlocked || this.#down.isBlocked;
    const waitMs = isBlocked
      ? Math.min(limits.writeStallMs, this.#settings.upgradeIdleMs)
      : this.#settings.upgradeIdleMs;
    wheel.set(this, Math.max(0, Math.min(waitMs, this.#endsAtMs - wheel.nowMs)));
  }

  /** The lane's bytes have gone whole to `to`: their memory may serve again. */
  passed(bytes: Buffer, to: TunnelEnd, lent: Buffer[]): void {
    this.#tools.blocks.passed(bytes, to, lent);
  }

  refused(problem: Exclude<FrameProblem, "">): void {
    this.close(problem, codeOf[problem]);
  }

  /** A WebSocket peer has said good-bye; when both have, one of them closes the connection now, or we do. */
  saidGoodbye(isFromClient: boolean): void {
    this.#because(isFromClient ? "client" : "backend");
    if (this.#up.closeCode !== 0 && this.#down.closeCode !== 0) this.#closeWithin(this.#tools.limits.lingerMs);
  }

  /** One direction has ended: the connection lives on for the other. Both: what is still to be written goes out. */
  laneEnded(isFromClient: boolean): void {
    this.#because(isFromClient ? "client" : "backend");
    if (this.#up.isOver && this.#down.isOver) this.#closeWithin(this.#tools.limits.writeStallMs);
  }

  /** A socket is gone: the last of two, one that had ended before, or one that broke off. */
  laneClosed(lane: Lane, isFromClient: boolean): void {
    if (lane.isOver && lane.opposite?.isClosed === false) {
      lane.opposite.discard();
      this.#closeWithin(this.#tools.limits.lingerMs);
      return;
    }
    this.#because(isFromClient ? "client-aborted" : "backend-aborted");
    this.#done();
  }

  #because(reason: StreamEnding): void {
    if (!this.#hasEnding) this.reason = reason;
    this.#hasEnding = true;
  }

  #closeWithin(limitMs: number): void {
    if (this.#isClosing || this.#isDone) return;
    this.#isClosing = true;
    this.#tools.wheel.set(this, limitMs);
  }

  #done(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#tools.wheel.remove(this);
    this.#settings.open.delete(this);
    this.#up.release();
    this.#down.release();
    this.#whenDone(this);
  }
}

/** One direction: takes what one end receives, gives it to the other. */
class Lane implements TunnelEvents {
  bytes = 0;
  /** The receiving end takes no more for now. */
  isBlocked = false;
  /** Nothing of this direction comes any more, and the other end knows. */
  isOver = false;
  /** The socket that the bytes come from is gone. */
  isClosed = false;
  closeCode = 0;
  /** The other direction: its bytes go where this one's come from. */
  opposite: Lane | null = null;
  readonly #tunnel: Tunnel;
  readonly #from: TunnelEnd;
  readonly #to: TunnelEnd;
  readonly #watcher: FrameWatcher | null;
  readonly #isFromClient: boolean;
  readonly #lent: Buffer[] = [];
  /** The begin of a frame's header whose rest has not come. */
  #kept: Buffer | null = null;
  /** Code of the close frame that goes out when the running frame has passed; 0: none. */
  #finishWith = 0;
  /** What still comes is thrown away. */
  #isFinished = false;
  #isReleased = false;

  constructor(tunnel: Tunnel, from: TunnelEnd, to: TunnelEnd, watcher: FrameWatcher | null, isFromClient: boolean) {
    this.#tunnel = tunnel;
    this.#from = from;
    this.#to = to;
    this.#watcher = watcher;
    this.#isFromClient = isFromClient;
  }

  begin(): void {
    this.#from.start(this);
    if (!this.isBlocked && !this.#isReleased) this.#from.resume();
  }

  /** Ends this direction at the next border between frames, with a close frame where the protocol has one. */
  finish(code: number): void {
    if (this.#isFinished || this.isOver) return;
    const watcher = this.#watcher;
    if (watcher !== null && !watcher.isBetweenFrames) {
      this.#finishWith = code;
      return;
    }
    this.#isFinished = true;
    this.#kept = null;
    if (watcher !== null && this.closeCode === 0) {
      this.closeCode = code;
      this.#to.write(closeFrame(code, this.#isFromClient ? randomBytes(4) : null));
    }
    this.#to.end();
    // What the peer still says is read, so that a reset does not overtake the close frame.
    this.isBlocked = false;
    this.#from.resume();
  }

  /** The tunnel is over: nothing of either end is waited for. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#lent.length = 0;
    this.#kept = null;
    this.#from.destroy();
  }

  // ---- events of the end that the bytes come from

  received(bytes: Buffer): void {
    if (this.#isFinished || this.#isReleased) return;
    const watcher = this.#watcher;
    if (watcher === null) {
      this.#pass(bytes);
      return;
    }
    if (this.#finishWith !== 0) {
      const rest = watcher.restOfFrame(bytes);
      this.#pass(rest === bytes.length ? bytes : bytes.subarray(0, rest));
      if (watcher.isBetweenFrames) this.finish(this.#finishWith);
      return;
    }
    this.#watch(watcher, this.#kept === null ? bytes : Buffer.concat([this.#kept, bytes]));
  }

  /** The other direction's bytes have been taken: `from` is where they went. */
  drained(): void {
    this.#tunnel.moved();
    this.opposite?.unblock();
  }

  ended(): void {
    if (this.isOver) return;
    // Nobody but the peer knows what an unfinished header was to be.
    if (this.#kept !== null) this.#pass(this.#kept);
    this.#kept = null;
    this.isOver = true;
    if (!this.#isFinished) this.#to.end();
    this.#isFinished = true;
    this.#tunnel.laneEnded(this.#isFromClient);
  }

  closed(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#tunnel.laneClosed(this, this.#isFromClient);
  }

  /** The receiving end is gone: what still comes is thrown away. */
  discard(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#isFinished = true;
    this.isBlocked = false;
    this.#from.end();
    this.#from.resume();
  }

  // ---- bytes

  unblock(): void {
    if (!this.isBlocked) return;
    this.isBlocked = false;
    this.#tunnel.moved();
    this.#from.resume();
  }

  #watch(watcher: FrameWatcher, bytes: Buffer): void {
    const to = watcher.feed(bytes);
    this.#kept = to < bytes.length ? Buffer.from(bytes.subarray(to)) : null;
    if (to > 0) this.#pass(to === bytes.length ? bytes : bytes.subarray(0, to));
    if (watcher.closeCode !== 0 && this.closeCode === 0) {
      this.closeCode = watcher.closeCode;
      this.#tunnel.saidGoodbye(this.#isFromClient);
    }
    if (watcher.problem !== "") this.#tunnel.refused(watcher.problem);
  }

  #pass(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.bytes += bytes.length;
    const isTaken = this.#to.write(bytes);
    this.#tunnel.passed(bytes, this.#to, this.#lent);
    if (!isTaken && !this.isBlocked) {
      this.isBlocked = true;
      this.#from.pause();
    }
    this.#tunnel.moved();
  }
}
