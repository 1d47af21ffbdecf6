import type { Load } from "./load.ts";
import type { Case } from "./peer.ts";

/** One run of one gateway. */
export interface Figures extends Load {
  readonly peer: string;
  readonly cpuMicrosPerRequest: number;
  readonly residentMiB: number;
}

/** Portico's CPU per request over a peer's, beside what it should be. */
export interface Ratio {
  readonly to: string;
  readonly ratio: number;
  readonly target: number;
}

const targets: Readonly<Record<Case, readonly { readonly to: string; readonly target: number }[]>> = {
  "pass-through": [
    { to: "nginx", target: 1.15 },
    { to: "caddy", target: 0.25 },
    { to: "fastify+reply-from", target: 0.25 },
  ],
  "key-limit": [
    { to: "nginx", target: 1.35 },
    { to: "nginx+lua", target: 0.8 },
  ],
  full: [{ to: "nginx", target: 2.5 }],
  "many-apis": [{ to: "nginx", target: 1.2 }],
  tls: [{ to: "nginx", target: 1.4 }],
  http2: [{ to: "nginx", target: 2.5 }],
};

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The table of a case, each gateway's runs averaged, and the ratios with their targets. Says nothing about peers that did not run. */
export const report = (
  what: Case,
  figures: readonly Figures[],
): { readonly text: string; readonly ratios: readonly Ratio[] } => {
  const names = [...new Set(figures.map((each) => each.peer))];
  const runsOf = (name: string): readonly Figures[] => figures.filter((each) => each.peer === name);
  const cpuOf = (name: string): number => mean(runsOf(name).map((each) => each.cpuMicrosPerRequest));
  const row = (cells: readonly string[]): string =>
    `  ${(cells[0] ?? "").padEnd(20)}${cells
      .slice(1)
      .map((cell) => cell.padStart(11))
      .join("")}`;
  const lines = [row(["gateway", "us/request", "requests/s", "p50 ms", "p99 ms", "RSS MiB", "failed"])];
  for (const name of names) {
    const runs = runsOf(name);
    lines.push(
      row([
        name,
        cpuOf(name).toFixed(1),
        mean(runs.map((each) => each.requestsPerSecond)).toFixed(0),
        mean(runs.map((each) => each.p50Ms)).toFixed(2),
        mean(runs.map((each) => each.p99Ms)).toFixed(2),
        mean(runs.map((each) => each.residentMiB)).toFixed(0),
        String(runs.reduce((sum, each) => sum + each.failed, 0)),
      ]),
    );
  }
  const ratios = targets[what]
    .filter(({ to }) => names.includes(to) && names.includes("portico"))
    .map(({ to, target }) => ({ to, target, ratio: cpuOf("portico") / cpuOf(to) }));
  for (const { to, ratio, target } of ratios) {
    lines.push(
      `  portico / ${to}: ${ratio.toFixed(2)} (target <= ${target}) ${ratio <= target ? "reached" : "not reached"}`,
    );
  }
  return { text: lines.join("\n"), ratios };
};
