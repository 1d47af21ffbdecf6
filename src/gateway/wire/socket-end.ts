import type { Socket } from "node:net";
import type { TunnelEnd, TunnelEvents } from "./sides.ts";

/** Peers that vanish without a word are found by TCP itself; a quiet stream would not notice otherwise. */
export const keepAliveDelayMs = 30_000;

/**
 * A socket whose connection has left HTTP. The connection that owns the socket hands its events on to here, so that no listener has to
 * be exchanged and nothing of HTTP is touched any more.
 */
export class SocketEnd implements TunnelEnd {
  readonly protocol: string;
  readonly #socket: Socket;
  #events: TunnelEvents | null = null;
  /** Bytes that came with or behind the head that ended HTTP. */
  #early: Buffer | null;
  #hasEnded: boolean;
  #isClosed = false;

  constructor(protocol: string, socket: Socket, early: Buffer | null, hasEnded: boolean) {
    this.protocol = protocol;
    this.#socket = socket;
    this.#early = early;
    this.#hasEnded = hasEnded;
    // Each direction ends by itself.
    socket.allowHalfOpen = true;
    socket.setKeepAlive(true, keepAliveDelayMs);
  }

  // ---- from the connection

  received(bytes: Buffer): void {
    if (this.#events !== null) this.#events.received(bytes);
    else this.#early = this.#early === null ? bytes : Buffer.concat([this.#early, bytes]);
  }

  drained(): void {
    this.#events?.drained();
  }

  ended(): void {
    this.#hasEnded = true;
    this.#events?.ended();
  }

  closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#events?.closed();
  }

  // ---- TunnelEnd

  start(events: TunnelEvents): void {
    this.#events = events;
    const early = this.#early;
    this.#early = null;
    if (early !== null) events.received(early);
    if (this.#isClosed) events.closed();
    else if (this.#hasEnded) events.ended();
  }

  get isFlushed(): boolean {
    return this.#socket.writableLength === 0 && !this.#socket.destroyed;
  }

  write(bytes: Buffer): boolean {
    return this.#socket.write(bytes);
  }

  end(): void {
    this.#socket.end();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
