import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type ClientCertificate, clientCertificateOf } from "../../exchange/client-certificate.ts";
import type { TlsState } from "../../model/tls.ts";
import type { TlsDoor, TlsFacts } from "../wire/sides.ts";
import type { Timed, Wheel } from "../wire/wheel.ts";
import { helloBytesMax, readClientHello } from "./client-hello.ts";
import { makeProfiles, noProfiles, type TlsProblem, type TlsProfile, type TlsProfiles } from "./tls-profiles.ts";

/** What a thread takes from clients before they are connections. Every limit is a number that a test can move. */
export interface TlsLimits {
  /** From the connection to the end of the handshake. */
  readonly handshakeTimeoutMs: number;
  /** Handshakes at once on one thread; who comes beyond is let go at once. */
  readonly handshakesMax: number;
}

const defaultTlsLimits: TlsLimits = { handshakeTimeoutMs: 10_000, handshakesMax: 1_000 };

/** Counters of handshakes, in one array for all threads. */
export const tlsCounters = ["handshakes", "resumed", "failed", "refused"] as const;

/** What a door is made with. */
export interface DoorOptions {
  readonly wheel: Wheel;
  /** One word for each of `tlsCounters`; counted up. */
  readonly counters: Uint32Array;
  readonly limits?: Partial<TlsLimits>;
  readonly alpn?: readonly string[];
}

/** The door of a thread, and how its certificates are exchanged. */
export interface ThreadDoor extends TlsDoor {
  /** Serves with these certificates from the next handshake on; answers which of them cannot be used. */
  use(state: TlsState, ticketSecret: Uint8Array): readonly TlsProblem[];
}

/** A connection on its way. */
interface Visitor extends Timed {
  readonly raw: Socket;
  readonly key: string;
  readonly done: (socket: Socket | null, facts: TlsFacts | null) => void;
  serverName: string;
  /** What has come of the hello. */
  bytes: Buffer | null;
}

const [handshakesAt, resumedAt, failedAt, refusedAt] = [0, 1, 2, 3];

/** Nobody is let in before `use` has brought a certificate. */
export const createTlsDoor = (options: DoorOptions): ThreadDoor => {
  const limits: TlsLimits = { ...defaultTlsLimits, ...options.limits };
  const { wheel, counters } = options;
  /** By both ends' addresses: Node makes the TLS socket between two lines of ours, and this is how it is known again. */
  const visitors = new Map<string, Visitor>();
  let profiles: TlsProfiles = noProfiles;
  let secret: Uint8Array = new Uint8Array();

  const count = (counter: number): void => {
    counters[counter] = (counters[counter] ?? 0) + 1;
  };

  const leave = (visitor: Visitor): boolean => {
    if (!visitors.delete(visitor.key)) return false;
    wheel.remove(visitor);
    return true;
  };

  const giveUp = (visitor: Visitor): void => {
    if (!leave(visitor)) return;
    count(failedAt);
    visitor.raw.destroy();
    visitor.done(null, null);
  };

  const secured = (socket: TLSSocket, profile: TlsProfile): void => {
    const visitor = visitors.get(keyOf(socket));
    if (visitor === undefined) {
      socket.destroy();
      return;
    }
    const shown = profile.clientAuth === "none" ? undefined : socket.getPeerX509Certificate();
    // OpenSSL has turned away already who must show one and does not; a resumed session is asked once more.
    if (profile.clientAuth === "required" && (shown === undefined || !socket.authorized)) {
      giveUp(visitor);
      return;
    }
    leave(visitor);
    count(handshakesAt);
    if (socket.isSessionReused()) count(resumedAt);
    const certificate =
      shown === undefined
        ? null
        : clientCertificateOf({
            certificate: shown,
            verifyError: socket.authorized ? "" : codeOf(socket.authorizationError),
            authorities: profile.authorities,
          });
    visitor.done(socket, new ConnectionFacts(visitor.serverName, certificate, profile, () => profiles));
  };

  const readHello = (visitor: Visitor): void => {
    const { raw } = visitor;
    for (let chunk: Buffer | null = raw.read(); chunk !== null; chunk = raw.read()) {
      visitor.bytes = visitor.bytes === null ? chunk : Buffer.concat([visitor.bytes, chunk]);
    }
    if (visitor.bytes === null) return;
    const hello = readClientHello(visitor.bytes);
    if (hello.kind === "incomplete" && visitor.bytes.length <= helloBytesMax) return;
    raw.removeAllListeners("readable");
    const profile = hello.kind === "hello" ? profiles.find(hello.serverName) : null;
    if (hello.kind !== "hello" || profile === null) {
      giveUp(visitor);
      return;
    }
    visitor.serverName = hello.serverName;
    raw.unshift(visitor.bytes);
    visitor.bytes = null;
    profile.server.emit("connection", raw);
  };

  return {
    get inFlight() {
      return visitors.size;
    },
    open: (raw, done) => {
      const key = keyOf(raw);
      if (visitors.size >= limits.handshakesMax || profiles.isEmpty || visitors.has(key)) {
        count(refusedAt);
        raw.destroy();
        done(null, null);
        return;
      }
      const visitor: Visitor = {
        raw,
        key,
        done,
        serverName: "",
        bytes: null,
        deadlineMs: 0,
        wheelTick: -1,
        wheelNext: null,
        wheelPrevious: null,
        expire: () => giveUp(visitor),
      };
      visitors.set(key, visitor);
      wheel.set(visitor, limits.handshakeTimeoutMs);
      // Followed by `close`.
      raw.on("error", () => {});
      raw.on("close", () => giveUp(visitor));
      raw.on("end", () => giveUp(visitor));
      raw.on("readable", () => readHello(visitor));
    },
    cutOff: () => {
      for (const visitor of [...visitors.values()]) giveUp(visitor);
    },
    use: (state, ticketSecret) => {
      // Other tickets mean other contexts, whatever the certificates say.
      const before = Buffer.compare(secret, ticketSecret) === 0 ? profiles : withoutHashes(profiles);
      secret = ticketSecret;
      const made = makeProfiles(state, before, {
        ticketSecret,
        alpn: options.alpn ?? ["h2", "http/1.1"],
        // The wheel's deadline comes first: it counts from the connection on.
        handshakeTimeoutMs: limits.handshakeTimeoutMs * 2,
        secured,
      });
      profiles = made.profiles;
      return made.problems;
    },
  };
};

/** The same profiles, none of which counts as unchanged. */
const withoutHashes = (profiles: TlsProfiles): TlsProfiles => ({
  ...profiles,
  all: profiles.all.map((profile) => ({ ...profile, hash: "" })),
});

const keyOf = (socket: Socket): string =>
  `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`;

/** Node's types say Error, its code says string. */
const codeOf = (error: Error | string | null): string =>
  typeof error === "string" ? error : error !== null && "code" in error ? String(error.code) : "UNVERIFIED";

/** What one connection was let in by. */
class ConnectionFacts implements TlsFacts {
  readonly serverName: string;
  readonly clientCertificate: ClientCertificate | null;
  readonly #profile: TlsProfile;
  readonly #current: () => TlsProfiles;
  /** The last host that was found right, and by which profiles: clients seldom change it. */
  #host = "";
  #profiles: TlsProfiles | null = null;

  constructor(
    serverName: string,
    certificate: ClientCertificate | null,
    profile: TlsProfile,
    current: () => TlsProfiles,
  ) {
    this.serverName = serverName;
    this.clientCertificate = certificate;
    this.#profile = profile;
    this.#current = current;
  }

  serves(host: string): boolean {
    const profiles = this.#current();
    if (host === this.#host && profiles === this.#profiles) return true;
    const asked = profiles.find(nameOf(host));
    if (asked !== null && asked.rulesKey !== this.#profile.rulesKey) return false;
    this.#host = host;
    this.#profiles = profiles;
    return true;
  }
}

/** A host without its port and without a last dot. */
const nameOf = (host: string): string => host.replace(/:\d*$/, "").replace(/\.$/, "");
