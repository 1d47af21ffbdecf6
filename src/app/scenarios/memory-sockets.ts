import type { Socket } from "node:net";
import { type Duplex, duplexPair } from "node:stream";
import type { Dial } from "../../gateway/upstream/dial.ts";
import type { Place } from "../../gateway/upstream/target.ts";

/** Two ends of a connection in memory: the engine's, which it takes for a socket, and the other side's. */
export const memorySockets = (remoteAddress: string): { readonly engine: Socket; readonly peer: Duplex } => {
  const [engine, peer] = duplexPair({ allowHalfOpen: true });
  Object.assign(engine, { remoteAddress, remotePort: 49_152, setKeepAlive: same, setNoDelay: same, setTimeout: same });
  // What breaks on one side breaks on the other, as with a reset.
  engine.once("close", () => peer.destroy());
  peer.once("close", () => engine.destroy());
  peer.on("error", () => {});
  // The engine reads, writes, pauses and ends it and asks for its address: nothing that a stream and the fields above do not have.
  return { engine: engine as unknown as Socket, peer };
};

/** Connects to places in memory: `accept` gets the other side, or answers false, then nobody listens there. */
export const memoryDial =
  (accept: (place: Place, peer: () => Duplex) => boolean): Dial =>
  (place, _resolver, _wheel, readBuffer, _firstIndex, done) => {
    let isOver = false;
    setImmediate(() => {
      if (isOver) return;
      let engine: Socket | undefined;
      const isAccepted = accept(place, () => {
        const pair = memorySockets("192.0.2.1");
        engine = pair.engine;
        return pair.peer;
      });
      if (!isAccepted || engine === undefined) {
        done({ socket: null, isTimeout: false, cause: new Error("connection refused") });
        return;
      }
      const receiver = { received: (_length: number): void => {} };
      engine.on("data", (bytes: Buffer) => {
        // As a socket reads: into the thread's buffer, piece by piece.
        for (let from = 0; from < bytes.length; from += readBuffer.length)
          receiver.received(bytes.copy(readBuffer, 0, from));
      });
      done({ socket: engine, receiver });
    });
    return () => {
      isOver = true;
    };
  };

const same = function (this: unknown): unknown {
  return this;
};
