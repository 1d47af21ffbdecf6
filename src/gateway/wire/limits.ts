import { defaultH2Limits, type H2Limits } from "../h2/h2-limits.ts";

/** What one thread's wire takes from its clients. Every limit is a number that a test can move. */
export interface WireLimits {
  /** Request line and fields together, with their line ends: 431 above. */
  readonly headBytesMax: number;
  /** The request target alone: 414 above. */
  readonly targetBytesMax: number;
  /** Fields of a head, and of a trailer section: 431 above. */
  readonly headerCountMax: number;
  /** Declared or counted bytes of a request body: 413 above. */
  readonly bodyBytesMax: number;
  readonly trailerBytesMax: number;
  /** Chunk extensions of one body together; they are read, ignored and not forwarded (RFC 9112 section 7.1.1). */
  readonly chunkExtensionBytesMax: number;
  /** From the first byte of a head (or from the connection's start) to its last: 408 above. */
  readonly headTimeoutMs: number;
  /** A connection between two requests. */
  readonly idleTimeoutMs: number;
  /** Between two reads of a request body that is wanted: 408 above. */
  readonly bodyStallMs: number;
  /** A client that does not take the reply's bytes. */
  readonly writeStallMs: number;
  /** Rest of a request body that is read and thrown away after an early reply, so that the connection can be kept. */
  readonly unreadBodyBytesMax: number;
  /** How long a connection that we close is still read, so that the client sees the reply before a reset. */
  readonly lingerMs: number;
  /** A client that has closed its sending side gets a reply that begins within this time; then it counts as gone. */
  readonly halfClosedMs: number;
  /** How long a connection without a request may bring a last one when the gateway drains: its answer says `Connection: close`. */
  readonly drainIdleMs: number;
  readonly connectionsMax: number;
  /** What concerns HTTP/2 alone. */
  readonly http2: H2Limits;
}

/** What a thread uses unless told otherwise. */
export const defaultWireLimits: WireLimits = {
  headBytesMax: 32 * 1024,
  targetBytesMax: 8 * 1024,
  headerCountMax: 100,
  bodyBytesMax: 4 * 1024 ** 3,
  trailerBytesMax: 8 * 1024,
  chunkExtensionBytesMax: 16 * 1024,
  headTimeoutMs: 10_000,
  idleTimeoutMs: 60_000,
  bodyStallMs: 30_000,
  writeStallMs: 60_000,
  unreadBodyBytesMax: 256 * 1024,
  lingerMs: 2_000,
  halfClosedMs: 1_000,
  drainIdleMs: 1_000,
  connectionsMax: 20_000,
  http2: defaultH2Limits,
};
