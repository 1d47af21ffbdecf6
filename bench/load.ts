import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BenchCall } from "./call.ts";
import type { Case } from "./peer.ts";
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

/** Undefined when the program for the case is there; else what to install. */
export const loadMissing = (what: Case): string | undefined => {
  if (what === "http2") return findProgram("h2load") ? undefined : "Debian package nghttp2-client";
  return findProgram("wrk") ? undefined : "Debian package wrk";
};

/** Sends the call for `seconds` over 32 kept connections and reads the figures. `directory`: for the load's own files. */
export const runLoad = (what: Case, url: string, call: BenchCall, seconds: number, directory: string): Promise<Load> =>
  what === "http2" ? runH2load(url, call, seconds) : runWrk(url, call, seconds, directory);

const runWrk = async (url: string, call: BenchCall, seconds: number, directory: string): Promise<Load> => {
  const script = join(directory, "call.lua");
  const fields = Object.entries(call.headers).map(
    ([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`,
  );
  await writeFile(
    script,
    [
      `wrk.method = "${call.method}"`,
      ...fields,
      ...(call.body === "" ? [] : [`wrk.body = ${JSON.stringify(call.body)}`]),
    ].join("\n"),
  );
  const text = await outputOf("wrk", ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "-s", script, url]);
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

/** h2load prints no percentiles for a run by time. */
const runH2load = async (url: string, call: BenchCall, seconds: number): Promise<Load> => {
  const fields = Object.entries(call.headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const text = await outputOf("h2load", [`-c${connections}`, "-m1", "-t1", "-D", String(seconds), ...fields, url]);
  const counts = /requests: (\d+) total, \d+ started, (\d+) done, (\d+) succeeded/.exec(text);
  const done = Number(counts?.[2] ?? Number.NaN);
  return {
    requests: done,
    failed: done - Number(counts?.[3] ?? 0),
    requestsPerSecond: Number(/, ([\d.]+) req\/s/.exec(text)?.[1] ?? Number.NaN),
    p50Ms: Number.NaN,
    p99Ms: Number.NaN,
  };
};

const outputOf = async (name: string, args: readonly string[]): Promise<string> => {
  const load = startPinned(loadCore, findProgram(name) ?? name, args);
  const code = await new Promise<number | null>((resolve) => load.child.once("exit", resolve));
  // `exit` may come before the last of the output.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const text = load.output();
  if (code !== 0) throw new Error(`${name} failed:\n${text}`);
  return text;
};

const latencyMs = (text: string, row: string): number => {
  const match = new RegExp(`${row}\\s+([\\d.]+)(us|ms|s)`).exec(text);
  const scale = { us: 0.001, ms: 1, s: 1000 } as const;
  const unit = match?.[2];
  return unit === "us" || unit === "ms" || unit === "s" ? Number(match?.[1]) * scale[unit] : Number.NaN;
};
