import type { Socket } from "node:net";
import { Allowance } from "./allowance.ts";
import { FieldBlock } from "./field-block.ts";
import { FrameReader, type FrameTaker } from "./frame-reader.ts";
import {
  errors,
  flagAck,
  flagEndHeaders,
  flagEndStream,
  flagPadded,
  flagPriority,
  frameBytesMax,
  frameContinuation,
  frameData,
  frameGoaway,
  frameHeadBytes,
  frameHeaders,
  framePing,
  framePriority,
  framePush,
  frameReset,
  frameSettings,
  frameWindow,
  initialWindow,
  preface,
  read32,
  SessionError,
  settingFrameSize,
  settingHeaderList,
  settingPush,
  settingStreamsMax,
  settingTableSize,
  settingWindow,
  streamIdMax,
  windowMax,
} from "./frames.ts";
import type { H2Limits } from "./h2-limits.ts";
import { H2Output } from "./h2-output.ts";
import { H2Stream, type StreamEvents, type StreamSession } from "./h2-stream.ts";
import { HpackDecoder, HpackError } from "./hpack-decoder.ts";
import { HpackEncoder } from "./hpack-encoder.ts";

/** What the owner of a session is told. */
export interface SessionOwner {
  readonly role: "server" | "client";
  readonly nowMs: number;
  /** A head: of a new stream (server, `stream` null), or of the reply on `stream`. `isEnd`: no body follows. */
  head(id: number, stream: H2Stream | null, block: FieldBlock, isEnd: boolean, bytes: number): void;
  /** A stream is over, in whatever way. */
  streamOver(): void;
  /** The peer takes no streams above `lastId`. */
  goaway(lastId: number, code: number): void;
  /** The peer has said how many streams it takes. */
  settled(): void;
  pong(): void;
  /** The connection is over: what was to be said has been handed to the socket. */
  over(): void;
}

/** What a session takes of heads. */
export interface BlockLimits {
  readonly headBytesMax: number;
  readonly headerCountMax: number;
  readonly writeStallMs: number;
}

/** Streams at once where the peer names no limit. */
const peerStreamsDefault = 256;
/** What each frame of DATA earns: a peer answers it with windows, and some with a PING. */
const framesPerData = 3;
/** Streams that we have ended lately: what the peer had sent before it knew is overlooked. */
const recentMax = 256;
/** What an ended stream is told when nobody else knows better. */
const nobody: StreamEvents = {
  moved: () => {},
  sent: () => {},
  broken: () => {},
  unwanted: () => {},
  sendingFailed: () => {},
};

/** One HTTP/2 connection, of either role: frames in, frames out, streams with their windows (RFC 9113). It knows no HTTP beyond that. */
export class H2Session implements FrameTaker, StreamSession {
  readonly output: H2Output;
  readonly streams = new Map<number, H2Stream>();
  /** Streams at once that the peer takes. */
  peerStreamsMax: number;
  isOver = false;
  /** The last stream that the peer has opened. */
  lastPeerId = 0;
  /** Of our GOAWAY: higher ones are not served any more. */
  goawayId: number = streamIdMax;
  /** Since when the socket takes nothing, or 0. */
  #stalledMs = 0;
  readonly #owner: SessionOwner;
  readonly #limits: H2Limits;
  readonly #blockLimits: BlockLimits;
  readonly #reader: FrameReader;
  readonly #encoder = new HpackEncoder();
  readonly #decoder: HpackDecoder;
  readonly #block = new FieldBlock();
  readonly #resets: Allowance;
  readonly #idleFrames: Allowance;
  readonly #blocked = new Set<H2Stream>();
  readonly #recent = new Set<number>();
  #prefaceAt: number;
  #hasSettings = false;
  #isSettled = false;
  #sendWindow = initialWindow;
  #receiveWindow = initialWindow;
  #uncredited = 0;
  #heldBytes = 0;
  #peerWindow = initialWindow;
  #nextId = 1;
  /** The header block that is coming. */
  #blockId = 0;
  #blockParts: Buffer[] = [];
  #blockBytes = 0;
  #blockFlags = 0;
  #continuations = 0;
  #blockSinceMs = 0;
  /** Bytes of DATA of the frame that passes. */
  #dataStream: H2Stream | null = null;

  constructor(socket: Socket, owner: SessionOwner, limits: H2Limits, blockLimits: BlockLimits) {
    this.output = new H2Output(socket);
    this.#owner = owner;
    this.#limits = limits;
    this.#blockLimits = blockLimits;
    this.#reader = new FrameReader(this, frameBytesMax);
    this.#decoder = new HpackDecoder(limits.tableBytes);
    this.#resets = new Allowance(limits.resetsBurst, limits.resetsPerSecond);
    this.#idleFrames = new Allowance(limits.idleFramesBurst, limits.idleFramesPerSecond);
    this.#prefaceAt = owner.role === "server" ? 0 : preface.length;
    // Section 6.5.2: no limit until the peer has said one. Whoever sends many before is refused many: one call asks.
    this.peerStreamsMax = 1;
    this.#begin();
  }

  /** Section 3.4. */
  #begin(): void {
    const { role } = this.#owner;
    const { streamWindowBytes, connectionWindowBytes, streamsMax, tableBytes } = this.#limits;
    if (role === "client") this.output.raw(preface);
    this.output.settings([
      ...(tableBytes === 4096 ? [] : [[settingTableSize, tableBytes] as const]),
      role === "client" ? [settingPush, 0] : [settingStreamsMax, streamsMax],
      [settingWindow, streamWindowBytes],
      [settingHeaderList, this.#blockLimits.headBytesMax],
    ]);
    if (connectionWindowBytes > initialWindow) {
      this.output.window(0, connectionWindowBytes - initialWindow);
      this.#receiveWindow = connectionWindowBytes;
    }
  }

  get isStalled(): boolean {
    return this.output.isStalled;
  }

  get isFlushed(): boolean {
    return this.output.isFlushed;
  }

  /** A stream waits until its peer takes more. */
  get hasBlocked(): boolean {
    return this.#blocked.size > 0;
  }

  /** A header block has begun and not ended, or the peer has not begun at all. */
  get isHeadPending(): boolean {
    return this.#blockId !== 0 || !this.#hasSettings || !this.#reader.isBetween;
  }

  // ---- in

  received(bytes: Buffer): void {
    if (this.isOver) return;
    try {
      let rest = bytes;
      if (this.#prefaceAt < preface.length) {
        const to = Math.min(bytes.length, preface.length - this.#prefaceAt);
        if (!preface.subarray(this.#prefaceAt, this.#prefaceAt + to).equals(bytes.subarray(0, to)))
          throw new SessionError(errors.protocol, "not the preface of HTTP/2");
        this.#prefaceAt += to;
        if (to === bytes.length) return;
        rest = bytes.subarray(to);
      }
      this.#reader.feed(rest);
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  #failed(thrown: unknown): void {
    if (thrown instanceof SessionError) this.fail(thrown.code);
    else if (thrown instanceof HpackError) this.fail(errors.compression);
    else throw thrown;
  }

  /** A connection error: says so and ends (section 5.4.1). */
  fail(code: number): void {
    if (this.isOver) return;
    this.output.goaway(this.lastPeerId, code);
    this.#end();
  }

  #end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#reader.isStopped = true;
    this.output.flush();
    for (const stream of [...this.streams.values()]) this.#over(stream, errors.cancel);
    this.#owner.over();
  }

  /** The socket is gone. */
  closed(): void {
    if (!this.isOver) this.#end();
    this.output.close();
  }

  begins(type: number, flags: number, id: number, length: number): void {
    if (!this.#hasSettings) {
      // Section 3.4: the first frame is SETTINGS.
      if (type !== frameSettings || (flags & flagAck) !== 0)
        throw new SessionError(errors.protocol, "no SETTINGS first");
      this.#hasSettings = true;
    }
    if (this.#blockId !== 0 && (type !== frameContinuation || id !== this.#blockId))
      throw new SessionError(errors.protocol, "a frame within a header block");
    if (type === frameData) this.#beginData(id, length);
    else if (type !== frameHeaders && type !== frameContinuation) this.#spendIdle();
  }

  frame(type: number, flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    switch (type) {
      case frameHeaders:
        this.#headers(flags, id, bytes, from, to);
        break;
      case frameContinuation:
        this.#continuation(flags, id, bytes, from, to);
        break;
      case framePriority:
        this.#priority(id, bytes, from, to - from);
        break;
      case frameReset:
        this.#resetReceived(id, to - from === 4 ? read32(bytes, from) : -1);
        break;
      case frameSettings:
        this.#settings(flags, id, bytes, from, to);
        break;
      case framePush:
        throw new SessionError(errors.protocol, "a push that was not allowed");
      case framePing:
        this.#ping(flags, id, bytes, from, to - from);
        break;
      case frameGoaway:
        if (id !== 0) throw new SessionError(errors.protocol, "GOAWAY on a stream");
        if (to - from < 8) throw new SessionError(errors.frameSize, "a short GOAWAY");
        this.#owner.goaway(read32(bytes, from) & streamIdMax, read32(bytes, from + 4));
        break;
      case frameWindow:
        this.#window(id, to - from === 4 ? read32(bytes, from) & windowMax : -1);
        break;
      default:
      // Section 4.1: unknown types are overlooked.
    }
  }

  // ---- DATA

  #beginData(id: number, length: number): void {
    if (id === 0) throw new SessionError(errors.protocol, "DATA without a stream");
    this.#checkOpened(id);
    this.#receiveWindow -= length;
    if (this.#receiveWindow < 0) throw new SessionError(errors.flowControl, "DATA above the connection's window");
    this.#uncredited += length;
    if (length === 0) this.#spendIdle();
    else this.#idleFrames.give(framesPerData);
    const stream = this.streams.get(id) ?? null;
    this.#dataStream = stream;
    if (stream === null) {
      if (!this.#recent.has(id)) this.#refuseClosed(id);
    } else if (stream.isRemoteEnd) {
      this.#dataStream = null;
      this.streamError(stream, errors.streamClosed);
    } else {
      stream.receiveWindow -= length;
      if (stream.receiveWindow >= 0) return;
      this.#dataStream = null;
      this.streamError(stream, errors.flowControl);
    }
  }

  data(_id: number, bytes: Buffer): void {
    const stream = this.#dataStream;
    if (stream !== null && !stream.isClosed) stream.receive(bytes);
  }

  dataEnd(_id: number, flags: number, overhead: number): void {
    const stream = this.#dataStream;
    this.#dataStream = null;
    if (!this.isOver) this.#creditConnection();
    if (stream === null || stream.isClosed) return;
    if (overhead > 0) this.credit(stream, overhead);
    if ((flags & flagEndStream) === 0) return;
    stream.isRemoteEnd = true;
    stream.receiveEnd("");
  }

  // ---- heads

  #headers(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (id === 0) throw new SessionError(errors.protocol, "HEADERS without a stream");
    let at = from;
    let end = to;
    if ((flags & flagPadded) !== 0) {
      if (at >= end) throw new SessionError(errors.frameSize, "padding without its length");
      end -= bytes[at] ?? 0;
      at++;
    }
    if ((flags & flagPriority) !== 0) {
      if (to - at < 5) throw new SessionError(errors.frameSize, "a short priority");
      // RFC 7540 section 5.3.1; priorities themselves are overlooked (RFC 9113 section 5.3.2).
      if ((read32(bytes, at) & streamIdMax) === id) throw new SessionError(errors.protocol, "depends on itself");
      at += 5;
    }
    if (end < at) throw new SessionError(errors.protocol, "more padding than payload");
    if (this.#owner.role === "server") {
      if (id % 2 === 0) throw new SessionError(errors.protocol, "a client's stream has an odd number");
    } else this.#checkOpened(id);
    this.#blockId = id;
    this.#blockFlags = flags;
    this.#blockBytes = 0;
    this.#continuations = 0;
    this.#blockSinceMs = this.#owner.nowMs;
    this.#addBlock(flags, bytes, at, end);
  }

  #continuation(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (this.#blockId === 0 || id !== this.#blockId) throw new SessionError(errors.protocol, "CONTINUATION of nothing");
    if (++this.#continuations > this.#limits.continuationsMax)
      throw new SessionError(errors.enhanceYourCalm, "too many CONTINUATION frames");
    this.#addBlock(flags, bytes, from, to);
  }

  #addBlock(flags: number, bytes: Buffer, from: number, to: number): void {
    this.#blockBytes += to - from;
    if (this.#blockBytes > this.#limits.blockBytesMax)
      throw new SessionError(errors.enhanceYourCalm, "a header block too long");
    const part = bytes.subarray(from, to);
    if ((flags & flagEndHeaders) === 0) {
      this.#blockParts.push(Buffer.from(part));
      return;
    }
    const id = this.#blockId;
    this.#blockId = 0;
    if (this.#blockParts.length === 0) {
      this.#endBlock(id, part);
      return;
    }
    this.#blockParts.push(part);
    const whole = Buffer.concat(this.#blockParts);
    this.#blockParts = [];
    this.#endBlock(id, whole);
  }

  /** Every block is decoded, also of streams that nobody wants: the table depends on it (section 4.3). */
  #endBlock(id: number, bytes: Buffer): void {
    const isServer = this.#owner.role === "server";
    const stream = this.streams.get(id) ?? null;
    const isTrailers = stream?.hasHead === true;
    const kind = isTrailers ? "trailers" : isServer ? "request" : "reply";
    this.#block.begin(kind, this.#blockLimits.headBytesMax, this.#blockLimits.headerCountMax);
    this.#decoder.decode(bytes, this.#block);
    const isEnd = (this.#blockFlags & flagEndStream) !== 0;
    if (stream === null) this.#endUnknown(id, isEnd, bytes.length);
    else if (stream.isRemoteEnd) this.streamError(stream, errors.streamClosed);
    else if (isTrailers) this.#endTrailers(stream, isEnd);
    else this.#owner.head(id, stream, this.#block, isEnd, bytes.length + frameHeadBytes);
  }

  #endTrailers(stream: H2Stream, isEnd: boolean): void {
    // Section 8.1: a second block ends the message.
    if (!isEnd || this.#block.isMalformed || this.#block.isTooLarge) {
      this.streamError(stream, this.#block.isTooLarge ? errors.enhanceYourCalm : errors.protocol);
      return;
    }
    stream.isRemoteEnd = true;
    stream.receiveEnd(this.#block.lines);
  }

  #endUnknown(id: number, isEnd: boolean, length: number): void {
    if (this.#owner.role === "client" || this.#recent.has(id)) return;
    if (id <= this.lastPeerId) throw new SessionError(errors.streamClosed, "HEADERS on a closed stream");
    // After GOAWAY the client sends them elsewhere.
    if (id > this.goawayId) return;
    this.lastPeerId = id;
    if (this.streams.size >= this.#limits.streamsMax) {
      this.#spendReset();
      this.#sendReset(id, errors.refusedStream);
      return;
    }
    this.#owner.head(id, null, this.#block, isEnd, length + frameHeadBytes);
  }

  // ---- other frames

  #priority(id: number, bytes: Buffer, from: number, length: number): void {
    if (id === 0) throw new SessionError(errors.protocol, "PRIORITY without a stream");
    if (length !== 5) {
      this.#closeOrThrow(id, errors.frameSize);
      return;
    }
    if ((read32(bytes, from) & streamIdMax) === id) this.#closeOrThrow(id, errors.protocol);
  }

  #closeOrThrow(id: number, code: number): void {
    const stream = this.streams.get(id);
    if (stream === undefined) throw new SessionError(code, "a broken frame on a stream that is not open");
    this.streamError(stream, code);
  }

  #resetReceived(id: number, code: number): void {
    if (id === 0) throw new SessionError(errors.protocol, "RST_STREAM without a stream");
    if (code < 0) throw new SessionError(errors.frameSize, "RST_STREAM is four bytes");
    this.#checkOpened(id);
    const stream = this.streams.get(id);
    if (stream === undefined) return;
    if (this.#owner.role === "server") this.#spendReset();
    this.#over(stream, code);
  }

  #settings(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (id !== 0) throw new SessionError(errors.protocol, "SETTINGS on a stream");
    if ((flags & flagAck) !== 0) {
      if (to !== from) throw new SessionError(errors.frameSize, "an acknowledgement with settings");
      return;
    }
    if ((to - from) % 6 !== 0) throw new SessionError(errors.frameSize, "SETTINGS come in six bytes each");
    if (!this.#isSettled) this.peerStreamsMax = peerStreamsDefault;
    this.#isSettled = true;
    for (let at = from; at < to; at += 6) {
      this.#setting(((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0), read32(bytes, at + 2));
    }
    this.output.settingsAck();
    this.#owner.settled();
    this.#pumpAll();
  }

  #setting(id: number, value: number): void {
    if (id === settingTableSize) this.#encoder.peerTableSize = value;
    else if (id === settingStreamsMax) this.peerStreamsMax = value;
    else if (id === settingPush) {
      // A server never enables it.
      if (value > 1 || (value === 1 && this.#owner.role === "client"))
        throw new SessionError(errors.protocol, "SETTINGS_ENABLE_PUSH");
    } else if (id === settingFrameSize) {
      if (value < frameBytesMax || value > 2 ** 24 - 1)
        throw new SessionError(errors.protocol, "SETTINGS_MAX_FRAME_SIZE");
    } else if (id === settingWindow) {
      if (value > windowMax) throw new SessionError(errors.flowControl, "SETTINGS_INITIAL_WINDOW_SIZE");
      // Section 6.9.2: it moves the windows of all streams, perhaps below zero.
      const change = value - this.#peerWindow;
      this.#peerWindow = value;
      for (const stream of this.streams.values()) {
        stream.sendWindow += change;
        if (stream.sendWindow > windowMax) throw new SessionError(errors.flowControl, "a window too large");
      }
    }
  }

  #ping(flags: number, id: number, bytes: Buffer, from: number, length: number): void {
    if (id !== 0) throw new SessionError(errors.protocol, "PING on a stream");
    if (length !== 8) throw new SessionError(errors.frameSize, "PING is eight bytes");
    if ((flags & flagAck) === 0) this.output.ping(flagAck, bytes, from);
    else this.#owner.pong();
  }

  #window(id: number, bytes: number): void {
    if (bytes < 0) throw new SessionError(errors.frameSize, "WINDOW_UPDATE is four bytes");
    if (id === 0) {
      if (bytes === 0) throw new SessionError(errors.protocol, "a window of nothing");
      this.#sendWindow += bytes;
      if (this.#sendWindow > windowMax) throw new SessionError(errors.flowControl, "a window too large");
      this.#pumpAll();
      return;
    }
    this.#checkOpened(id);
    const stream = this.streams.get(id);
    if (stream === undefined) return;
    stream.sendWindow += bytes;
    if (bytes === 0) this.streamError(stream, errors.protocol);
    else if (stream.sendWindow > windowMax) this.streamError(stream, errors.flowControl);
    else if (this.#blocked.has(stream)) this.#pump(stream);
  }

  /** Section 5.1: on an idle stream nothing may come but HEADERS and PRIORITY. */
  #checkOpened(id: number): void {
    const isIdle =
      this.#owner.role === "server" ? id % 2 === 0 || id > this.lastPeerId : id % 2 === 0 || id >= this.#nextId;
    if (isIdle) throw new SessionError(errors.protocol, "a frame on an idle stream");
  }

  #refuseClosed(id: number): void {
    if (this.#owner.role === "server") this.#spendReset();
    this.#sendReset(id, errors.streamClosed);
  }

  #spendIdle(): void {
    if (!this.#idleFrames.spend(this.#owner.nowMs))
      throw new SessionError(errors.enhanceYourCalm, "too many frames that carry nothing");
  }

  #spendReset(): void {
    if (!this.#resets.spend(this.#owner.nowMs)) throw new SessionError(errors.enhanceYourCalm, "too many resets");
  }

  // ---- streams

  /** Opens a stream of ours, or takes one of the peer's. */
  open(id: number, events: StreamEvents): H2Stream {
    const stream = new H2Stream(id, this, events, this.#peerWindow, this.#limits.streamWindowBytes);
    this.streams.set(id, stream);
    return stream;
  }

  /** The number of our next stream, or 0 where there are none left. */
  nextId(): number {
    if (this.#nextId > streamIdMax - 2) return 0;
    const id = this.#nextId;
    this.#nextId += 2;
    return id;
  }

  streamError(stream: H2Stream, code: number): void {
    if (stream.isClosed) return;
    // CVE-2025-8671: streams that a client makes us end cost as much as those it ends itself.
    const isSpent = this.#owner.role === "client" || this.#resets.spend(this.#owner.nowMs);
    this.reset(stream, code, true);
    if (!isSpent) this.fail(errors.enhanceYourCalm);
  }

  /** Ends a stream. `isTold`: its events hear of it. */
  reset(stream: H2Stream, code: number, isTold = false): void {
    if (stream.isClosed) return;
    this.#sendReset(stream.id, code);
    if (!isTold) stream.events = nobody;
    this.#over(stream, code);
  }

  /** RST_STREAM for a stream of which nobody has made an object. */
  refuse(id: number, code: number): void {
    this.#spendReset();
    this.#sendReset(id, code);
  }

  #sendReset(id: number, code: number): void {
    if (this.isOver) return;
    this.output.reset(id, code);
    this.#recent.add(id);
    if (this.#recent.size <= recentMax) return;
    for (const oldest of this.#recent) {
      this.#recent.delete(oldest);
      return;
    }
  }

  #over(stream: H2Stream, code: number): void {
    if (stream.isClosed) return;
    stream.close();
    this.streams.delete(stream.id);
    this.#blocked.delete(stream);
    stream.events.broken(code);
    this.#owner.streamOver();
  }

  #endIfBoth(stream: H2Stream): void {
    if (!stream.isLocalEnd || !stream.isRemoteEnd || stream.isClosed) return;
    stream.close();
    this.streams.delete(stream.id);
    this.#blocked.delete(stream);
    this.#owner.streamOver();
  }

  receivedEnd(stream: H2Stream): void {
    this.#endIfBoth(stream);
  }

  // ---- out

  /** A head, as `write` writes it. */
  sendHead(stream: H2Stream, write: (encoder: HpackEncoder) => void, isEnd: boolean): void {
    const encoder = this.#encoder;
    encoder.begin();
    write(encoder);
    this.output.headers(stream.id, encoder.finish(), isEnd);
    if (isEnd) this.#ended(stream);
  }

  sendStatus(stream: H2Stream, status: number, text: string, from: number, isEnd: boolean): number {
    const encoder = this.#encoder;
    encoder.begin();
    encoder.status(status);
    encoder.lines(text, from, text.length);
    const bytes = this.output.headers(stream.id, encoder.finish(), isEnd);
    if (isEnd) this.#ended(stream);
    return bytes;
  }

  sendData(stream: H2Stream, bytes: Buffer): number {
    if (this.isOver || this.output.isStalled) return 0;
    const total = Math.min(bytes.length, stream.sendWindow, this.#sendWindow);
    if (total <= 0) return 0;
    for (let at = 0; at < total; at += frameBytesMax) {
      this.output.data(stream.id, bytes, at, Math.min(total, at + frameBytesMax), false);
      this.#idleFrames.give(framesPerData);
    }
    stream.sendWindow -= total;
    this.#sendWindow -= total;
    stream.bytesOut += total;
    return total;
  }

  sendEnd(stream: H2Stream, trailers: string): void {
    if (this.isOver) return;
    if (trailers !== "") {
      const encoder = this.#encoder;
      encoder.begin();
      encoder.lines(trailers, 0, trailers.length);
      this.output.headers(stream.id, encoder.finish(), true);
    } else if (!this.output.endLast(stream.id)) this.output.data(stream.id, Buffer.alloc(0), 0, 0, true);
    this.#ended(stream);
  }

  #ended(stream: H2Stream): void {
    stream.isLocalEnd = true;
    this.#endIfBoth(stream);
  }

  block(stream: H2Stream): void {
    if (this.#blocked.has(stream)) return;
    this.#blocked.add(stream);
    stream.markMs = this.#owner.nowMs;
    stream.markBytes = stream.bytesOut;
  }

  /** The socket takes bytes again. */
  drained(): void {
    this.output.drained();
    this.#stalledMs = 0;
    this.#pumpAll();
  }

  #pumpAll(): void {
    // Those that wait are served in turn: whoever goes on waiting stands behind the others.
    for (const stream of [...this.#blocked]) {
      if (this.#sendWindow <= 0 || this.output.isStalled) return;
      this.#pump(stream);
    }
  }

  #pump(stream: H2Stream): void {
    const { markMs, markBytes } = stream;
    this.#blocked.delete(stream);
    if (stream.pump() || stream.isClosed) return;
    this.block(stream);
    stream.markMs = markMs;
    stream.markBytes = markBytes;
  }

  credit(stream: H2Stream, bytes: number): void {
    stream.receiveWindow += bytes;
    stream.uncreditedBytes += bytes;
    // A window's half at a time: a frame per read would cost more than it gives.
    if (stream.isRemoteEnd || stream.uncreditedBytes * 2 < this.#limits.streamWindowBytes) return;
    this.output.window(stream.id, stream.uncreditedBytes);
    stream.uncreditedBytes = 0;
  }

  held(change: number): void {
    this.#heldBytes += change;
    if (change < 0 && !this.isOver) this.#creditConnection();
  }

  #creditConnection(): void {
    if (this.#heldBytes > this.#limits.heldBytesMax) return;
    if (this.#uncredited * 2 < this.#limits.connectionWindowBytes) return;
    this.output.window(0, this.#uncredited);
    this.#receiveWindow += this.#uncredited;
    this.#uncredited = 0;
  }

  /** Looks for streams and a socket that take nothing, and for a header block that does not end. */
  sweep(headTimeoutMs: number): void {
    const { nowMs } = this.#owner;
    const { writeStallMs } = this.#blockLimits;
    if (this.#blockId !== 0 && nowMs - this.#blockSinceMs > headTimeoutMs) {
      this.fail(errors.enhanceYourCalm);
      return;
    }
    if (!this.output.isStalled) this.#stalledMs = 0;
    else if (this.#stalledMs === 0) this.#stalledMs = nowMs;
    else if (nowMs - this.#stalledMs > writeStallMs) {
      this.fail(errors.cancel);
      return;
    }
    for (const stream of [...this.#blocked]) {
      if (stream.bytesOut - stream.markBytes >= this.#limits.stallBytesMin) {
        stream.markMs = nowMs;
        stream.markBytes = stream.bytesOut;
      } else if (nowMs - stream.markMs > writeStallMs) this.reset(stream, errors.cancel, true);
    }
  }
}
