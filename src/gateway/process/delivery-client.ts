import { readFile } from "node:fs/promises";
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { Fault, messageOf } from "../../base/fault.ts";
import type { Log } from "../../base/log.ts";
import type { ApiUnit, DeliveryMessage, GatewayReport } from "../../model/snapshot.ts";
import type { TlsState } from "../../model/tls.ts";
import type { AccessDelta } from "../shared/access-table.ts";

/** Everything that one commit brings. */
export interface Commit {
  readonly revision: number;
  readonly hash: string;
  readonly units: readonly ApiUnit[];
  readonly removed: readonly string[];
  readonly access: readonly AccessDelta[];
  /** Absent: as it was. */
  readonly tls?: TlsState;
}

/** What the client knows of its gateway and tells it. */
export interface DeliveryClientOptions {
  readonly url: string;
  readonly tokenFile: string;
  readonly instance: string;
  readonly version: string;
  readonly labels: readonly string[];
  readonly log: Log;
  /** The units held now, by API, and the revision. */
  held(): { readonly units: Readonly<Record<string, string>>; readonly revision: number };
  /** A commit is complete. The client goes on to read meanwhile. */
  onCommit(commit: Commit): void;
  onExplainKey(key: string): void;
  onChallenges(answers: Readonly<Record<string, string>>): void;
  readonly beatTimeoutMs?: number;
}

/** The connection to control: always outwards, opened again whenever it breaks. */
export interface DeliveryClient {
  readonly isConnected: boolean;
  report(report: GatewayReport): Promise<void>;
  /** Sends JSON to a path below `/gateway/v1/`; rejects where control is away or refuses. */
  send(path: "usage" | "requests" | "explanations", body: unknown, timeoutMs?: number): Promise<void>;
  close(): void;
}

const beatTimeoutMsDefault = 15_000;
const retryMsMin = 100;
const retryMsMax = 5_000;
/** Shorter waits are usual while control starts beside its gateway, and no news. */
const retryMsOfNews = 1_000;
/** While control stays away it is told again only so often. */
const newsEveryMs = 60_000;
/** One message; a unit of the largest documents stays far below. */
const lineBytesMax = 256 * 1024 * 1024;
const sendTimeoutMs = 10_000;

/** Connects and stays connected until it is closed. */
export const createDeliveryClient = (options: DeliveryClientOptions): DeliveryClient => {
  const { log } = options;
  const base = options.url.replace(/\/+$/, "");
  let isClosed = false;
  let isConnected = false;
  let retryMs = retryMsMin;
  /** Waited since the last line about it; 0: none since control was reached. */
  let quietMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let current: ClientRequest | undefined;

  const post = async (path: string, body: unknown, timeoutMs: number): Promise<ClientRequest> => {
    const token = (await readFile(options.tokenFile, "utf8")).trim();
    const url = new URL(`${base}/gateway/v1/${path}`);
    const text = JSON.stringify(body);
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const request = send(url, {
      method: "POST",
      timeout: timeoutMs,
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        "content-length": Buffer.byteLength(text),
      },
    });
    request.on("timeout", () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    request.end(text);
    return request;
  };

  const answerOf = (request: ClientRequest): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      request.once("response", resolve);
      request.once("error", reject);
    });

  const send = async (path: string, body: unknown, timeoutMs = sendTimeoutMs): Promise<void> => {
    const response = await answerOf(await post(path, body, timeoutMs));
    const status = response.statusCode ?? 0;
    for await (const _chunk of response) {
      // Read to its end, so that the connection can be used again.
    }
    if (status >= 300) {
      throw new Fault("control.refused", { public: `Control answered ${status}.`, status, internal: `POST ${path}` });
    }
  };

  const stream = async (): Promise<void> => {
    const { units, revision } = options.held();
    const { instance, version, labels } = options;
    const beatTimeoutMs = options.beatTimeoutMs ?? beatTimeoutMsDefault;
    const request = await post("stream", { instance, version, labels, held: units, revision }, beatTimeoutMs);
    if (isClosed) {
      request.destroy();
      return;
    }
    current = request;
    const response = await answerOf(request);
    if (response.statusCode !== 200) {
      response.resume();
      throw new Error(`control answered ${response.statusCode}`);
    }
    isConnected = true;
    retryMs = retryMsMin;
    quietMs = 0;
    log.info("connected to control", { revision });
    const collect = collectCommits(new Map(Object.entries(units)), options.onCommit);
    for await (const line of linesOf(response)) {
      const message = JSON.parse(line) as DeliveryMessage;
      if (message.type === "explain-key") options.onExplainKey(message.key);
      else if (message.type === "acme-challenges") options.onChallenges(message.answers);
      else collect(message);
    }
    throw new Error("control ended the stream");
  };

  const connect = (): void => {
    stream()
      .catch((thrown: unknown) => {
        if (isClosed) return;
        const wasConnected = isConnected;
        isConnected = false;
        const delayMs = Math.round(retryMs * (0.5 + Math.random() * 0.5));
        const isNews = retryMs >= retryMsOfNews && (quietMs === 0 || quietMs >= newsEveryMs);
        if (retryMs >= retryMsOfNews) quietMs = isNews ? delayMs : quietMs + delayMs;
        retryMs = Math.min(retryMs * 2, retryMsMax);
        const fields = { reason: messageOf(thrown), delayMs };
        if (wasConnected) log.warn("the connection to control broke; the gateway serves on", fields);
        else log[isNews ? "info" : "debug"]("control cannot be reached; the gateway tries again", fields);
        timer = setTimeout(connect, delayMs);
      })
      .finally(() => {
        current?.destroy();
        current = undefined;
      });
  };

  connect();
  return {
    get isConnected() {
      return isConnected;
    },
    report: (report) => send("report", report),
    send,
    close: () => {
      isClosed = true;
      isConnected = false;
      clearTimeout(timer);
      current?.destroy();
    },
  };
};

/** Gathers messages until their commit. `held` is what the gateway holds by API, and follows what is committed. */
export const collectCommits = (
  held: Map<string, string>,
  onCommit: (commit: Commit) => void,
): ((message: DeliveryMessage) => void) => {
  let units = new Map<string, ApiUnit>();
  let removed = new Set<string>();
  let access: AccessDelta[] = [];
  let manifest: Readonly<Record<string, string>> | null = null;
  let tls: TlsState | null = null;

  const settleManifest = (wanted: Readonly<Record<string, string>>): void => {
    for (const api of [...held.keys(), ...units.keys()]) {
      if (Object.hasOwn(wanted, api)) continue;
      units.delete(api);
      removed.add(api);
    }
    for (const [api, hash] of Object.entries(wanted)) {
      const has = units.get(api)?.hash ?? held.get(api);
      // Serving less than control believes would be silent loss: connect again and say what is held.
      if (has !== hash) throw new Error(`control sent no unit ${api} of hash ${hash}`);
    }
  };

  return (message) => {
    if (message.type === "unit") {
      units.set(message.unit.api, message.unit);
      removed.delete(message.unit.api);
    } else if (message.type === "remove-unit") {
      units.delete(message.api);
      removed.add(message.api);
    } else if (message.type === "manifest") manifest = message.units;
    else if (message.type === "access") access.push(message);
    else if (message.type === "tls") tls = message.state;
    else if (message.type === "commit") {
      if (manifest !== null) settleManifest(manifest);
      const { revision, hash } = message;
      for (const api of removed) held.delete(api);
      for (const unit of units.values()) held.set(unit.api, unit.hash);
      const commit: Commit = {
        revision,
        hash,
        units: [...units.values()],
        removed: [...removed],
        access,
        ...(tls === null ? {} : { tls }),
      };
      units = new Map();
      removed = new Set();
      access = [];
      manifest = null;
      tls = null;
      onCommit(commit);
    }
  };
};

/** The lines of a stream, without their line feeds. */
async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, end));
      const line = parts.length === 1 ? chunk.toString("utf8", from, end) : Buffer.concat(parts).toString("utf8");
      parts = [];
      length = 0;
      from = end + 1;
      if (line !== "") yield line;
    }
    if (from === chunk.length) continue;
    parts.push(chunk.subarray(from));
    length += chunk.length - from;
    if (length > lineBytesMax) throw new Error(`control sent a line of more than ${lineBytesMax} bytes`);
  }
}
