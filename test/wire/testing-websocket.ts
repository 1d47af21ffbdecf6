import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import type { Origin } from "./testing-wire.ts";

/** A WebSocket server that echoes, with what it saw. */
export interface EchoOrigin extends Origin {
  readonly server: Server;
  readonly handshakes: readonly IncomingMessage[];
  readonly sockets: readonly WebSocket[];
  readonly closes: readonly { readonly code: number; readonly reason: string }[];
}

const leftOpen = new Set<() => Promise<void>>();
after(async () => {
  for (const close of leftOpen) await close();
});

/** An independent WebSocket implementation behind the gateway: echoes messages as they came, text as text. */
export const startEchoOrigin = async (
  options: { readonly perMessageDeflate?: boolean; readonly protocols?: readonly string[] } = {},
): Promise<EchoOrigin> => {
  const handshakes: IncomingMessage[] = [];
  const sockets: WebSocket[] = [];
  const closes: { code: number; reason: string }[] = [];
  const server = createServer((_request, response) => response.end("plain"));
  const upgrades = new WebSocketServer({
    server,
    perMessageDeflate: options.perMessageDeflate ? { threshold: 0 } : false,
    maxPayload: 512 * 1024 * 1024,
    handleProtocols: (asked) => options.protocols?.find((protocol) => asked.has(protocol)) ?? false,
  });
  upgrades.on("connection", (socket, request) => {
    handshakes.push(request);
    sockets.push(socket);
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on("error", () => {});
    socket.on("close", (code, reason) => closes.push({ code, reason: reason.toString() }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async (): Promise<void> => {
    if (!leftOpen.delete(close)) return;
    for (const socket of sockets) socket.terminate();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  leftOpen.add(close);
  return {
    port: (server.address() as AddressInfo).port,
    connections: [],
    text: "",
    requestLines: [],
    server,
    handshakes,
    sockets,
    closes,
    close,
  };
};

/** A client of the independent implementation, connected. */
export const connectWebSocket = async (
  port: number,
  options: { readonly path?: string; readonly protocols?: string[]; readonly deflate?: boolean } = {},
): Promise<WebSocket> => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${options.path ?? "/chat"}`, options.protocols ?? [], {
    perMessageDeflate: options.deflate ? { threshold: 0 } : false,
    maxPayload: 512 * 1024 * 1024,
  });
  await once(socket, "open");
  return socket;
};

/** The next message as text. */
export const nextMessage = async (socket: WebSocket): Promise<string> => {
  const [data] = await once(socket, "message");
  return String(data);
};

/** Code and reason of the close. */
export const closed = async (socket: WebSocket): Promise<{ readonly code: number; readonly reason: string }> => {
  const [code, reason] = await once(socket, "close");
  return { code: Number(code), reason: String(reason) };
};
