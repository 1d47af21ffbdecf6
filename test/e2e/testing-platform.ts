import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root. */
export const root: string = fileURLToPath(new URL("../../", import.meta.url));
export const main: string = join(root, "src/app/main.ts");

/** A platform that runs as a process of its own, as a user starts it. */
export interface Platform {
  readonly dataDir: string;
  readonly gateway: string;
  readonly portal: string;
  readonly studio: string;
  readonly ops: string;
  readonly process: ChildProcess;
  readonly output: () => string;
  /** The owner token. */
  readonly token: string;
  /** The sample's key; empty with `--empty`. */
  readonly key: string;
  /** A call to the management API below `/api/v1`, as the owner. */
  manage(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** SIGTERM, waits for the end, and answers the exit code. */
  stop(): Promise<number | null>;
}

export interface PlatformOptions {
  readonly dataDir?: string;
  readonly portBase?: number;
  readonly args?: readonly string[];
}

/** Six ports in a row that were free a moment ago. */
export const freePortBase = async (): Promise<number> => {
  for (let turn = 0; turn < 200; turn += 1) {
    const base = 20_000 + Math.floor(Math.random() * 4000) * 8;
    const free = await Promise.all(Array.from({ length: 6 }, (_, i) => isFree(base + i)));
    if (free.every(Boolean)) return base;
  }
  throw new Error("no six free ports in a row");
};

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });

/** Runs `portico up` until it says that it is running. */
export const startPlatform = async (options: PlatformOptions = {}): Promise<Platform> => {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "portico-e2e-")));
  const portBase = options.portBase ?? (await freePortBase());
  const child = spawn(
    process.execPath,
    [main, "up", "--data", dataDir, "--port-base", String(portBase), ...(options.args ?? [])],
    {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let output = "";
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const running = new Promise<void>((resolve, reject) => {
    const see = (chunk: Buffer): void => {
      output += chunk.toString();
      if (/Stop with Ctrl\+C/.test(output)) resolve();
    };
    child.stdout.on("data", see);
    child.stderr.on("data", see);
    child.once("exit", (code) => reject(new Error(`portico up ended with ${code}:\n${output}`)));
  });
  await running;
  const text = async (file: string): Promise<string> =>
    (await readFile(join(dataDir, file), "utf8").catch(() => "")).trim();
  const studio = `http://127.0.0.1:${portBase + 2}`;
  const token = await text("admin-token");
  return {
    dataDir,
    gateway: `http://127.0.0.1:${portBase}`,
    portal: `http://127.0.0.1:${portBase + 1}`,
    studio,
    ops: `http://127.0.0.1:${portBase + 3}`,
    process: child,
    output: () => output,
    token,
    key: await text("sample-key"),
    manage: (method, path, body, headers = {}) =>
      fetch(`${studio}/api/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined || body instanceof Uint8Array ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: body instanceof Uint8Array ? body : JSON.stringify(body) }),
      }),
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      const code = await ended;
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
      return code;
    },
  };
};

/** What a command of the CLI did. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the CLI against a platform. */
export const portico = (
  platform: Platform,
  args: readonly string[],
  input = "",
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [main, ...args, "--url", platform.studio, "--data", platform.dataDir], {
      cwd: root,
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.once("close", (code) => resolve({ code, stdout, stderr }));
    child.stdin.end(input);
  });

/** Asks until `isTrue` answers true, at most `waitMs`. */
export const eventually = async (isTrue: () => Promise<boolean>, waitMs: number, what: string): Promise<void> => {
  const until = performance.now() + waitMs;
  while (performance.now() < until) {
    if (await isTrue().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`not within ${waitMs} ms: ${what}`);
};
