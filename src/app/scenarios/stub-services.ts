import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { durationMs } from "../../base/duration.ts";
import type { ScenarioAnswer, ScenarioFile } from "../../bundle/scenario-file.ts";
import type { BackendKind, UpstreamTarget } from "../../exchange/backend.ts";
import type { FetchedReply, FetchOptions } from "../../exchange/policy.ts";
import type { Dial } from "../../gateway/upstream/dial.ts";
import { memoryDial } from "./memory-sockets.ts";
import type { VirtualTime } from "./virtual-time.ts";

type Stubs = NonNullable<ScenarioFile["backends"]>;

/** A request that a backend got, as it came. */
export interface SeenRequest {
  readonly backend: string;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** Everything outside of the gateway, in memory: real HTTP/1.1 servers without a port, that answer as the scenario says. */
export interface StubServices {
  readonly dial: Dial;
  /** The kinds, so that it is known which URL belongs to which backend. */
  known(kinds: readonly BackendKind[]): readonly BackendKind[];
  /** What policies fetch beside the call. */
  fetch(url: string, options: FetchOptions): Promise<FetchedReply>;
  /** Other answers from now on, from their beginning. */
  use(stubs: Stubs): void;
  /** Requests since the last time. */
  takeSeen(): readonly SeenRequest[];
  /** Places that were asked and that no stub stands for, since the last time. */
  takeUnknown(): readonly string[];
  close(): void;
}

/** Bytes of a request's body that a stub keeps. */
const bodyBytesMax = 64 * 1024 * 1024;

/** Services that take their time from `time`. */
export const stubServices = (time: VirtualTime): StubServices => {
  const names = new Map<string, Set<string>>();
  const answers = new Map<string, { readonly list: readonly ScenarioAnswer[]; next: number }>();
  const origins = new WeakMap<Duplex, string>();
  const unknown = new Set<string>();
  let seen: SeenRequest[] = [];

  /** The stub for a URL: that of the backend whose base it is below (the longest one), or a stub whose own name is such a URL. */
  const stubOf = (url: string): string | undefined => {
    let best: { readonly name: string; readonly length: number } | undefined;
    const offer = (name: string, base: string): void => {
      if (!answers.has(name) || !isBelow(url, base)) return;
      if (best === undefined || base.length > best.length) best = { name, length: base.length };
    };
    for (const [base, known] of names) for (const name of known) offer(name, base);
    for (const name of answers.keys()) if (URL.canParse(name)) offer(name, name);
    return best?.name;
  };

  const take = (name: string): ScenarioAnswer => {
    const stub = answers.get(name);
    const found = stub?.list[Math.min(stub.next, stub.list.length - 1)] ?? {};
    if (stub !== undefined) stub.next += 1;
    return found;
  };

  const peek = (name: string): ScenarioAnswer | undefined => {
    const stub = answers.get(name);
    return stub?.list[Math.min(stub.next, stub.list.length - 1)];
  };

  const server: Server = createServer((request, response) => {
    time.stir();
    // The place of the connection; a Host that a policy wrote says nothing about where it went.
    const origin = origins.get(request.socket) ?? "";
    serve(request, response, origin).catch(() => request.socket.destroy());
  });
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  server.headersTimeout = 0;

  const serve = async (request: IncomingMessage, response: ServerResponse, origin: string): Promise<void> => {
    const body = await bodyOf(request);
    const url = `${origin}${request.url ?? "/"}`;
    const name = stubOf(url);
    note(name ?? origin, request.method ?? "", url, pairsOf(request.rawHeaders), body);
    if (name === undefined) {
      unknown.add(origin);
      request.socket.destroy();
      return;
    }
    const answer = take(name);
    if (answer.failure === "silence") {
      time.after(Number.POSITIVE_INFINITY, () => {});
      return;
    }
    const respond = (): void => {
      time.stir();
      if (answer.failure !== undefined) request.socket.destroy();
      else send(response, answer);
    };
    const delayMs = durationMs(answer.delay ?? 0) ?? 0;
    if (delayMs === 0) respond();
    else time.after(delayMs, respond);
  };

  const note = (backend: string, method: string, url: string, headers: SeenRequest["headers"], body: string): void => {
    const { pathname, search } = new URL(url);
    seen.push({ backend, method, path: pathname, query: search.replace(/^\?/, ""), headers, body });
  };

  const learn = (name: string, url: string): void => {
    const base = normal(url);
    names.set(base, (names.get(base) ?? new Set()).add(name));
  };

  return {
    dial: memoryDial(({ isTls, hostname, port }, peer) => {
      time.stir();
      const origin = originOf(isTls, hostname, port);
      const stubs = namesAt(origin, names, answers);
      if (stubs.length === 0) {
        unknown.add(origin);
        return false;
      }
      const refusing = stubs.find((name) => peek(name)?.failure === "refused");
      if (refusing !== undefined) {
        take(refusing);
        return false;
      }
      const side = peer();
      origins.set(side, origin);
      server.emit("connection", side);
      return true;
    }),
    known: (kinds) =>
      kinds.map((kind) => ({
        ...kind,
        build: (config, tools) => {
          const named = /^backends\/(.+)\.yaml$/.exec(tools.at)?.[1];
          const learnt = (target: UpstreamTarget): void => learn(named ?? target.url, target.url);
          return kind.build(config, {
            ...tools,
            upstream: (target) => {
              learnt(target);
              return tools.upstream(target);
            },
            cluster: (cluster) => {
              for (const { target } of cluster.targets) learnt(target);
              return tools.cluster(cluster);
            },
          });
        },
      })),
    fetch: async (url, options) => {
      time.stir();
      const name = stubOf(url);
      const text = typeof options.body === "string" ? options.body : new TextDecoder().decode(options.body);
      note(name ?? new URL(url).origin, options.method ?? "GET", url, Object.entries(options.headers ?? {}), text);
      if (name === undefined) {
        unknown.add(new URL(url).origin);
        throw new Error("connection refused");
      }
      const answer = take(name);
      const delayMs = answer.failure === "silence" ? options.timeoutMs : (durationMs(answer.delay ?? 0) ?? 0);
      if (delayMs > 0)
        await new Promise<void>((resolve) => time.after(Math.min(delayMs, options.timeoutMs), () => resolve()));
      if (delayMs >= options.timeoutMs) throw new Error("no reply in time");
      if (answer.failure !== undefined) throw new Error(`connection ${answer.failure}`);
      const body = new TextEncoder().encode(textOf(answer));
      if (body.length > options.bytesMax) throw new Error("the reply is too long");
      const headers = new Map(headersOf(answer).map(([header, value]) => [header.toLowerCase(), value]));
      return { status: answer.status ?? 200, headers, body };
    },
    use: (stubs) => {
      for (const [name, stub] of Object.entries(stubs))
        answers.set(name, { list: Array.isArray(stub) ? stub : [stub], next: 0 });
    },
    takeSeen: () => {
      const taken = seen;
      seen = [];
      return taken;
    },
    takeUnknown: () => {
      const taken = [...unknown];
      unknown.clear();
      return taken;
    },
    close: () => server.close(),
  };
};

const send = (response: ServerResponse, answer: ScenarioAnswer): void => {
  response.sendDate = false;
  response.statusCode = answer.status ?? 200;
  for (const [name, value] of headersOf(answer)) response.appendHeader(name, value);
  // Each request dials again, so that a refused connection can stand anywhere in a row of answers.
  response.shouldKeepAlive = false;
  response.end(textOf(answer));
};

const textOf = (answer: ScenarioAnswer): string =>
  answer.json === undefined ? (answer.body ?? "") : JSON.stringify(answer.json);

const headersOf = (answer: ScenarioAnswer): readonly (readonly [name: string, value: string])[] => {
  const given = sentFields(answer.headers ?? {});
  const hasType = given.some(([name]) => name.toLowerCase() === "content-type");
  return answer.json === undefined || hasType ? given : [["content-type", "application/json"], ...given];
};

/** Fields as they go out, each value its own. */
export const sentFields = (
  headers: NonNullable<ScenarioAnswer["headers"]>,
): readonly (readonly [name: string, value: string])[] =>
  Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one): readonly [string, string] => [name, String(one)]),
  );

const originOf = (isTls: boolean, hostname: string, port: number): string =>
  new URL(`${isTls ? "https" : "http"}://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`).origin;

const namesAt = (
  origin: string,
  names: ReadonlyMap<string, ReadonlySet<string>>,
  answers: ReadonlyMap<string, unknown>,
): readonly string[] => {
  const ofBackends = [...names].flatMap(([base, known]) => (new URL(base).origin === origin ? [...known] : []));
  const ofUrls = [...answers.keys()].filter((name) => URL.canParse(name) && new URL(name).origin === origin);
  return [...new Set([...ofBackends, ...ofUrls])].filter((name) => answers.has(name));
};

const normal = (url: string): string => new URL(url).href.replace(/\/$/, "");

const isBelow = (url: string, base: string): boolean => {
  const whole = new URL(url);
  const start = new URL(base);
  const path = start.pathname.replace(/\/$/, "");
  return whole.origin === start.origin && (whole.pathname === path || whole.pathname.startsWith(`${path}/`));
};

const pairsOf = (raw: readonly string[]): readonly (readonly [name: string, value: string])[] =>
  Array.from({ length: raw.length / 2 }, (_, at): readonly [string, string] => [
    raw[2 * at] ?? "",
    raw[2 * at + 1] ?? "",
  ]);

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    if (!(chunk instanceof Buffer)) continue;
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new Error("the body is too long for a stub");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
};
