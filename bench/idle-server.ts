import { connect, createServer, type Server } from "node:net";
import { streamDefaults } from "../src/gateway/stream-settings.ts";
import { createUpstreams } from "../src/gateway/upstream/upstreams.ts";
import { createWire } from "../src/gateway/wire/wire.ts";

// The process whose heap is measured: the gateway's engine, or bare sockets that do nothing but stay open. Run with --expose-gc; answers
// each message of its parent with the heap in use.
const [, , what, originPort] = process.argv;

const answering = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Sockets alone: one to the client, and where the case has a backend, one to it. */
const listenBare = (hasBackend: boolean): Promise<Server> =>
  new Promise((resolve) => {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      socket.on("error", () => {});
      if (!hasBackend) {
        socket.on("data", () => socket.write(answering));
        return;
      }
      const backend = connect({ port: Number(originPort), host: "127.0.0.1", noDelay: true });
      backend.on("error", () => {});
      socket.on("data", (bytes) => backend.write(bytes));
      backend.on("data", (bytes) => socket.write(bytes));
    });
    server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => resolve(server));
  });

const listenGateway = async (): Promise<number> => {
  const upstreams = createUpstreams({});
  const backend = upstreams.to({
    url: `http://127.0.0.1:${originPort}`,
    connectTimeoutMs: 30_000,
    timeoutMs: 60_000,
    idleTimeoutMs: 55_000,
    connectionsMax: 256,
    pendingMax: 10_000,
    preserveHost: false,
    tls: { verify: true },
    headers: [],
    query: [],
  });
  const streams = { ...streamDefaults, upgrade: ["websocket"], drainMs: null, open: new Set<never>() };
  const wire = createWire({
    limits: { idleTimeoutMs: 600_000 },
    dispatch: (x) => {
      x.streams = streams;
      x.isReusable = true;
      backend.send(x, {}, (refusal) => (refusal === undefined ? x.deliver() : x.answer(refusal)));
    },
  });
  return (await wire.listen({ port: 0 })).port;
};

const port =
  what === "gateway"
    ? await listenGateway()
    : await listenBare(what === "bare-proxy").then((server) => {
        const address = server.address();
        return address !== null && typeof address === "object" ? address.port : 0;
      });
process.send?.({ port });
process.on("message", () => {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  process.send?.({ heapUsed, external, rss });
});
process.on("disconnect", () => process.exit(0));
