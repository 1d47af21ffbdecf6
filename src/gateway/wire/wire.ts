import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type Clock, systemClock } from "../../base/clock.ts";
import { randomBase62 } from "../../base/ids.ts";
import { type Log, silentLog } from "../../base/log.ts";
import type { Dispatch, Finished } from "../engine.ts";
import { acceptHttp2, ServerConnection } from "../h2/server-connection.ts";
import { acceptQueueOf } from "./accept-queue.ts";
import { BlockPool } from "./block-pool.ts";
import { ClientConnection } from "./client-connection.ts";
import type { Connection, WireContext } from "./context.ts";
import { trustList } from "./forwarding.ts";
import { defaultWireLimits, type WireLimits } from "./limits.ts";
import type { TlsDoor, TlsFacts } from "./sides.ts";
import { Wheel } from "./wheel.ts";
import { WireExchange } from "./wire-exchange.ts";

/** What a wire is made with. */
export interface WireOptions {
  /** Each request whose head is complete and legal. */
  readonly dispatch: Dispatch;
  /** Each exchange after its end. */
  readonly finished?: Finished;
  readonly limits?: Partial<WireLimits>;
  readonly clock?: Clock;
  readonly log?: Log;
  /** Shared with the upstreams of the thread; the wire makes its own where it gets none. */
  readonly wheel?: Wheel;
  /** Begins every request id of this thread; random where absent. */
  readonly idPrefix?: string;
  /** Addresses and networks whose forwarding fields are believed. */
  readonly trustedProxies?: readonly string[];
}

/** Where to listen. */
export interface ListenOptions {
  /** 0: any free one. */
  readonly port: number;
  readonly host?: string;
  /** Several threads listen on one port. */
  readonly reusePort?: boolean;
  /** Speaks HTTPS: the door shakes hands. */
  readonly tls?: TlsDoor;
}

/** The HTTP/1.1 engine of one thread. */
export interface Wire {
  readonly connectionCount: number;
  /** Exchanges that have begun and not ended. */
  readonly exchangeCount: number;
  /** Exchanges that are long: upgraded connections and streams of events. */
  readonly streams: { readonly upgraded: number; readonly events: number };
  listen(options: ListenOptions): Promise<AddressInfo>;
  /** Serves a connection that somebody else has accepted. */
  accept(socket: Socket, scheme: "http" | "https", tls?: TlsFacts | null): void;
  /**
   * Answers who has connected already, then stops listening; idle connections may bring a last request, replies end with `Connection:
   * close`, upgraded connections and streams of events end properly. Cuts off what is left at the deadline.
   */
  drain(deadlineMs: number): Promise<void>;
  /** Ends everything now. */
  close(): Promise<void>;
}

/** Exchanges that wait to be used again: more than are ever in flight at once on one thread would only be memory. */
const idleExchangesMax = 1024;

/** A listener to which somebody always comes is closed after so many turns of the loop. */
const queueTurnsMax = 10_000;

/** The last two digits of a request id, made once. */
const lowIds: readonly string[] = Array.from({ length: 36 * 36 }, (_, low) => low.toString(36).padStart(2, "0"));

/** Makes the HTTP/1.1 engine of a thread. It listens only when told to. */
export const createWire = (options: WireOptions): Wire => {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? silentLog;
  const wheel = options.wheel ?? new Wheel(clock);
  const limits: WireLimits = { ...defaultWireLimits, ...options.limits };
  const idPrefix = options.idPrefix ?? `${randomBase62(10)}-`;
  const servers = new Set<Server>();
  const connections = new Set<Connection>();
  const idle: WireExchange[] = [];
  let highId = -1;
  let lowId = lowIds.length;
  let idBegin = "";
  let running = 0;
  let date = "";
  let dateUntilMs = -1;
  let whenEmpty: (() => void) | null = null;
  let isDraining = false;
  let isClosed = false;
  let accepted = 0;
  const streams = { upgraded: 0, events: 0 };

  const context: WireContext = {
    limits,
    clock,
    log,
    wheel,
    dispatch: options.dispatch,
    blocks: new BlockPool(),
    finished: (x, outcome) => {
      running--;
      options.finished?.(x, outcome);
    },
    get isDraining() {
      return isDraining;
    },
    streams,
    take: () => idle.pop() ?? new WireExchange(log),
    giveBack: (x) => {
      x.reset();
      if (idle.length < idleExchangesMax) idle.push(x);
    },
    nextId: () => {
      running++;
      if (lowId === lowIds.length) {
        lowId = 0;
        highId++;
        idBegin = idPrefix + highId.toString(36);
      }
      return idBegin + (lowIds[lowId++] ?? "");
    },
    dateText: () => {
      if (wheel.nowMs >= dateUntilMs) {
        const nowMs = clock.nowMs();
        date = new Date(nowMs).toUTCString();
        dateUntilMs = wheel.nowMs + 1000 - (nowMs % 1000);
      }
      return date;
    },
    isTrustedProxy: trustList(options.trustedProxies ?? []),
    speakHttp2: (socket, connection) => {
      const next = new ServerConnection(socket, connection, context, forget);
      connections.add(next);
      connections.delete(connection);
      if (isDraining) next.drain();
      return next;
    },
  };

  const doors = new Set<TlsDoor>();
  /** Nobody is connected, nor about to be. */
  const isEmpty = (): boolean => {
    if (connections.size > 0) return false;
    for (const door of doors) if (door.inFlight > 0) return false;
    return true;
  };
  const forget = (connection: Connection): void => {
    connections.delete(connection);
    if (whenEmpty !== null && isEmpty()) whenEmpty();
  };

  const accept = (socket: Socket, scheme: "http" | "https", tls: TlsFacts | null = null): void => {
    accepted++;
    if (isClosed || connections.size >= limits.connectionsMax) {
      socket.destroy();
      return;
    }
    if (scheme === "https" && "alpnProtocol" in socket && socket.alpnProtocol === "h2") {
      connections.add(acceptHttp2(socket, scheme, context, forget, tls));
      return;
    }
    connections.add(new ClientConnection(socket, scheme, context, forget, tls));
  };

  const stopListening = (): Promise<void> =>
    Promise.all([...servers].map((server) => new Promise<void>((resolve) => server.close(() => resolve())))).then(
      () => {},
    );

  /**
   * Takes who stands in the kernel's queues, whose handshake is done; settles at a moment when nobody does, for closing the listeners. What
   * comes within the few microseconds between is reset by the kernel, unless another thread listens and `net.ipv4.tcp_migrate_req` is 1.
   */
  const queuesEmpty = async (): Promise<void> => {
    for (let turn = 0; turn < queueTurnsMax; turn++) {
      const before = accepted;
      await new Promise((resolve) => setImmediate(resolve));
      if (accepted === before && [...servers].every((server) => acceptQueueOf(server) === 0)) return;
    }
  };

  const cutOff = (): void => {
    for (const door of doors) door.cutOff();
    for (const connection of [...connections]) connection.destroy();
  };

  const serve = (door: TlsDoor | undefined): Server => {
    const shared = { allowHalfOpen: true, noDelay: true };
    if (door === undefined)
      return createServer({ ...shared, pauseOnConnect: true }, (socket) => accept(socket, "http"));
    doors.add(door);
    return createServer(shared, (raw) => {
      accepted++;
      if (isClosed || connections.size + door.inFlight >= limits.connectionsMax) {
        raw.destroy();
        return;
      }
      door.open(raw, (socket, facts) => {
        if (socket !== null) accept(socket, "https", facts);
        else if (whenEmpty !== null && isEmpty()) whenEmpty();
      });
    });
  };

  return {
    get connectionCount() {
      return connections.size;
    },
    get exchangeCount() {
      return running;
    },
    listen: (where) =>
      new Promise((resolve, reject) => {
        const server = serve(where.tls);
        server.once("error", reject);
        server.listen(
          { port: where.port, host: where.host ?? "127.0.0.1", reusePort: where.reusePort ?? false, backlog: 1024 },
          () => {
            server.removeListener("error", reject);
            server.on("error", (error) => log.error("listening failed", { error }));
            servers.add(server);
            const address = server.address();
            if (address === null || typeof address === "string") reject(new Error("no address"));
            else resolve(address);
          },
        );
      }),
    get streams() {
      return streams;
    },
    accept,
    drain: async (deadlineMs) => {
      isDraining = true;
      // First the listeners: whoever is told to go must not come back here.
      await queuesEmpty();
      const stopped = stopListening();
      for (const connection of [...connections]) connection.drain();
      if (!isEmpty()) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(() => {
            isClosed = true;
            cutOff();
            resolve();
          }, deadlineMs);
          whenEmpty = () => {
            clearTimeout(timer);
            resolve();
          };
          if (isEmpty()) whenEmpty();
        });
      }
      await stopped;
      if (options.wheel === undefined) wheel.close();
    },
    close: async () => {
      isDraining = true;
      isClosed = true;
      const stopped = stopListening();
      cutOff();
      await stopped;
      if (options.wheel === undefined) wheel.close();
    },
  };
};
