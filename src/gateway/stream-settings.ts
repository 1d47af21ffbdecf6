/** A connection that outlives ordinary calls: an upgraded connection, or a stream of events. */
export interface LongStream {
  /** Its API serves from another table now; `isRemoved`: from none. The stream's own settings say what follows. */
  retire(isRemoved: boolean): void;
}

/** What an operation allows and bounds where a connection outlives the exchange of messages. Made once per route. */
export interface StreamSettings {
  /** Protocols that a client may change to, in lower case. */
  readonly upgrade: readonly string[];
  /** An upgraded connection without a byte in either direction. */
  readonly upgradeIdleMs: number;
  /** A stream of events without a byte. */
  readonly eventIdleMs: number;
  /** The longest life of either. */
  readonly lifetimeMs: number;
  /** Payload of one WebSocket frame, as it passes: 1009 above. */
  readonly frameBytesMax: number;
  /** Payload of all frames of a WebSocket message, as they pass (compressed where the peers have agreed so): 1009 above. */
  readonly messageBytesMax: number;
  /** How long they live on when their API has changed; null: to their own end, on the table that they began with. */
  readonly drainMs: number | null;
  /** Those that are open on the compiled API: told when it retires. */
  readonly open: Set<LongStream>;
}

/** What holds where `api.yaml` is silent, but for the protocols: those are the API's to allow. */
export const streamDefaults = {
  upgradeIdleMs: 10 * 60_000,
  eventIdleMs: 60 * 60_000,
  lifetimeMs: 24 * 60 * 60_000,
  frameBytesMax: 128 * 1024 * 1024,
  messageBytesMax: 128 * 1024 * 1024,
} as const;

/** Of exchanges without a route: nothing is allowed. */
export const noStreams: StreamSettings = Object.freeze({
  ...streamDefaults,
  upgrade: [],
  drainMs: null,
  open: new Set<LongStream>(),
});
