/** The work that is compared. Every peer does the same for a case, or says that it cannot. */
export const cases = ["pass-through", "key-limit", "full", "many-apis", "tls", "http2"] as const;
export type Case = (typeof cases)[number];

export const caseTitles: Readonly<Record<Case, string>> = {
  "pass-through": "route, request id, access counters, forward",
  "key-limit": "key look-up, rate limit, usage counters, request id, forward",
  full: "POST of 1 KB: key, rate limit, JWT (RS256, seen before), CORS, two header changes, JSON Schema of the body",
  "many-apis": "pass-through where 2,000 APIs with 10 operations each are configured",
  tls: "pass-through, TLS 1.3 from the client on a kept connection",
  http2: "pass-through, HTTP/2 over TLS from the client, one stream at a time on 32 connections",
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
  /** Where the certificate and its key lie, for the cases over TLS. */
  readonly certificateFile: string;
  readonly certificateKeyFile: string;
}

/** True where clients speak TLS. */
export const isTls = (what: Case): boolean => what === "tls" || what === "http2";

/** A gateway of the comparison. */
export interface Peer {
  readonly name: string;
  readonly cases: readonly Case[];
  /** Undefined when it can run here; else what is missing. */
  missing(): string | undefined;
  /** The command that runs it in the foreground, with its configuration written to `directory`. */
  command(start: PeerStart): Promise<{ readonly program: string; readonly args: readonly string[] }>;
}
