import { setTimeout as wait } from "node:timers/promises";
import type { Finding } from "../../base/fault.ts";
import { messageOf, systemCodeOf } from "../../base/fault.ts";
import { uuidv7 } from "../../base/ids.ts";
import { CommandFailure } from "./failure.ts";

/** A JSON object of the management API; nothing about its members is known until it is asked for. */
export type Json = Readonly<Record<string, unknown>>;

/** What a request may carry. */
export interface ManagementRequest {
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly json?: unknown;
  readonly body?: NonNullable<RequestInit["body"]>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Statuses that are an answer rather than a failure, beside 2xx. */
  readonly allow?: readonly number[];
  readonly timeoutMs?: number;
  /** Called with the header of the answer. */
  readonly onHeader?: (header: Headers) => void;
}

/** The management API as the command line uses it. A refusal is thrown as a `CommandFailure` with what the platform said. */
export interface ManagementClient {
  get(path: string, request?: ManagementRequest): Promise<Json>;
  /** Like `get`, but undefined where there is no such thing. */
  find(path: string, request?: ManagementRequest): Promise<Json | undefined>;
  /** All items of a list, page after page, up to `itemsMax`. */
  list(path: string, request?: ManagementRequest, itemsMax?: number): Promise<readonly Json[]>;
  post(path: string, json: unknown, request?: ManagementRequest): Promise<Json>;
  delete(path: string, request?: ManagementRequest): Promise<Json>;
  /** The response itself, its body unread: for downloads and streams. `timeoutMs` bounds the time to its head. */
  open(method: string, path: string, request?: ManagementRequest): Promise<Response>;
}

/** What a client is made with. */
export interface ClientTools {
  readonly url: string;
  readonly token: string;
  readonly fetch: typeof globalThis.fetch;
  readonly signal: AbortSignal;
  /** Waits between tries; tests make them short. */
  readonly retryDelaysMs?: readonly number[];
}

/** Answers in seconds where the platform is well; an import of a large document may take longer. */
const timeoutMsUsual = 60_000;
const errorBytesMax = 1024 * 1024;

/**
 * A client. A POST carries an `Idempotency-Key`, so that trying it again does nothing twice; with GET, PUT and DELETE it is
 * tried again where no answer came or the platform was busy. PATCH is sent once.
 */
export const managementClient = (tools: ClientTools): ManagementClient => {
  const open: ManagementClient["open"] = async (method, path, request = {}) => {
    const url = urlOf(tools.url, path, request.query);
    const headers: Record<string, string> = {
      accept: "application/json, application/problem+json",
      authorization: `Bearer ${tools.token}`,
      ...(request.json === undefined ? {} : { "content-type": "application/json" }),
      ...(method === "POST" ? { "idempotency-key": uuidv7() } : {}),
      ...request.headers,
    };
    const body = request.json === undefined ? request.body : JSON.stringify(request.json);
    // A stream can be read only once.
    const mayRetry = method !== "PATCH" && !(body instanceof ReadableStream);
    const delaysMs = mayRetry ? (tools.retryDelaysMs ?? [250, 1000]) : [];
    for (let attempt = 0; ; attempt++) {
      const delayMs = delaysMs[attempt];
      try {
        const response = await send(
          tools,
          url,
          { method, headers, ...(body === undefined ? {} : { body }) },
          request.timeoutMs ?? timeoutMsUsual,
        );
        if (response.ok || request.allow?.includes(response.status)) {
          request.onHeader?.(response.headers);
          return response;
        }
        if (delayMs === undefined || !busyStatuses.has(response.status)) throw await refusalOf(response, method, path);
        await response.body?.cancel();
      } catch (thrown) {
        if (thrown instanceof CommandFailure) throw thrown;
        tools.signal.throwIfAborted();
        if (delayMs === undefined || !isWorthRetrying(thrown)) throw unreachable(tools.url, thrown);
      }
      await wait(delayMs, undefined, { signal: tools.signal });
    }
  };
  const get: ManagementClient["get"] = async (path, request) => jsonOf(await open("GET", path, request), tools.url);
  return {
    open,
    get,
    find: async (path, request) => {
      const response = await open("GET", path, { ...request, allow: [404] });
      if (response.status !== 404) return jsonOf(response, tools.url);
      await response.body?.cancel();
      return undefined;
    },
    list: async (path, request = {}, itemsMax = 10_000) => {
      const items: Json[] = [];
      let cursor: string | undefined;
      do {
        const page: Json = await get(path, { ...request, query: { ...request.query, cursor } });
        items.push(...listOf(page, "items"));
        cursor = textOf(page, "next");
      } while (cursor !== undefined && cursor !== "" && items.length < itemsMax);
      return items.slice(0, itemsMax);
    },
    post: async (path, json, request) => jsonOf(await open("POST", path, { ...request, json }), tools.url),
    delete: async (path, request) => jsonOf(await open("DELETE", path, request), tools.url),
  };
};

/** A member that is a string. */
export const textOf = (value: Json | undefined, name: string): string | undefined => {
  const found = value !== undefined && Object.hasOwn(value, name) ? value[name] : undefined;
  return typeof found === "string" ? found : undefined;
};

/** A member that is a number. */
export const numberOf = (value: Json | undefined, name: string): number | undefined => {
  const found = value !== undefined && Object.hasOwn(value, name) ? value[name] : undefined;
  return typeof found === "number" ? found : undefined;
};

/** The objects of a member that is a list; empty where it is none. */
export const listOf = (value: Json | undefined, name: string): readonly Json[] => {
  const found = value !== undefined && Object.hasOwn(value, name) ? value[name] : undefined;
  return Array.isArray(found) ? found.filter(isJson) : [];
};

/** A member that is an object. */
export const objectOf = (value: Json | undefined, name: string): Json | undefined => {
  const found = value !== undefined && Object.hasOwn(value, name) ? value[name] : undefined;
  return isJson(found) ? found : undefined;
};

/** True for JSON objects. */
export const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const busyStatuses: ReadonlySet<number> = new Set([502, 503, 504]);

const urlOf = (base: string, path: string, query: ManagementRequest["query"]): string => {
  const url = new URL(`${base}/api/v1${path}`);
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) url.searchParams.set(name, value);
  return url.href;
};

const send = async (tools: ClientTools, url: string, init: RequestInit, timeoutMs: number): Promise<Response> => {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new DOMException(`no answer within ${timeoutMs / 1000} s`, "TimeoutError")),
    timeoutMs,
  );
  try {
    // A redirect would carry the token to wherever it points.
    return await tools.fetch(url, {
      ...init,
      redirect: "manual",
      signal: AbortSignal.any([tools.signal, late.signal]),
    });
  } finally {
    clearTimeout(timer);
  }
};

// Nobody listening and nobody answering are states; a connection that broke may have been bad luck.
const isWorthRetrying = (thrown: unknown): boolean => {
  const code = connectCodeOf(thrown);
  // `fetch` refuses some ports altogether.
  const isRefusedPort = thrown instanceof Error && thrown.cause instanceof Error && thrown.cause.message === "bad port";
  return code !== "ECONNREFUSED" && code !== "ENOTFOUND" && !(thrown instanceof DOMException) && !isRefusedPort;
};

const connectCodeOf = (thrown: unknown): string | undefined =>
  thrown instanceof Error ? (systemCodeOf(thrown) ?? systemCodeOf(thrown.cause)) : undefined;

const unreachable = (url: string, thrown: unknown): CommandFailure => {
  const code = connectCodeOf(thrown);
  const reason = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause.message : messageOf(thrown);
  return new CommandFailure(
    {
      code: "platform.unreachable",
      message:
        code === "ECONNREFUSED"
          ? `No platform listens at ${url}.`
          : `The platform at ${url} did not answer: ${reason || (code ?? "unknown reason")}.`,
      next: "Start one with `portico up`, or give its address with --url.",
    },
    thrown,
  );
};

const refusalOf = async (response: Response, method: string, path: string): Promise<CommandFailure> => {
  const text = await boundedText(response);
  const problem = parsed(text);
  const requestId = textOf(problem, "requestId") ?? response.headers.get("x-request-id") ?? undefined;
  const said = textOf(problem, "detail") ?? textOf(problem, "title");
  const next = textOf(problem, "next") ?? nextSteps[response.status];
  return new CommandFailure({
    code: textOf(problem, "code") ?? "management.refused",
    message: said === undefined ? `The platform answered ${response.status} to ${method} ${path}.` : sentence(said),
    status: response.status,
    ...(next === undefined ? {} : { next }),
    ...(requestId === undefined ? {} : { requestId }),
    findings: findingsOf(problem),
  });
};

const nextSteps: Readonly<Record<number, string | undefined>> = {
  301: "Give the final address with --url: a token is not sent after a redirect.",
  302: "Give the final address with --url: a token is not sent after a redirect.",
  307: "Give the final address with --url: a token is not sent after a redirect.",
  308: "Give the final address with --url: a token is not sent after a redirect.",
  401: "Check the token: --token-file, PORTICO_TOKEN, or admin-token of --data.",
  403: "Use a token with the rights for this.",
  412: "Somebody else changed it meanwhile: look again and repeat.",
  429: "Wait a moment and repeat.",
  500: "See the log of the control role for this request id.",
};

/** The findings that a problem's `errors`, or an answer's `findings`, hold. */
export const findingsOf = (
  value: Json | undefined,
  name = "errors",
): readonly (Finding & { readonly severity?: string })[] =>
  listOf(value, name).map((one) => {
    const [file, path, next, severity] = [
      textOf(one, "file"),
      textOf(one, "path") ?? textOf(one, "pointer"),
      textOf(one, "next"),
      textOf(one, "severity"),
    ];
    const [line, column] = [numberOf(one, "line"), numberOf(one, "column")];
    return {
      message: textOf(one, "message") ?? textOf(one, "detail") ?? "is wrong",
      ...(file === undefined ? {} : { file }),
      ...(path === undefined ? {} : { path }),
      ...(line === undefined ? {} : { line }),
      ...(column === undefined ? {} : { column }),
      ...(next === undefined ? {} : { next }),
      ...(severity === undefined ? {} : { severity }),
    };
  });

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

const parsed = (text: string): Json | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return isJson(value) ? value : undefined;
  } catch {
    // Something else than Portico answered; the status says enough.
    return undefined;
  }
};

const boundedText = async (response: Response): Promise<string> => {
  if (response.body === null) return "";
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > errorBytesMax) break;
  }
  return text;
};

const jsonOf = async (response: Response, url: string): Promise<Json> => {
  if (response.status === 204) return {};
  const text = await response.text();
  if (text === "") return {};
  const value = parsed(text);
  if (value !== undefined) return value;
  throw new CommandFailure({
    code: "platform.unknown",
    message: `What answers at ${url} is no management API of Portico.`,
    next: "Check --url: it is the address of the studio, not of the gateway or the portal.",
  });
};
