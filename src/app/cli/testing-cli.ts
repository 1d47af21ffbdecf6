import { spawn } from "node:child_process";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../main.ts", import.meta.url));
const timeoutMs = 30_000;

/** What one run of the real command line gave. */
export interface CliRun {
  readonly exit: number | null;
  readonly out: string;
  readonly err: string;
  /** Standard output as JSON. */
  json(): Record<string, unknown>;
}

/** Runs the real command line as a process of its own, in an environment that has only what is given. */
export const runCli = (
  args: readonly string[],
  options: {
    readonly cwd: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly input?: string | Uint8Array;
    /** Called with all of standard output so far; SIGTERM is sent once it answers true. */
    readonly endWhen?: (out: string) => boolean;
    /** How often it is sent: tools like npm send a signal to the process and to its group. */
    readonly endTimes?: number;
  },
): Promise<CliRun> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: options.cwd,
      env: { PATH: process.env.PATH ?? "", HOME: options.cwd, NO_COLOR: "1", ...options.env },
      stdio: "pipe",
      timeout: timeoutMs,
      killSignal: "SIGKILL",
    });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      out += chunk;
      if (!options.endWhen?.(out)) return;
      for (let times = options.endTimes ?? 1; times > 0; times--) child.kill("SIGTERM");
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      err += chunk;
    });
    // A command that does not read its input may end before all of it was written.
    child.stdin.on("error", () => {}).end(options.input ?? "");
    child.on("error", reject);
    child.on("close", (exit) => {
      resolve({ exit, out, err, json: () => ({ ...Object(JSON.parse(out)) }) });
    });
  });

/** A request as the stand-in of a platform got it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage["headers"];
  readonly bytes: Buffer;
  readonly body: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** How a route answers: a value as JSON with 200, or by its own hand. */
export type Route = (request: SeenRequest, response: ServerResponse) => unknown;

/** An HTTP server that answers by a table of `METHOD /path`; the rest is 404 as problem details. */
export interface TestServer {
  readonly url: string;
  readonly seen: readonly SeenRequest[];
  /** `METHOD /path` of each request, in order. */
  calls(): readonly string[];
  close(): Promise<void>;
}

/** Starts such a server on a free port of this machine. */
export const testServer = async (routes: Readonly<Record<string, Route>>): Promise<TestServer> => {
  const seen: SeenRequest[] = [];
  const server = createServer(async (message, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(Buffer.from(chunk));
    const url = new URL(message.url ?? "/", "http://test");
    const bytes = Buffer.concat(chunks);
    const body = bytes.toString("utf8");
    const request: SeenRequest = {
      method: message.method ?? "",
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: message.headers,
      bytes,
      body,
      json: message.headers["content-type"] === "application/json" ? { ...Object(JSON.parse(body)) } : {},
    };
    seen.push(request);
    const route = routes[`${request.method} ${request.path}`];
    if (route === undefined) {
      sendProblem(response, 404, { code: "path.not_found", detail: `no ${request.method} ${request.path}` });
      return;
    }
    const value = await route(request, response);
    if (value === undefined || response.headersSent) return;
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    calls: () => seen.map(({ method, path }) => `${method} ${path}`),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

/** Answers with problem details, RFC 9457. */
export const sendProblem = (
  response: ServerResponse,
  status: number,
  problem: Readonly<Record<string, unknown>>,
): void => {
  response
    .writeHead(status, { "content-type": "application/problem+json", "x-request-id": "req-1" })
    .end(JSON.stringify({ type: "about:blank", title: "Refused", status, requestId: "req-1", ...problem }));
};
