/** The work that is compared. Every peer does the same for a case, or says that it cannot. */
export const cases = ["pass-through", "key-limit"] as const;
export type Case = (typeof cases)[number];

export const caseTitles: Readonly<Record<Case, string>> = {
  "pass-through": "route, request id, access counters, forward",
  "key-limit": "key look-up, rate limit, usage counters, request id, forward",
};

/** What a peer is started with. */
export interface PeerStart {
  readonly case: Case;
  readonly port: number;
  readonly originPort: number;
  /** A fresh directory of its own. */
  readonly directory: string;
  /** The key that calls carry in `X-API-Key`; limits are set so high that they are counted and never reached. */
  readonly key: string;
}

/** A gateway of the comparison. */
export interface Peer {
  readonly name: string;
  readonly cases: readonly Case[];
  /** Undefined when it can run here; else what is missing. */
  missing(): string | undefined;
  /** The command that runs it in the foreground, with its configuration written to `directory`. */
  command(start: PeerStart): Promise<{ readonly program: string; readonly args: readonly string[] }>;
}
