import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { fileURLToPath } from "node:url";

/** Heap of the gateway for each connection that waits, over what bare sockets cost. Timings play no part. */
export const measureIdle = async (): Promise<void> => {
  for (const { name, count, ask, isProxied } of kinds) {
    const origin = await startOrigin();
    const bare = await heapOf(isProxied ? "bare-proxy" : "bare", origin.port, count, ask);
    const own = await heapOf("gateway", origin.port, count, ask);
    await origin.close();
    const perConnection = (bytes: number): string => `${(bytes / count / 1024).toFixed(2)} KiB`;
    console.log(
      `  ${String(count).padStart(6)} ${name.padEnd(22)} heap ${perConnection(own.heap)} each, bare ${perConnection(bare.heap)}: ` +
        `${perConnection(own.heap - bare.heap)} over the sockets' own (goal < 6); resident ${perConnection(own.rss)} and ${perConnection(bare.rss)}`,
    );
  }
};

const key = "dGhlIHNhbXBsZSBub25jZQ==";
const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
const handshake = `GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`;

const kinds = [
  { name: "idle keep-alive", count: 10_000, ask: "GET /items HTTP/1.1\r\nHost: a\r\n\r\n", isProxied: false },
  { name: "WebSockets", count: 5_000, ask: handshake, isProxied: true },
  { name: "streams of events", count: 5_000, ask: "GET /events HTTP/1.1\r\nHost: a\r\n\r\n", isProxied: true },
] as const;

const startOrigin = async (): Promise<{ readonly port: number; close(): Promise<void> }> => {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (bytes) => {
      const text = bytes.toString("latin1");
      if (text.startsWith("GET /chat"))
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
        );
      else if (text.startsWith("GET /events"))
        socket.write(
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n",
        );
      else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
  });
  server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 });
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

const heapOf = async (
  what: string,
  originPort: number,
  count: number,
  ask: string,
): Promise<{ readonly heap: number; readonly rss: number }> => {
  const child = fork(fileURLToPath(new URL("./idle-server.ts", import.meta.url)), [what, String(originPort)], {
    execArgv: ["--expose-gc"],
  });
  const [{ port }] = await once(child, "message");
  const measure = async (): Promise<{ readonly heapUsed: number; readonly rss: number }> => {
    child.send("measure");
    const [figures] = await once(child, "message");
    return figures;
  };
  const sockets: Socket[] = [];
  const open = async (): Promise<void> => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    sockets.push(socket);
    socket.write(ask);
    await once(socket, "data");
  };
  // What is made once is not to be counted.
  for (let at = 0; at < 50; at++) await open();
  const before = await measure();
  for (let at = 0; at < count; at += 100) await Promise.all(Array.from({ length: 100 }, open));
  const after = await measure();
  child.disconnect();
  await once(child, "exit");
  for (const socket of sockets) socket.destroy();
  return { heap: after.heapUsed - before.heapUsed, rss: after.rss - before.rss };
};
