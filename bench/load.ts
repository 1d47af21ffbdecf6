import { findProgram, loadCore, startPinned } from "./process.ts";

/** What a load run saw. Latencies in milliseconds. */
export interface Load {
  readonly requests: number;
  readonly failed: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const connections = 32;

/** Undefined when wrk is there; else what to install. */
export const loadMissing = (): string | undefined =>
  findProgram("wrk") ? undefined : "Debian package wrk (apt-get install wrk)";

/** Runs wrk for `seconds` over 32 keep-alive connections and reads its figures. */
export const runLoad = async (url: string, key: string, seconds: number): Promise<Load> => {
  const wrk = startPinned(loadCore, findProgram("wrk") ?? "wrk", [
    "-t1",
    `-c${connections}`,
    `-d${seconds}s`,
    "--latency",
    "-H",
    `X-API-Key: ${key}`,
    url,
  ]);
  const code = await new Promise<number | null>((resolve) => wrk.child.once("exit", resolve));
  // `exit` may come before the last of the output.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const text = wrk.output();
  if (code !== 0) throw new Error(`wrk failed:\n${text}`);
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? Number.NaN);
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  const socketErrors = errors ? errors.slice(1).reduce((sum, count) => sum + Number(count), 0) : 0;
  const refused = /Non-2xx or 3xx responses: (\d+)/.exec(text);
  return {
    requests: number(/(\d+) requests in/),
    failed: socketErrors + Number(refused?.[1] ?? 0),
    requestsPerSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p50Ms: latencyMs(text, "50%"),
    p99Ms: latencyMs(text, "99%"),
  };
};

const latencyMs = (text: string, row: string): number => {
  const match = new RegExp(`${row}\\s+([\\d.]+)(us|ms|s)`).exec(text);
  const scale = { us: 0.001, ms: 1, s: 1000 } as const;
  const unit = match?.[2];
  return unit === "us" || unit === "ms" || unit === "s" ? Number(match?.[1]) * scale[unit] : Number.NaN;
};
