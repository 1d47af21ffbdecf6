import type { Socket } from "node:net";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Dispatch, Finished } from "../engine.ts";
import type { BlockPool } from "./block-pool.ts";
import type { WireLimits } from "./limits.ts";
import type { ClientSide, TlsFacts, TunnelEvents } from "./sides.ts";
import type { Wheel } from "./wheel.ts";
import type { WireExchange } from "./wire-exchange.ts";

/** A connection as others see it: to be drained, or ended. */
export interface Connection {
  drain(): void;
  destroy(): void;
}

/** A connection that has begun as HTTP/1. */
export type Http1Client = Connection &
  Pick<ClientSide, "scheme" | "address" | "isPeerTrusted"> & { readonly tls: TlsFacts | null };

/** What all connections of a thread share. */
export interface WireContext {
  readonly limits: WireLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly wheel: Wheel;
  readonly dispatch: Dispatch;
  readonly finished: Finished;
  /** Where all plain sockets of the thread read into. */
  readonly blocks: BlockPool;
  readonly isDraining: boolean;
  /** Long exchanges that are open. */
  readonly streams: { upgraded: number; events: number };
  /** An exchange as new. */
  take(): WireExchange;
  /** Gives an exchange back that nobody holds any more. */
  giveBack(x: WireExchange): void;
  nextId(): string;
  /** The `Date` of now, made once a second (RFC 9110 section 6.6.1). */
  dateText(): string;
  isTrustedProxy(address: string): boolean;
  /** Another version takes the connection over: events of its socket go to what this answers, its owner only hands them on. */
  speakHttp2(socket: Socket, connection: Http1Client): TunnelEvents;
}
