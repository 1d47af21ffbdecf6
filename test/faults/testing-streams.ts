import { once } from "node:events";
import { Agent, createServer, request } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { WebSocket, WebSocketServer } from "ws";

/** A backend with an ordinary answer at `/items`, events every few milliseconds at `/events`, and a WebSocket echo at `/chat`. */
export interface StreamOrigin {
  readonly port: number;
  /** Requests that it has begun to answer. */
  readonly requests: number;
  close(): Promise<void>;
}

export const startStreamOrigin = async (): Promise<StreamOrigin> => {
  let requests = 0;
  const sockets = new Set<Socket>();
  const server = createServer((asked, response) => {
    requests++;
    if (!asked.url?.startsWith("/events")) {
      response.end("ok");
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    let n = 0;
    const timer = setInterval(() => response.write(`id: ${n}\ndata: ${n++}\n\n`), 10);
    response.on("close", () => clearInterval(timer));
  });
  const upgrades = new WebSocketServer({ server });
  upgrades.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on("error", () => {});
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  // Idle connections of gateways that drain must not be closed under a request.
  server.keepAliveTimeout = 120_000;
  server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 });
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    get requests() {
      return requests;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

/** What a load has seen. */
export interface LoadFigures {
  calls: number;
  messages: number;
  events: number;
  /** WebSockets and streams that have been opened, with those opened again. */
  opened: number;
  /** WebSockets and streams that ended properly and were opened again. */
  reopened: number;
  /** New connections that the kernel has reset since their listener closed before anybody had accepted them. */
  unaccepted: number;
  readonly failures: string[];
}

/** Calls, WebSockets and streams of events at once, until stopped. */
export interface Load {
  readonly figures: LoadFigures;
  /** Ends the load, and all of its connections, in order. */
  stop(): Promise<void>;
}

/** What a load consists of. */
export interface LoadOptions {
  readonly port: number;
  readonly path: string;
  /** Clients that keep their connection, and clients that open one for each call. */
  readonly keptClients: number;
  readonly freshClients: number;
  readonly webSockets: number;
  readonly eventStreams: number;
  /** A connection that does not come about is an answer: nobody listens any more. */
  readonly mayRefuse?: boolean;
}

export const startLoad = (options: LoadOptions): Load => {
  const figures: LoadFigures = {
    calls: 0,
    messages: 0,
    events: 0,
    opened: 0,
    reopened: 0,
    unaccepted: 0,
    failures: [],
  };
  let isStopping = false;
  const isRefused = (error: unknown): boolean =>
    options.mayRefuse === true &&
    error instanceof Error &&
    "code" in error &&
    (error.code === "ECONNREFUSED" || (Reflect.get(error, "syscall") === "connect" && error.code === "ECONNRESET"));
  const fail = (what: string, why: unknown): void => {
    figures.failures.push(
      `${what}: ${why instanceof Error ? `${why.message} ${Reflect.get(why, "code") ?? ""}` : String(why)}`,
    );
  };
  const running: Promise<void>[] = [];

  /** False where there is nobody any more. */
  const callOnce = (agent: Agent | false): Promise<boolean> =>
    new Promise((resolve) => {
      const sent = request(
        { host: "127.0.0.1", port: options.port, path: `${options.path}/items`, agent, timeout: 10_000 },
        (response) => {
          response.resume();
          response.on("end", () => {
            figures.calls++;
            if (response.statusCode !== 200 || !response.complete) fail("call", `status ${response.statusCode}`);
            resolve(true);
          });
          response.on("error", (error) => {
            fail("call", error);
            resolve(true);
          });
        },
      );
      sent.on("error", (error) => {
        // Complete for the client, not for the gateway: it stood in the queue of a listener that closed.
        const isNew = !sent.reusedSocket && sent.socket?.bytesRead === 0;
        const isUnaccepted = options.mayRefuse === true && isNew && "code" in error && error.code === "ECONNRESET";
        if (isUnaccepted) figures.unaccepted++;
        else if (!isRefused(error)) fail("call", error);
        resolve(!isUnaccepted && !isRefused(error));
      });
      sent.end();
    });

  const callOften = async (isKept: boolean): Promise<void> => {
    const agent = isKept ? new Agent({ keepAlive: true, maxSockets: 1 }) : false;
    while (!isStopping && (await callOnce(agent))) {
      // As fast as answers come.
    }
    if (agent !== false) agent.destroy();
  };

  const chat = async (): Promise<void> => {
    for (let round = 0; !isStopping; round++) {
      if (round > 0) figures.reopened++;
      const socket = new WebSocket(`ws://127.0.0.1:${options.port}${options.path}/chat`);
      let sent = 0;
      let seen = 0;
      const say = (): void => {
        if (socket.readyState !== WebSocket.OPEN) return;
        if (isStopping) socket.close(1000);
        else socket.send(String(sent++));
      };
      socket.on("open", () => {
        figures.opened++;
        say();
      });
      socket.on("message", (data) => {
        if (Number(String(data)) !== seen++) fail("websocket", `message ${String(data)} instead of ${seen - 1}`);
        figures.messages++;
        setTimeout(say, 5);
      });
      let wasRefused = false;
      socket.on("error", (error) => {
        wasRefused = isRefused(error);
        if (!wasRefused) fail("websocket", error);
      });
      const code = await new Promise<number>((resolve) => socket.on("close", resolve));
      if (wasRefused) return;
      if (code !== 1001 && !(isStopping && code === 1000)) fail("websocket", `closed with ${code}`);
    }
  };

  const listen = async (): Promise<void> => {
    for (let round = 0; !isStopping; round++) {
      if (round > 0) figures.reopened++;
      const isOver = await listenOnce();
      if (isOver) return;
    }
  };

  /** True where there is nobody any more. */
  const listenOnce = (): Promise<boolean> =>
    new Promise((resolve) => {
      const sent = request(
        { host: "127.0.0.1", port: options.port, path: `${options.path}/events`, agent: false },
        (response) => {
          if (response.statusCode !== 200) fail("events", `status ${response.statusCode}`);
          else figures.opened++;
          let rest = "";
          let seen = 0;
          response.setEncoding("utf8");
          response.on("data", (text: string) => {
            rest += text;
            for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
              if (rest.slice(0, end) !== `id: ${seen}\ndata: ${seen}`)
                fail("events", `${rest.slice(0, end)} at ${seen}`);
              rest = rest.slice(end + 2);
              seen++;
              figures.events++;
            }
            if (isStopping) sent.destroy();
          });
          response.on("end", () => {
            if (rest !== "") fail("events", "the stream ended within an event");
          });
          response.on("error", (error) => {
            if (!isStopping) fail("events", error);
          });
          response.on("close", () => resolve(isStopping));
        },
      );
      sent.on("error", (error) => {
        if (!isStopping && !isRefused(error)) fail("events", error);
        resolve(isStopping || isRefused(error));
      });
      sent.end();
    });

  const many = (count: number, run: () => Promise<void>): void => {
    for (let at = 0; at < count; at++) running.push(run());
  };
  many(options.keptClients, () => callOften(true));
  many(options.freshClients, () => callOften(false));
  many(options.webSockets, chat);
  many(options.eventStreams, listen);
  return {
    figures,
    stop: async () => {
      isStopping = true;
      await Promise.all(running);
    },
  };
};
