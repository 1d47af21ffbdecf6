/** Frame types of RFC 9113 section 6. */
export const frameData = 0;
export const frameHeaders = 1;
export const framePriority = 2;
export const frameReset = 3;
export const frameSettings = 4;
export const framePush = 5;
export const framePing = 6;
export const frameGoaway = 7;
export const frameWindow = 8;
export const frameContinuation = 9;

/** Flags. */
export const flagEndStream = 0x1;
export const flagAck = 0x1;
export const flagEndHeaders = 0x4;
export const flagPadded = 0x8;
export const flagPriority = 0x20;

/** Error codes of section 7. */
export const errors = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  connect: 10,
  enhanceYourCalm: 11,
  inadequateSecurity: 12,
  http11Required: 13,
} as const;

/** Settings of section 6.5.2. */
export const settingTableSize = 1;
export const settingPush = 2;
export const settingStreamsMax = 3;
export const settingWindow = 4;
export const settingFrameSize = 5;
export const settingHeaderList = 6;

/** What a client's connection begins with (section 3.4). */
export const preface: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export const frameHeadBytes = 9;
/** The smallest limit that a peer may have, and ours: larger frames only delay others. */
export const frameBytesMax = 16_384;
/** Windows before anybody has said anything (section 6.9.2). */
export const initialWindow = 65_535;
export const windowMax = 2 ** 31 - 1;
export const streamIdMax = 2 ** 31 - 1;

/** Writes the nine bytes that begin a frame (section 4.1). */
export const writeFrameHead = (
  out: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void => {
  out[at] = (length >>> 16) & 0xff;
  out[at + 1] = (length >>> 8) & 0xff;
  out[at + 2] = length & 0xff;
  out[at + 3] = type;
  out[at + 4] = flags;
  out[at + 5] = (streamId >>> 24) & 0x7f;
  out[at + 6] = (streamId >>> 16) & 0xff;
  out[at + 7] = (streamId >>> 8) & 0xff;
  out[at + 8] = streamId & 0xff;
};

/** Four bytes as a number without sign. */
export const read32 = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;

/** A connection error (section 5.4.1): everything ends. */
export class SessionError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.name = "SessionError";
    this.code = code;
  }
}
