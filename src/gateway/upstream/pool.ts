import type { Socket } from "node:net";
import { messageOf, systemCodeOf } from "../../base/fault.ts";
import type { Log } from "../../base/log.ts";
import { refuse } from "../../exchange/refuse.ts";
import { BackendConnection } from "../h2/backend-connection.ts";
import type { BackendPool } from "../h2/backend-stream.ts";
import type { BlockPool } from "../wire/block-pool.ts";
import type { ChunkLimits } from "../wire/chunk-decoder.ts";
import type { HeadLimits } from "../wire/head.ts";
import type { Wheel } from "../wire/wheel.ts";
import type { ByteReceiver, Dial, Dialled } from "./dial.ts";
import type { Resolver } from "./resolver.ts";
import type { Place } from "./target.ts";
import type { TraceIds } from "./trace-ids.ts";
import type { UpstreamCall } from "./upstream-call.ts";
import { type PoolSide, UpstreamConnection } from "./upstream-connection.ts";

/** What all pools of a thread share. */
export interface PoolTools {
  readonly wheel: Wheel;
  readonly resolver: Resolver;
  readonly dial: Dial;
  readonly log: Log;
  readonly traceIds: TraceIds;
  readonly headLimits: HeadLimits;
  readonly bodyLimits: ChunkLimits;
  readonly replyStallMs: number;
  /** Where all sockets of the thread read into. */
  readonly blocks: BlockPool;
}

/** The connections of one thread to one place: a stack of idle ones, last in first out, a limit, and a queue with a limit and a deadline. */
export class Pool implements PoolSide, BackendPool {
  readonly name: string;
  readonly wheel: Wheel;
  readonly blocks: BlockPool;
  readonly traceIds: TraceIds;
  readonly headLimits: HeadLimits;
  readonly bodyLimits: ChunkLimits;
  readonly replyStallMs: number;
  readonly isTls: boolean;
  readonly idleTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly #place: Place;
  readonly #tools: PoolTools;
  readonly #idle: UpstreamConnection[] = [];
  readonly #connections = new Set<UpstreamConnection>();
  /** Upgraded connections and streams of events: bounded by the clients' connections, not by the place's. */
  readonly #long = new Set<UpstreamConnection>();
  /** Connections that carry many calls at once. */
  readonly #shared: BackendConnection[] = [];
  readonly #sharedOpen = new Set<BackendConnection>();
  /** What ALPN has agreed on last. */
  #isHttp1: boolean;
  readonly #dials = new Set<() => void>();
  readonly #waiting: UpstreamCall[] = [];
  #dialCount = 0;
  #isClosed = false;

  constructor(place: Place, tools: PoolTools) {
    this.name = `${place.hostname}:${place.port}`;
    this.#place = place;
    this.#tools = tools;
    this.#isHttp1 = place.protocol === "http/1.1";
    this.isTls = place.isTls;
    this.idleTimeoutMs = place.idleTimeoutMs;
    this.connectTimeoutMs = place.connectTimeoutMs;
    this.wheel = tools.wheel;
    this.blocks = tools.blocks;
    this.traceIds = tools.traceIds;
    this.headLimits = tools.headLimits;
    this.bodyLimits = tools.bodyLimits;
    this.replyStallMs = tools.replyStallMs;
  }

  get connectionCount(): number {
    return this.#connections.size + this.#long.size + this.#sharedOpen.size;
  }

  get idleCount(): number {
    return this.#idle.length;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  send(call: UpstreamCall): void {
    for (const connection of this.#shared) {
      if (!connection.mayBegin) continue;
      connection.begin(call);
      return;
    }
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) break;
      if (!connection.isUsable) {
        connection.destroy();
        continue;
      }
      connection.begin(call, true);
      return;
    }
    if (this.#waiting.length - this.#dials.size >= this.#place.pendingMax && !this.#mayDial) {
      call.settle(refuse("backend.overloaded"));
      return;
    }
    this.#wait(call, false);
  }

  /** In front of the queue and, where the limit allows, on a connection of its own: idle ones may be as dead as the last. */
  resend(call: UpstreamCall): void {
    this.#wait(call, true);
  }

  release(connection: UpstreamConnection): void {
    const next = this.#waiting.length === 0 ? undefined : this.#waiting.shift();
    if (next !== undefined) {
      this.#leaveQueue(next);
      connection.begin(next, true);
      return;
    }
    if (this.#isClosed) {
      connection.destroy();
      return;
    }
    this.#idle.push(connection);
    this.wheel.set(connection, this.#place.idleTimeoutMs);
  }

  leave(connection: UpstreamConnection): void {
    if (!this.#connections.delete(connection)) return;
    this.#long.add(connection);
    this.#placeFree();
  }

  forget(connection: UpstreamConnection): void {
    if (this.#long.delete(connection) || !this.#connections.delete(connection)) return;
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#placeFree();
  }

  // ---- BackendPool: connections that carry many calls

  hasRoom(connection: BackendConnection): void {
    while (this.#waiting.length > 0 && connection.mayBegin) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#leaveQueue(next);
      connection.begin(next);
    }
    if (this.#isClosed && connection.isIdle) connection.destroy();
    else this.#placeFree();
  }

  leaveShared(connection: BackendConnection): void {
    const at = this.#shared.indexOf(connection);
    if (at >= 0) this.#shared.splice(at, 1);
  }

  forgetShared(connection: BackendConnection): void {
    if (this.#sharedOpen.delete(connection)) this.#placeFree();
  }

  #placeFree(): void {
    // Whoever waited for a free place gets it.
    if (this.#waiting.length > this.#dials.size && this.#mayDial) this.#dial();
  }

  /** No table uses it any more: idle connections end now, busy ones after their call. */
  close(): void {
    this.#isClosed = true;
    for (const connection of [...this.#idle]) connection.destroy();
    for (const connection of [...this.#shared]) connection.drain();
  }

  /** Ends everything now. */
  destroy(): void {
    this.close();
    for (const cancel of [...this.#dials]) cancel();
    this.#dials.clear();
    for (const call of this.#waiting.splice(0)) {
      this.#leaveQueue(call);
      call.settle(refuse("backend.unreachable"));
    }
    for (const connection of [...this.#connections, ...this.#long]) connection.abandonAndDestroy();
    for (const connection of [...this.#sharedOpen]) connection.destroy();
  }

  get #mayDial(): boolean {
    const count = this.#connections.size + this.#sharedOpen.size + this.#dials.size;
    // One connection may carry all who wait: no more are begun before it is known what it speaks.
    return count < this.#place.connectionsMax && (this.#isHttp1 || this.#dials.size === 0);
  }

  #wait(call: UpstreamCall, isFirst: boolean): void {
    if (isFirst) this.#waiting.unshift(call);
    else this.#waiting.push(call);
    call.x.record?.upstream(call, "queued", this.name);
    call.x.backendSide = call;
    call.whenAbandoned = this.#leave;
    call.whenExpired = this.#expire;
    this.wheel.set(call, this.#place.connectTimeoutMs + 100);
    if (this.#mayDial) this.#dial();
  }

  readonly #leave = (call: UpstreamCall): void => {
    const at = this.#waiting.indexOf(call);
    if (at >= 0) this.#waiting.splice(at, 1);
    this.#leaveQueue(call);
  };

  readonly #expire = (call: UpstreamCall): void => {
    const isDialling = this.#dials.size > 0;
    this.#leave(call);
    call.settle(refuse(isDialling ? "backend.connect_timeout" : "backend.overloaded"));
  };

  #leaveQueue(call: UpstreamCall): void {
    this.wheel.remove(call);
    call.whenAbandoned = null;
    call.whenExpired = null;
    if (call.x.backendSide === call) call.x.backendSide = null;
  }

  #dial(): void {
    let cancel: (() => void) | null = null;
    let isDone = false;
    const done = (dialled: Dialled): void => {
      isDone = true;
      if (cancel !== null) this.#dials.delete(cancel);
      if (dialled.socket === null) this.#failed(dialled);
      else if (this.#speaksHttp2(dialled.socket)) this.#share(dialled.socket, dialled.receiver);
      else if (this.#place.protocol === "h2") {
        dialled.socket.destroy();
        this.#failed({ isTimeout: false, cause: new Error("the backend does not agree on HTTP/2") });
      } else {
        const connection = new UpstreamConnection(dialled.socket, dialled.receiver, this);
        this.#connections.add(connection);
        const next = this.#waiting.shift();
        if (next === undefined) this.release(connection);
        else {
          this.#leaveQueue(next);
          connection.begin(next, false);
        }
        if (!this.#isHttp1) this.#foundHttp1();
      }
    };
    const { dial, resolver } = this.#tools;
    cancel = dial(this.#place, resolver, this.wheel, this.blocks.readBuffer, this.#dialCount++, done);
    if (!isDone) this.#dials.add(cancel);
  }

  #speaksHttp2(socket: Socket): boolean {
    const { protocol } = this.#place;
    if (protocol === "http/1.1" || protocol === "h2c") return protocol === "h2c";
    return "alpnProtocol" in socket && socket.alpnProtocol === "h2";
  }

  #share(socket: Socket, receiver: ByteReceiver): void {
    this.#isHttp1 = false;
    const connection = new BackendConnection(socket, receiver, this);
    this.#shared.push(connection);
    this.#sharedOpen.add(connection);
    this.hasRoom(connection);
  }

  /** ALPN has agreed on HTTP/1.1: whoever else waits needs a connection of his own. */
  #foundHttp1(): void {
    this.#isHttp1 = true;
    while (this.#waiting.length > this.#dials.size && this.#mayDial) this.#dial();
  }

  #failed({ isTimeout, cause }: { readonly isTimeout: boolean; readonly cause: unknown }): void {
    this.#tools.log.warn("a backend could not be reached", {
      host: this.#place.hostname,
      port: this.#place.port,
      reason: isTimeout ? "timeout" : (systemCodeOf(cause) ?? messageOf(cause)),
    });
    const call = this.#waiting.shift();
    if (call === undefined) return;
    this.#leaveQueue(call);
    call.settle(refuse(isTimeout ? "backend.connect_timeout" : "backend.unreachable"));
    if (!this.#isHttp1) this.#placeFree();
  }
}
