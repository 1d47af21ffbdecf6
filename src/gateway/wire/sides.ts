import type { Socket } from "node:net";
import type { Fault } from "../../base/fault.ts";
import type { ClientCertificate } from "../../exchange/client-certificate.ts";
import type { Framing } from "./head.ts";

/** Where the bytes of a body go. */
export interface BodySink {
  /** Nothing that was taken is held any more: its memory may be used again. */
  readonly isFlushed: boolean;
  /** False: hold further bytes until `resume` of the source is called. */
  take(bytes: Buffer): boolean;
  /** The body is complete; trailer lines with their CRLF, empty where there are none. */
  end(trailers: string): void;
  /** The body broke off; nothing more comes. */
  fail(why: Fault): void;
}

/** Where the bytes of a body come from. One sink, once. */
export interface BodySource {
  readonly framing: Framing;
  /** Declared bytes where the framing is `length`. */
  readonly length: number;
  /** Bytes begin to flow, perhaps before this returns. `isRaw`: a chunked body keeps its chunk framing. */
  start(sink: BodySink, isRaw: boolean): void;
  resume(): void;
  /** Nobody wants the rest. */
  cancel(): void;
}

/** What the TLS handshake of a connection settled. */
export interface TlsFacts {
  /** The name that the client asked for, in lower case; empty where it named none. */
  readonly serverName: string;
  readonly clientCertificate: ClientCertificate | null;
  /** False where the rules of that host (with its port, as in `Host`) are others than those that this connection was let in by. */
  serves(host: string): boolean;
}

/** Opens TLS on accepted sockets. */
export interface TlsDoor {
  /** Connections whose handshake is under way. */
  readonly inFlight: number;
  /** Shakes hands; `done` gets the socket, or null where nothing came of it. */
  open(raw: Socket, done: (socket: Socket | null, facts: TlsFacts | null) => void): void;
  /** Ends what is under way. */
  cutOff(): void;
}

/** What carries an exchange to and from its client. */
export interface ClientSide {
  /** The version of HTTP that the client speaks, as `Via` names it; of HTTP/1 the newest. */
  readonly protocol: "1.1" | "2";
  readonly scheme: "http" | "https";
  /** The socket's address, IPv4 in its own notation. */
  readonly address: string;
  /** The peer is a proxy whose forwarding fields are believed. */
  readonly isPeerTrusted: boolean;
  readonly isGone: boolean;
  /** Forwarding lines of the last request and the host they were made for: clients seldom change it. */
  forwardingHost: string;
  forwardingLines: string;
  /** Writes the exchange's reply; the exchange is concluded. */
  send(): void;
}

/** What an exchange waits for at its backend. */
export interface BackendSide {
  /** The client has gone or the reply is not wanted: gives up, and settles if it had not. */
  abandon(): void;
}

/** What an end of an upgraded connection tells. */
export interface TunnelEvents {
  received(bytes: Buffer): void;
  /** What was written to this end has been taken. */
  drained(): void;
  /** The peer sends nothing more. */
  ended(): void;
  /** Nothing goes to or comes from the peer any more. */
  closed(): void;
}

/** One end of a connection that has left HTTP: bytes without framing. */
export interface TunnelEnd {
  /** What is spoken now, in lower case. */
  readonly protocol: string;
  readonly isFlushed: boolean;
  /** Once; bytes that have come already are handed on before this returns. It stays paused until `resume`. */
  start(events: TunnelEvents): void;
  /** False: hold further bytes until `drained`. */
  write(bytes: Buffer): boolean;
  /** Nothing more is written. */
  end(): void;
  pause(): void;
  resume(): void;
  destroy(): void;
}
