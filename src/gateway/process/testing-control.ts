import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { contentHash } from "../../base/canonical-json.ts";
import type { ApiUnit, DeliveryMessage, GatewayReport } from "../../model/snapshot.ts";
import type { TlsState } from "../../model/tls.ts";

/** A control for tests: speaks the delivery protocol over real HTTP and keeps what gateways send. */
export interface TestControl {
  readonly url: string;
  readonly reports: GatewayReport[];
  readonly usage: { readonly id: string; readonly rows: readonly Record<string, unknown>[] }[];
  readonly requests: Record<string, unknown>[];
  readonly hellos: Record<string, unknown>[];
  /** Answers `usage` with this status instead. */
  usageStatus: number;
  readonly revision: number;
  /** Changes units (null removes) and access, and commits: answers the revision. */
  change(
    units: Readonly<Record<string, ApiUnit | null>>,
    access?: Partial<Extract<DeliveryMessage, { type: "access" }>>,
  ): number;
  /** Changes the certificates, and commits: answers the revision. */
  giveTls(state: TlsState): number;
  /** Opens ACME challenges on all gateways. */
  openChallenges(answers: Readonly<Record<string, string>>): void;
  /** Settles when a gateway has reported this revision or a later one. */
  applied(revision: number): Promise<GatewayReport>;
  close(): Promise<void>;
}

/** Starts a control on a free port, or on `port` again. */
export const startTestControl = async (token: string, port = 0): Promise<TestControl> => {
  const units = new Map<string, ApiUnit>();
  const streams = new Set<ServerResponse>();
  const reports: GatewayReport[] = [];
  const usage: TestControl["usage"] = [];
  const requests: Record<string, unknown>[] = [];
  const hellos: Record<string, unknown>[] = [];
  const accessLines: DeliveryMessage[] = [];
  let tls: DeliveryMessage | undefined;
  let waiting: { readonly revision: number; readonly resolve: (report: GatewayReport) => void }[] = [];
  let revision = 0;

  const write = (response: ServerResponse, message: DeliveryMessage): void => {
    response.write(`${JSON.stringify(message)}\n`);
  };
  const commit = (response: ServerResponse): void => {
    write(response, { type: "commit", revision, hash: contentHash([...units.values()].map((unit) => unit.hash)) });
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    if (request.headers.authorization !== `Bearer ${token}`) {
      response.writeHead(401).end();
      return;
    }
    const body = JSON.parse(Buffer.concat(chunks).toString());
    const name = request.url?.replace("/gateway/v1/", "");
    if (name === "stream") {
      hellos.push(body);
      streams.add(response);
      response.on("close", () => streams.delete(response));
      response.writeHead(200, { "content-type": "application/x-ndjson" });
      for (const unit of units.values()) if (body.held[unit.api] !== unit.hash) write(response, { type: "unit", unit });
      write(response, {
        type: "manifest",
        units: Object.fromEntries([...units].map(([api, unit]) => [api, unit.hash])),
      });
      write(response, { type: "access", reset: true, subscriptions: [], keys: [], revoked: [] });
      for (const line of accessLines) write(response, line);
      if (tls !== undefined) write(response, tls);
      commit(response);
      return;
    }
    if (name === "report") {
      reports.push(body);
      const done = waiting.filter((one) => one.revision <= body.revision);
      waiting = waiting.filter((one) => one.revision > body.revision);
      for (const one of done) one.resolve(body);
    } else if (name === "usage") {
      if (control.usageStatus !== 204) {
        response.writeHead(control.usageStatus).end();
        return;
      }
      usage.push(body);
    } else if (name === "requests") requests.push(...body.records);
    response.writeHead(204).end();
  };

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const address = server.address() as AddressInfo;
  const beat = setInterval(() => {
    for (const stream of streams) write(stream, { type: "beat", nowMs: Date.now() });
  }, 1000);

  const control: TestControl = {
    url: `http://127.0.0.1:${address.port}`,
    reports,
    usage,
    requests,
    hellos,
    usageStatus: 204,
    get revision() {
      return revision;
    },
    change: (changed, access) => {
      revision += 1;
      const messages: DeliveryMessage[] = [];
      for (const [api, unit] of Object.entries(changed)) {
        if (unit === null) {
          units.delete(api);
          messages.push({ type: "remove-unit", api });
        } else {
          units.set(api, unit);
          messages.push({ type: "unit", unit });
        }
      }
      if (access) {
        const line: DeliveryMessage = {
          type: "access",
          reset: false,
          subscriptions: [],
          keys: [],
          revoked: [],
          ...access,
        };
        accessLines.push(line);
        messages.push(line);
      }
      for (const stream of streams) {
        for (const message of messages) write(stream, message);
        commit(stream);
      }
      return revision;
    },
    giveTls: (state) => {
      revision += 1;
      tls = { type: "tls", state };
      for (const stream of streams) {
        write(stream, tls);
        commit(stream);
      }
      return revision;
    },
    openChallenges: (answers) => {
      for (const stream of streams) write(stream, { type: "acme-challenges", answers });
    },
    applied: (wanted) =>
      new Promise((resolve) => {
        const known = reports.find((report) => report.revision >= wanted);
        if (known) resolve(known);
        else waiting.push({ revision: wanted, resolve });
      }),
    close: async () => {
      clearInterval(beat);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
  return control;
};
