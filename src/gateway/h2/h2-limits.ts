/** What one HTTP/2 connection takes from its peer, beside the limits of `WireLimits` that hold for every version. */
export interface H2Limits {
  /** Streams at once: SETTINGS_MAX_CONCURRENT_STREAMS; REFUSED_STREAM above. */
  readonly streamsMax: number;
  /** Bytes of a body that one stream may send ahead of whoever takes them. */
  readonly streamWindowBytes: number;
  /** The same of all streams of a connection. */
  readonly connectionWindowBytes: number;
  /** Bytes of bodies that a connection may have waiting here; above, the connection's window is not opened again until some have gone on. */
  readonly heldBytesMax: number;
  /** Compressed bytes of one header block with its CONTINUATION frames (CVE-2024-27316). */
  readonly blockBytesMax: number;
  /** CONTINUATION frames of one header block. */
  readonly continuationsMax: number;
  /** Octets of our side's table for header compression: SETTINGS_HEADER_TABLE_SIZE. */
  readonly tableBytes: number;
  /**
   * Streams that a client may end before their reply, or make us end by breaking rules, at once and per second: more is an attack
   * (CVE-2023-44487, CVE-2025-8671).
   */
  readonly resetsBurst: number;
  readonly resetsPerSecond: number;
  /** Frames that carry nothing (SETTINGS, PING, PRIORITY, WINDOW_UPDATE, empty DATA, unknown ones), at once and per second. */
  readonly idleFramesBurst: number;
  readonly idleFramesPerSecond: number;
  /** A stream whose peer takes fewer bytes than this within `writeStallMs` counts as stalled, however many windows it sends. */
  readonly stallBytesMin: number;
}

/** What a thread uses unless told otherwise. */
export const defaultH2Limits: H2Limits = {
  streamsMax: 128,
  streamWindowBytes: 256 * 1024,
  connectionWindowBytes: 1024 * 1024,
  heldBytesMax: 4 * 1024 * 1024,
  blockBytesMax: 64 * 1024,
  continuationsMax: 16,
  tableBytes: 4096,
  resetsBurst: 200,
  resetsPerSecond: 50,
  idleFramesBurst: 1_000,
  idleFramesPerSecond: 200,
  stallBytesMin: 1_024,
};
