import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Timed, Wheel } from "../wire/wheel.ts";
import type { ResolvedAddress, Resolver } from "./resolver.ts";
import type { Place } from "./target.ts";

/** Is told how many bytes a socket has read into the thread's buffer; they are overwritten after the call. */
export interface ByteReceiver {
  received: (length: number) => void;
}

/** How an attempt to connect ended. */
export type Dialled =
  | { readonly socket: Socket; readonly receiver: ByteReceiver }
  | { readonly socket: null; readonly isTimeout: boolean; readonly cause: unknown };

/** Begins to connect to a place and tells how that ended, unless the answered function was called before. */
export type Dial = (
  place: Place,
  resolver: Resolver,
  wheel: Wheel,
  readBuffer: Buffer,
  firstIndex: number,
  done: (dialled: Dialled) => void,
) => () => void;

const alpnOf: Readonly<Record<Place["protocol"], string[]>> = {
  "http/1.1": ["http/1.1"],
  h2: ["h2"],
  h2c: [],
  auto: ["h2", "http/1.1"],
};

/** Each address gets at least this long before the next one is tried. */
const attemptMsMin = 250;

/**
 * Connects to one of the addresses of a place: one after the other from `firstIndex` on, all within the connect timeout.
 * TLS: verified unless the target says otherwise, with the server name of the target (RFC 6066 section 3).
 */
export const dial: Dial = (place, resolver, wheel, readBuffer, firstIndex, done) => {
  let socket: Socket | null = null;
  let addresses: readonly ResolvedAddress[] = [];
  let tried = 0;
  let isOver = false;
  let lastCause: unknown;
  let endsAtMs = 0;

  const finish = (dialled: Dialled): void => {
    if (isOver) return;
    isOver = true;
    wheel.remove(timed);
    if (dialled.socket === null) socket?.destroy();
    done(dialled);
  };

  const attempt = (): void => {
    if (isOver) return;
    const leftMs = endsAtMs - wheel.nowMs;
    const address = addresses[(firstIndex + tried) % Math.max(1, addresses.length)];
    if (tried >= addresses.length || address === undefined || leftMs <= 0) {
      finish({ socket: null, isTimeout: lastCause === undefined || leftMs <= 0, cause: lastCause });
      return;
    }
    tried++;
    const share = Math.max(attemptMsMin, place.connectTimeoutMs / addresses.length);
    wheel.set(timed, tried === addresses.length ? leftMs : Math.min(leftMs, share));
    const receiver: ByteReceiver = { received: () => {} };
    const candidate = open(place, address, readBuffer, receiver);
    socket = candidate;
    const failed = (cause: unknown): void => {
      if (socket !== candidate) return;
      socket = null;
      lastCause = cause;
      attempt();
    };
    candidate.once("error", failed);
    candidate.once(place.isTls ? "secureConnect" : "connect", () => {
      if (socket !== candidate || isOver) return;
      candidate.removeListener("error", failed);
      finish({ socket: candidate, receiver });
    });
  };

  const timed: Timed = {
    deadlineMs: 0,
    wheelTick: -1,
    wheelNext: null,
    wheelPrevious: null,
    expire: () => {
      const slow = socket;
      socket = null;
      slow?.on("error", () => {});
      slow?.destroy();
      attempt();
    },
  };

  const begin = (found: readonly ResolvedAddress[]): void => {
    addresses = found;
    attempt();
  };

  endsAtMs = wheel.nowMs + place.connectTimeoutMs;
  const found = resolver.resolve(place.hostname);
  if (found instanceof Promise) {
    // Asking for the name takes from the same time.
    wheel.set(timed, place.connectTimeoutMs);
    found.then(begin, (cause: unknown) => finish({ socket: null, isTimeout: false, cause }));
  } else begin(found);

  return () => {
    if (isOver) return;
    isOver = true;
    wheel.remove(timed);
    socket?.on("error", () => {});
    socket?.destroy();
  };
};

const open = (place: Place, { address }: ResolvedAddress, readBuffer: Buffer, receiver: ByteReceiver): Socket => {
  const shared = {
    host: address,
    port: place.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    // All sockets of the thread read into one buffer; whoever keeps bytes copies them before the call returns. No 64 KiB per read.
    onread: {
      buffer: readBuffer,
      callback: (length: number) => {
        receiver.received(length);
        return true;
      },
    },
  };
  if (!place.isTls) return connect(shared);
  const session = sessions.get(place);
  const socket = connectTls({
    ...shared,
    ...(place.serverName === "" ? {} : { servername: place.serverName }),
    ...(place.secureContext === undefined ? {} : { secureContext: place.secureContext }),
    ...(session === undefined ? {} : { session }),
    rejectUnauthorized: place.verify,
    ALPNProtocols: alpnOf[place.protocol],
  });
  // A session of TLS 1.3 may come before the server's name was checked: what was refused must not be resumed.
  socket.on("session", (given) => {
    if (socket.authorized || !place.verify) sessions.set(place, given);
  });
  return socket;
};

/** The newest TLS session of each place: the next connection need not shake hands in full (RFC 8446 section 2.2). */
const sessions = new WeakMap<Place, Buffer>();
