import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { after } from "node:test";
import { type ConnectionOptions, connect } from "node:tls";
import { systemClock } from "../../src/base/clock.ts";
import { replyWith } from "../../src/exchange/reply.ts";
import type { EngineExchange } from "../../src/gateway/engine.ts";
import { createTlsDoor, type DoorOptions, type ThreadDoor, tlsCounters } from "../../src/gateway/tls/tls-door.ts";
import { Wheel } from "../../src/gateway/wire/wheel.ts";
import { createWire, type Wire } from "../../src/gateway/wire/wire.ts";
import type { TlsState } from "../../src/model/tls.ts";

/** A wire that speaks HTTPS and answers every call itself. */
export interface TestDoor {
  readonly port: number;
  readonly wire: Wire;
  readonly door: ThreadDoor;
  readonly counters: Readonly<Record<(typeof tlsCounters)[number], number>>;
  use(state: TlsState, secret?: Uint8Array): ReturnType<ThreadDoor["use"]>;
  close(): Promise<void>;
}

const open = new Set<TestDoor>();
after(async () => {
  for (const door of open) await door.close();
});

/** The answer that shows what the gateway knows of the client. */
const tellCertificate = (x: EngineExchange): void => {
  const shown = x.request.clientCertificate;
  const text =
    shown === null ? "none" : `${shown.subject} ${shown.isVerified ? "verified" : `unverified ${shown.verifyError}`}`;
  x.isReusable = true;
  x.answer(replyWith(200, "text/plain", text));
};

export const startDoor = async (
  state: TlsState,
  options: Partial<DoorOptions> & {
    readonly secret?: Uint8Array;
    readonly dispatch?: (x: EngineExchange) => void;
  } = {},
): Promise<TestDoor> => {
  const wheel = new Wheel(systemClock, 10);
  const counted = new Uint32Array(tlsCounters.length);
  const door = createTlsDoor({ wheel, counters: counted, ...options });
  const wire = createWire({ dispatch: options.dispatch ?? tellCertificate, wheel });
  const secret = options.secret ?? randomBytes(48);
  door.use(state, secret);
  const { port } = await wire.listen({ port: 0, tls: door });
  const made: TestDoor = {
    port,
    wire,
    door,
    get counters() {
      const [handshakes = 0, resumed = 0, failed = 0, refused = 0] = counted;
      return { handshakes, resumed, failed, refused };
    },
    use: (next, other = secret) => door.use(next, other),
    close: async () => {
      open.delete(made);
      await wire.close();
      wheel.close();
    },
  };
  open.add(made);
  return made;
};

/** What came of a call on a connection of its own. */
export interface DoorAnswer {
  readonly text: string;
  readonly isResumed: boolean;
  /** The newest session that the server gave. */
  readonly session: Buffer | undefined;
}

/** One request over TLS; rejects where the handshake or the connection fails before an answer. */
export const askDoor = async (
  port: number,
  options: ConnectionOptions & { readonly host?: string; readonly asked?: string; readonly path?: string } = {},
): Promise<DoorAnswer> => {
  const { asked, path = "/", ...rest } = options;
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...rest });
  let session: Buffer | undefined;
  socket.on("session", (one) => {
    session = one;
  });
  let text = "";
  socket.on("data", (bytes) => {
    text += String(bytes);
  });
  await once(socket, "secureConnect");
  const isResumed = socket.isSessionReused();
  const host = asked ?? rest.servername ?? "any.example";
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  await once(socket, "close");
  if (text === "") throw new Error("closed without an answer");
  return { text, isResumed, session };
};
