import { mkdtempSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jsonLog, silentLog } from "../../base/log.ts";
import { createProcessTelemetry } from "../../telemetry/process-telemetry.ts";
import { type GatewayProcess, type GatewayProcessOptions, startGateway } from "./gateway-process.ts";

/** A token file and a data directory that are new. */
export const newHome = (token: string): { readonly dataDir: string; readonly tokenFile: string } => {
  const dataDir = mkdtempSync(join(tmpdir(), "portico-gateway-"));
  const tokenFile = join(dataDir, "token");
  writeFileSync(tokenFile, `${token}\n`);
  return { dataDir, tokenFile };
};

/** A gateway of two threads with the tests' policies, on free ports. */
export const startTestGateway = (
  options: Pick<GatewayProcessOptions, "dataDir" | "source"> & Partial<GatewayProcessOptions>,
): Promise<GatewayProcess> =>
  startGateway({
    host: "127.0.0.1",
    port: 0,
    opsPort: 0,
    threads: 2,
    labels: ["eu"],
    version: "test",
    threadUrl: new URL("./testing-thread.ts", import.meta.url),
    log: process.env.TEST_LOG ? jsonLog({ level: "debug", write: (line) => process.stderr.write(line) }) : silentLog,
    logLevel: "error",
    accessLog: "off",
    drainMs: 5_000,
    observer: createProcessTelemetry({ log: silentLog }),
    ...options,
  });

/** An answer, whole. */
export interface TestAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** One call on a connection of its own, or of the agent. Rejects where the connection breaks. */
export const call = (
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  agent?: Agent,
): Promise<TestAnswer> =>
  new Promise((resolve, reject) => {
    const sent = request(
      { host: "127.0.0.1", port, path, headers, ...(agent ? { agent } : { agent: new Agent({ keepAlive: false }) }) },
      (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (text: string) => {
          body += text;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
        response.on("error", reject);
      },
    );
    sent.on("error", reject);
    sent.end();
  });

/** Asks again until the answer is as wanted; fails after five seconds. */
export const until = async <T>(
  ask: () => Promise<T> | T,
  isWanted: (answer: T) => boolean,
  limitMs = 5_000,
): Promise<T> => {
  const endsAt = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    if (performance.now() > endsAt) throw new Error(`not within ${limitMs} ms: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
