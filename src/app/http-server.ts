import { once } from "node:events";
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { Fault, messageOf, systemCodeOf } from "../base/fault.ts";
import type { Log } from "../base/log.ts";

/** A listening server. */
export interface HttpServer {
  readonly url: string;
  /** Takes no more requests, and waits for those under way; after `drainMsMax` they are cut off. */
  close(): Promise<void>;
}

const drainMsMax = 10_000;

/** Serves a function from request to response on one port. Refuses a port that is taken. */
export const startHttpServer = async (settings: {
  readonly host: string;
  readonly port: number;
  readonly fetch: (request: Request) => Promise<Response>;
  readonly log: Log;
}): Promise<HttpServer> => {
  const { host, log } = settings;
  const listener = getRequestListener(settings.fetch, { overrideGlobalObjects: false });
  const server = createServer((request, response) => {
    listener(request, response).catch((thrown: unknown) => {
      log.error("a request could not be answered", { reason: messageOf(thrown) });
      response.destroy();
    });
  });
  // A response that streams lives longer than any request may take to arrive.
  server.requestTimeout = 300_000;
  server.listen(settings.port, host);
  try {
    await once(server, "listening");
  } catch (thrown) {
    if (systemCodeOf(thrown) === "EADDRINUSE") {
      throw new Fault("port.in_use", {
        public: `Port ${settings.port} on ${host} is in use. Choose another.`,
        status: 409,
        cause: thrown,
      });
    }
    throw new Fault("port.not_opened", {
      public: `Port ${settings.port} on ${host} cannot be opened: ${messageOf(thrown)}.`,
      cause: thrown,
    });
  }
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : settings.port;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), drainMsMax);
      await closed;
      clearTimeout(timer);
    },
  };
};
