import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { after } from "node:test";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import type { BuiltBackend, ClusterConfig, UpstreamTarget } from "../../src/exchange/backend.ts";
import type { RetryRule } from "../../src/exchange/delivery-rules.ts";
import type { ExchangeOutcome, ForwardOptions } from "../../src/exchange/exchange.ts";
import type { Reply } from "../../src/exchange/reply.ts";
import type { EngineExchange } from "../../src/gateway/engine.ts";
import {
  attachBackendTable,
  type BackendRowFacts,
  createBackendMemory,
  readBackends,
} from "../../src/gateway/shared/backend-table.ts";
import { type StreamSettings, streamDefaults } from "../../src/gateway/stream-settings.ts";
import { createUpstreams, type Upstreams, type UpstreamsOptions } from "../../src/gateway/upstream/upstreams.ts";
import { Wheel } from "../../src/gateway/wire/wheel.ts";
import { createWire, type Wire, type WireOptions } from "../../src/gateway/wire/wire.ts";

/** One connection that an origin has accepted, with every byte that came. */
export interface OriginConnection {
  readonly socket: Socket;
  text: string;
  isClosed: boolean;
  hasEnded: boolean;
}

/** A backend on a raw socket: it records exactly what it received and answers what the test says. */
export interface Origin {
  readonly port: number;
  readonly connections: OriginConnection[];
  /** Everything received on all connections. */
  readonly text: string;
  /** Request lines received, in order: each is one request that reached the backend. */
  readonly requestLines: readonly string[];
  close(): Promise<void>;
}

/** Called with each connection when bytes have come. */
export type OriginHandler = (connection: OriginConnection, bytes: string) => void;

/** Answers each request head with the same bytes, when the head (and no body) is there. */
export const answering =
  (reply: string): OriginHandler =>
  (connection, bytes) => {
    const heads = bytes.split("\r\n\r\n").length - 1;
    for (let at = 0; at < heads; at++) connection.socket.write(reply, "latin1");
  };

/** A plain reply with a length. */
export const okReply = (body = "hello", headers = ""): string =>
  `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;

/** What a failed test has left open: closed when the file has run, so that its process ends. */
const leftOpen = new Set<() => Promise<void>>();
after(async () => {
  for (const close of leftOpen) await close();
});

/** Remembers to close, and forgets once it is done. */
const closing = (close: () => Promise<void>): (() => Promise<void>) => {
  const once = async (): Promise<void> => {
    if (leftOpen.delete(once)) await close();
  };
  leftOpen.add(once);
  return once;
};

export const startOrigin = async (handler: OriginHandler): Promise<Origin> => {
  const connections: OriginConnection[] = [];
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const connection: OriginConnection = { socket, text: "", isClosed: false, hasEnded: false };
    connections.push(connection);
    socket.on("data", (bytes) => {
      const text = bytes.toString("latin1");
      connection.text += text;
      handler(connection, text);
    });
    socket.on("end", () => {
      connection.hasEnded = true;
      socket.end();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      connection.isClosed = true;
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: portOf(server),
    connections,
    get text() {
      return connections.map(({ text }) => text).join("");
    },
    get requestLines() {
      return connections.flatMap(({ text }) => text.match(/^[A-Z]+ \S+ HTTP\/1\.1$/gm) ?? []);
    },
    close: closing(async () => {
      for (const { socket } of connections) socket.destroy();
      server.close();
      await once(server, "close");
    }),
  };
};

const portOf = (server: Server): number => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server does not listen on a port");
  return address.port;
};

/** A raw client: sends bytes, holds what came back. */
export interface RawClient {
  readonly socket: Socket;
  readonly text: string;
  readonly isClosed: boolean;
  readonly hasEnded: boolean;
  send(text: string): void;
  /** Waits until the received text satisfies, or the connection has ended; fails after two seconds. */
  until(isEnough: (text: string) => boolean): Promise<string>;
  /** Waits until the server has closed; answers everything received. */
  whole(): Promise<string>;
}

export const connectRaw = async (
  port: number,
  { isRecording = true }: { readonly isRecording?: boolean } = {},
): Promise<RawClient> => {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  let text = "";
  let isClosed = false;
  let hasEnded = false;
  let wake = (): void => {};
  if (isRecording) {
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
      wake();
    });
  }
  socket.on("error", () => {});
  socket.on("end", () => {
    hasEnded = true;
    wake();
  });
  socket.on("close", () => {
    isClosed = true;
    wake();
  });
  await once(socket, "connect");
  const forget = closing(async () => {
    socket.destroy();
  });
  socket.once("close", () => void forget());
  const wait = async (isEnough: () => boolean): Promise<void> => {
    const endsAtMs = performance.now() + 5_000;
    while (!isEnough()) {
      const leftMs = endsAtMs - performance.now();
      if (leftMs <= 0) throw new Error(`nothing more came; so far: ${JSON.stringify(text.slice(0, 2_000))}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  return {
    socket,
    get text() {
      return text;
    },
    get isClosed() {
      return isClosed;
    },
    get hasEnded() {
      return hasEnded;
    },
    send: (bytes) => {
      socket.write(bytes, "latin1");
    },
    until: async (isEnough) => {
      await wait(() => isEnough(text) || hasEnded || isClosed);
      return text;
    },
    whole: async () => {
      await wait(() => hasEnded || isClosed);
      socket.end();
      return text;
    },
  };
};

/** Waits until something outside has become true. */
export const eventually = async (isTrue: () => boolean, what = "the condition"): Promise<void> => {
  const endsAtMs = performance.now() + 5_000;
  while (!isTrue()) {
    if (performance.now() > endsAtMs) throw new Error(`${what} did not become true`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

/** What a test wants of the gateway between wire and backend. */
export interface TestWireOptions {
  readonly origin?: Origin;
  readonly target?: Partial<UpstreamTarget>;
  readonly limits?: WireOptions["limits"];
  readonly upstreams?: UpstreamsOptions;
  readonly trustedProxies?: readonly string[];
  readonly clock?: Clock;
  readonly forward?: ForwardOptions;
  /** Instead of one target. */
  readonly cluster?: ClusterConfig;
  /** As policies would ask; `named` are the other backends. */
  readonly forwarding?: ForwardOptions | ((upstreams: Upstreams) => ForwardOptions);
  readonly named?: (upstreams: Upstreams) => Readonly<Record<string, BuiltBackend>>;
  /** What the route allows beyond ordinary calls; WebSocket where absent. */
  readonly streams?: Partial<StreamSettings>;
  /** Decides instead of forwarding: a reply, or undefined to forward. */
  readonly inbound?: (x: EngineExchange) => Reply | undefined | Promise<Reply | undefined>;
  /** Runs when the backend's reply is there. */
  readonly outbound?: (x: EngineExchange) => Reply | undefined | Promise<Reply | undefined>;
}

/** Settings of a route that allows WebSocket, with no open streams. */
export const testStreams = (more: Partial<StreamSettings> = {}): StreamSettings => ({
  ...streamDefaults,
  upgrade: ["websocket"],
  drainMs: null,
  open: new Set(),
  ...more,
});

/** An exchange that has ended. */
export interface Ended {
  readonly outcome: ExchangeOutcome;
  readonly id: string;
  readonly method: string;
  readonly path: string;
}

export interface TestWire {
  readonly port: number;
  readonly wire: Wire;
  readonly wheel: Wheel;
  readonly upstreams: Upstreams;
  readonly ended: readonly Ended[];
  /** What the threads know about a backend or a target; the name of a target ends in its URL. */
  facts(nameEnd: string): BackendRowFacts["words"];
  connect(): Promise<RawClient>;
  /** Sends bytes on a fresh connection and answers everything until the gateway closes. */
  ask(bytes: string): Promise<string>;
  close(): Promise<void>;
}

/** A target with the engine's usual settings. */
export const targetOf = (origin: Origin | undefined, more: Partial<UpstreamTarget> = {}): UpstreamTarget => ({
  url: `http://127.0.0.1:${origin?.port ?? 1}`,
  connectTimeoutMs: 2_000,
  timeoutMs: 5_000,
  idleTimeoutMs: 30_000,
  connectionsMax: 64,
  pendingMax: 64,
  preserveHost: false,
  tls: { verify: true },
  headers: [],
  query: [],
  ...more,
});

/** A cluster of these origins, round robin, without any rule. */
export const clusterOf = (origins: readonly Origin[], more: Partial<ClusterConfig> = {}): ClusterConfig => ({
  name: "orders",
  targets: origins.map((origin) => ({ target: targetOf(origin), weight: 1, priority: 0, zone: "" })),
  balance: { kind: "round-robin" },
  affinity: null,
  health: null,
  outlier: null,
  breaker: null,
  limits: null,
  retry: null,
  budget: { ratio: 1, perSecondMin: 100 },
  hedge: null,
  tryTimeoutMs: undefined,
  panicShare: 0.1,
  slowStartMs: 0,
  ...more,
});

/** A rule that retries everything it may, without waiting. */
export const retryRule = (more: Partial<RetryRule> = {}): RetryRule => ({
  attempts: 2,
  on: new Set(["connect", "reset", "timeout", "overloaded"]),
  statuses: new Set([502, 503, 504]),
  idempotent: "methods",
  backoffMs: 0,
  backoffMsMax: 0,
  retryAfterMsMax: 2_000,
  bodyBytesMax: 65_536,
  ...more,
});

/** A wire, the upstreams, and the smallest run between them: inbound, forward, outbound. */
export const startTestWire = async (options: TestWireOptions = {}): Promise<TestWire> => {
  const clock = options.clock ?? systemClock;
  const wheel = new Wheel(clock, 10);
  const memory = createBackendMemory(1);
  const table = attachBackendTable(memory, 0, () => clock.monotonicMs());
  const upstreams = createUpstreams({ clock, wheel, table, ...options.upstreams });
  const plain =
    options.cluster === undefined
      ? upstreams.to(targetOf(options.origin, options.target))
      : upstreams.cluster(options.cluster);
  const { forwarding } = options;
  const asked = typeof forwarding === "function" ? forwarding(upstreams) : forwarding;
  const named = options.named?.(upstreams) ?? {};
  const backend: BuiltBackend =
    asked === undefined
      ? plain
      : {
          send: (x, forward, settled) =>
            upstreams.deliver(x, plain, { ...asked, ...forward }, (name) => named[name], settled),
          dispose: plain.dispose,
        };
  const streams = testStreams(options.streams);
  const ended: Ended[] = [];
  const wire = createWire({
    clock,
    wheel,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.trustedProxies === undefined ? {} : { trustedProxies: options.trustedProxies }),
    dispatch: (x) => {
      x.streams = streams;
      run(x, backend, options);
    },
    finished: (x, outcome) => {
      ended.push({ outcome, id: x.id, method: x.request.method, path: x.request.path });
    },
  });
  const { port } = await wire.listen({ port: 0 });
  return {
    port,
    wire,
    wheel,
    upstreams,
    ended,
    facts: (nameEnd) => {
      const row = readBackends(memory).find(({ kind, name }) => kind !== "budget" && name.endsWith(nameEnd));
      if (row === undefined) throw new Error(`nothing is known about ${nameEnd}`);
      return row.words;
    },
    connect: () => connectRaw(port),
    ask: async (bytes) => {
      const client = await connectRaw(port);
      client.send(bytes);
      return client.whole();
    },
    close: closing(async () => {
      await wire.close();
      upstreams.close();
      wheel.close();
    }),
  };
};

const run = (x: EngineExchange, backend: BuiltBackend, options: TestWireOptions): void => {
  const outbound = (): void => {
    const answer = options.outbound?.(x);
    if (answer instanceof Promise) {
      answer.then(
        (reply) => conclude(x, reply),
        (thrown: unknown) => conclude(x, faultReply(thrown)),
      );
    } else conclude(x, answer);
  };
  const forward = (refusal: Reply | undefined): void => {
    if (refusal !== undefined) {
      x.answer(refusal);
      return;
    }
    backend.send(x, options.forward ?? {}, (refused) => {
      if (refused === undefined) outbound();
      else x.answer(refused);
    });
  };
  x.isReusable = options.inbound === undefined && options.outbound === undefined;
  const decided = options.inbound?.(x);
  if (decided instanceof Promise) {
    decided.then(forward, (thrown: unknown) => x.answer(faultReply(thrown)));
  } else forward(decided);
};

const conclude = (x: EngineExchange, reply: Reply | undefined): void => {
  if (reply === undefined) x.deliver();
  else x.answer(reply);
};

const faultReply = (thrown: unknown): Reply => {
  const status = thrown instanceof Error && "status" in thrown ? Number(thrown.status) : 500;
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "policy.fault";
  return { status, headers: [], body: null, problem: { code, title: "fault", detail: String(thrown) } };
};
