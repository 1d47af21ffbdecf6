import { errors, flagPadded, frameData, frameHeadBytes, SessionError } from "./frames.ts";

/** Takes frames as they are read. Each may throw a SessionError. */
export interface FrameTaker {
  /** A frame begins; throws where it may not come now, before a byte of it is kept. */
  begins(type: number, flags: number, id: number, length: number): void;
  /** A whole frame that is not DATA: its payload is `bytes[from, to)`, valid during the call. */
  frame(type: number, flags: number, id: number, bytes: Buffer, from: number, to: number): void;
  /** Bytes of a DATA frame as they come, without padding. */
  data(id: number, bytes: Buffer): void;
  /** Its last byte has come; `overhead` bytes of it were padding. */
  dataEnd(id: number, flags: number, overhead: number): void;
}

/** Cuts the bytes of a connection into frames (RFC 9113 section 4.1), whatever pieces they come in. DATA passes; others are gathered. */
export class FrameReader {
  readonly #taker: FrameTaker;
  readonly #bytesMax: number;
  readonly #head: Buffer = Buffer.alloc(frameHeadBytes);
  #headFilled = 0;
  #type = 0;
  #flags = 0;
  #id = 0;
  #length = 0;
  /** Of the DATA frame that is passing: 1 where its length of padding is still to come. */
  #padHead = 0;
  #dataLeft = 0;
  #padLeft = 0;
  #overhead = 0;
  #isInData = false;
  #payload: Buffer | null = null;
  #payloadFilled = 0;
  /** Nothing more is read. */
  isStopped = false;

  constructor(taker: FrameTaker, bytesMax: number) {
    this.#taker = taker;
    this.#bytesMax = bytesMax;
  }

  /** True between two frames. */
  get isBetween(): boolean {
    return this.#headFilled === 0 && !this.#isInData && this.#payload === null;
  }

  feed(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && !this.isStopped) {
      if (this.#isInData) at = this.#feedData(bytes, at);
      else if (this.#payload !== null) at = this.#fillPayload(this.#payload, bytes, at);
      else if (this.#headFilled === 0 && bytes.length - at >= frameHeadBytes) {
        this.#readHead(bytes, at);
        at = this.#beginPayload(bytes, at + frameHeadBytes);
      } else {
        const to = Math.min(bytes.length, at + frameHeadBytes - this.#headFilled);
        bytes.copy(this.#head, this.#headFilled, at, to);
        this.#headFilled += to - at;
        at = to;
        if (this.#headFilled < frameHeadBytes) return;
        this.#headFilled = 0;
        this.#readHead(this.#head, 0);
        at = this.#beginPayload(bytes, at);
      }
    }
  }

  #readHead(bytes: Buffer, at: number): void {
    this.#length = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    this.#type = bytes[at + 3] ?? 0;
    this.#flags = bytes[at + 4] ?? 0;
    this.#id =
      (((bytes[at + 5] ?? 0) & 0x7f) << 24) |
      ((bytes[at + 6] ?? 0) << 16) |
      ((bytes[at + 7] ?? 0) << 8) |
      (bytes[at + 8] ?? 0);
    // Section 4.2: where it could change the connection's state it must be an error of the connection; where not, it may be.
    if (this.#length > this.#bytesMax)
      throw new SessionError(errors.frameSize, "a frame above SETTINGS_MAX_FRAME_SIZE");
    this.#taker.begins(this.#type, this.#flags, this.#id, this.#length);
  }

  #beginPayload(bytes: Buffer, from: number): number {
    if (this.#type === frameData) {
      this.#isInData = true;
      this.#dataLeft = this.#length;
      this.#padLeft = 0;
      this.#overhead = 0;
      this.#padHead = (this.#flags & flagPadded) === 0 ? 0 : 1;
      if (this.#padHead === 1 && this.#length === 0)
        throw new SessionError(errors.frameSize, "padding without its length");
      if (this.#dataLeft === 0) this.#endData();
      return from;
    }
    const to = from + this.#length;
    if (to <= bytes.length) {
      this.#taker.frame(this.#type, this.#flags, this.#id, bytes, from, to);
      return to;
    }
    this.#payload = Buffer.allocUnsafe(this.#length);
    this.#payloadFilled = 0;
    return from;
  }

  #fillPayload(payload: Buffer, bytes: Buffer, from: number): number {
    const to = Math.min(bytes.length, from + payload.length - this.#payloadFilled);
    bytes.copy(payload, this.#payloadFilled, from, to);
    this.#payloadFilled += to - from;
    if (this.#payloadFilled === payload.length) {
      this.#payload = null;
      this.#taker.frame(this.#type, this.#flags, this.#id, payload, 0, payload.length);
    }
    return to;
  }

  #feedData(bytes: Buffer, from: number): number {
    if (this.#padHead === 1) {
      this.#padHead = 0;
      this.#padLeft = bytes[from] ?? 0;
      this.#dataLeft -= 1 + this.#padLeft;
      // Section 6.1: padding as long as the payload or longer.
      if (this.#dataLeft < 0) throw new SessionError(errors.protocol, "more padding than payload");
      this.#overhead = 1 + this.#padLeft;
      if (this.#dataLeft === 0 && this.#padLeft === 0) this.#endData();
      return from + 1;
    }
    if (this.#dataLeft > 0) {
      const to = Math.min(bytes.length, from + this.#dataLeft);
      this.#dataLeft -= to - from;
      const isWhole = this.#dataLeft === 0 && this.#padLeft === 0;
      this.#taker.data(this.#id, from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
      if (isWhole) this.#endData();
      return to;
    }
    const to = Math.min(bytes.length, from + this.#padLeft);
    this.#padLeft -= to - from;
    if (this.#padLeft === 0) this.#endData();
    return to;
  }

  #endData(): void {
    this.#isInData = false;
    this.#taker.dataEnd(this.#id, this.#flags, this.#overhead);
  }
}
