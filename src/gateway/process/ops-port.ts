import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** What the operations port shows. */
export interface OpsFacts {
  isReady(): boolean;
  metrics(): string;
  revision(): unknown;
}

/** The operations port: `/healthz`, `/readyz`, `/metrics`, `/revision`. Bound to the same address as the gateway, without credentials. */
export interface OpsPort {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on `port`; 0 for any free one. Rejects where the port is taken. */
export const openOpsPort = async (host: string, port: number, facts: OpsFacts): Promise<OpsPort> => {
  const server: Server = createServer((request, response) => {
    const answer = answerOf(request.url ?? "/", request.method ?? "GET", facts);
    response.writeHead(answer.status, { "content-type": answer.type, "cache-control": "no-store" });
    response.end(request.method === "HEAD" ? undefined : answer.body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  if (!isAddress(address)) throw new Error("the operations port has no address");
  return {
    port: address.port,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
};

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const text = "text/plain; charset=utf-8";

const answerOf = (url: string, method: string, facts: OpsFacts): Answer => {
  if (method !== "GET" && method !== "HEAD") return { status: 405, type: text, body: "only GET\n" };
  const path = url.split("?")[0];
  if (path === "/healthz") return { status: 200, type: text, body: "ok\n" };
  if (path === "/readyz")
    return facts.isReady()
      ? { status: 200, type: text, body: "ready\n" }
      : { status: 503, type: text, body: "not ready\n" };
  if (path === "/metrics")
    return { status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body: facts.metrics() };
  if (path === "/revision")
    return { status: 200, type: "application/json", body: `${JSON.stringify(facts.revision())}\n` };
  return { status: 404, type: text, body: "/healthz /readyz /metrics /revision\n" };
};

const isAddress = (address: AddressInfo | string | null): address is AddressInfo =>
  address !== null && typeof address === "object";
