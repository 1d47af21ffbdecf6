/** Why a frame may not pass: its form (close code 1002), or its size (1009). */
export type FrameProblem = "" | "protocol" | "frame-too-large" | "message-too-large";

/** Limits of what passes in one direction. */
export interface FrameLimits {
  readonly frameBytesMax: number;
  readonly messageBytesMax: number;
}

const opcodeContinuation = 0;
const opcodeClose = 8;
const controlBytesMax = 125;
/** RFC 6455 section 7.4.1: the code of a close frame that names none. */
const noCode = 1005;

/**
 * Watches the WebSocket frames of one direction go by (RFC 6455 section 5.2): finds where each begins and counts its bytes. It unmasks,
 * joins and holds nothing; only a header that has not come whole waits for its rest.
 */
export class FrameWatcher {
  problem: FrameProblem = "";
  /** Code of the close frame that has passed, 0 where none has. */
  closeCode = 0;
  readonly #limits: FrameLimits;
  readonly #isMasked: boolean;
  /** Payload of the running frame that has not come yet. */
  #left = 0;
  /** Payload of the running message so far. */
  #messageBytes = 0;
  #isInMessage = false;

  /** `isMasked`: frames of a client, which must be masked (section 5.1); those of a server must not. */
  constructor(isMasked: boolean, limits: FrameLimits) {
    this.#isMasked = isMasked;
    this.#limits = limits;
  }

  /** True where the next byte begins a frame: another frame may be put in here. */
  get isBetweenFrames(): boolean {
    return this.#left === 0;
  }

  /** How many of the bytes may pass now. What is behind them is the begin of a header (send it again with its rest), or refused. */
  feed(bytes: Buffer): number {
    let at = 0;
    for (;;) {
      const passing = Math.min(this.#left, bytes.length - at);
      this.#left -= passing;
      at += passing;
      if (at >= bytes.length) return at;
      const next = this.#readHeader(bytes, at);
      if (next === at) return at;
      at = next;
    }
  }

  /** Up to where the current frame goes on in `bytes`: for whoever ends the stream at the frame's end. */
  restOfFrame(bytes: Buffer): number {
    const passing = Math.min(this.#left, bytes.length);
    this.#left -= passing;
    return passing;
  }

  /** Behind the header, or `at` where it is incomplete or refused. */
  #readHeader(bytes: Buffer, at: number): number {
    if (bytes.length - at < 2) return at;
    const first = bytes[at] ?? 0;
    const second = bytes[at + 1] ?? 0;
    const isMasked = (second & 0x80) !== 0;
    let length = second & 0x7f;
    let payloadAt = at + 2;
    if (length === 126) payloadAt += 2;
    else if (length === 127) payloadAt += 8;
    if (isMasked) payloadAt += 4;
    if (bytes.length < payloadAt) return at;
    if (length === 126) length = bytes.readUInt16BE(at + 2);
    else if (length === 127) length = bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6);
    this.problem = this.#problemOf(first, isMasked, length);
    if (this.problem !== "") return at;
    const opcode = first & 0x0f;
    if (opcode === opcodeClose) this.closeCode = closeCodeOf(bytes, payloadAt, length, isMasked);
    this.#left = length;
    return payloadAt;
  }

  #problemOf(first: number, isMasked: boolean, length: number): FrameProblem {
    const opcode = first & 0x0f;
    const isFinal = (first & 0x80) !== 0;
    if (isMasked !== this.#isMasked) return "protocol";
    if (length > this.#limits.frameBytesMax) return "frame-too-large";
    // Section 5.5: control frames are short and not fragmented; they may come between the frames of a message.
    if (opcode >= opcodeClose) return length > controlBytesMax || !isFinal ? "protocol" : "";
    // Section 5.4: a message begins with its kind and goes on with continuations.
    if ((opcode === opcodeContinuation) !== this.#isInMessage) return "protocol";
    this.#messageBytes = this.#isInMessage ? this.#messageBytes + length : length;
    this.#isInMessage = !isFinal;
    return this.#messageBytes > this.#limits.messageBytesMax ? "message-too-large" : "";
  }
}

/** The code at the begin of a close frame's payload, where it came with the header. */
const closeCodeOf = (bytes: Buffer, payloadAt: number, length: number, isMasked: boolean): number => {
  if (length < 2 || bytes.length < payloadAt + 2) return noCode;
  const code = bytes.readUInt16BE(payloadAt);
  return isMasked ? code ^ bytes.readUInt16BE(payloadAt - 4) : code;
};

/** A close frame that the gateway itself sends; `mask` of four bytes towards a server (section 5.3). */
export const closeFrame = (code: number, mask: Uint8Array | null): Buffer => {
  const frame = Buffer.alloc(mask === null ? 4 : 8);
  frame[0] = 0x80 | opcodeClose;
  frame[1] = mask === null ? 2 : 0x82;
  frame.writeUInt16BE(code, frame.length - 2);
  if (mask !== null) {
    frame.set(mask, 2);
    for (const at of [0, 1]) frame[6 + at] = (frame[6 + at] ?? 0) ^ (mask[at] ?? 0);
  }
  return frame;
};
