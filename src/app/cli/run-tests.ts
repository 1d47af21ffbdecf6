import { watch } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { CoveredPlace } from "../scenarios/coverage.ts";
import type { BundleResult, ScenarioResult } from "../scenarios/run-bundle.ts";
import { answer, type Call, type CommandSpec, type ExitCode, exitCodes } from "./command.ts";
import { failureOf, failureText, usageFailure } from "./failure.ts";
import { counted } from "./table.ts";

/** `portico test`. */
export const runTests: CommandSpec = {
  name: "test",
  group: "Configure",
  summary: "Run the scenarios of a bundle",
  details:
    "Needs no platform and opens no socket: the bundle is compiled and run by the real engine in this process, with stubs for backends and a time of its own. Scenarios stand in `tests/NAME.test.yaml`; see docs/testing.md. Ends with 0 where all are as expected, with 1 where one is not, and where the bundle or a scenario has mistakes.",
  arguments: [{ name: "dir", description: "directory of the bundle (default: the current one)", isOptional: true }],
  options: [
    { flags: "--only <text>", description: "only scenarios whose file or name holds this text" },
    { flags: "--junit <file>", description: "also write the results as JUnit XML" },
    { flags: "--coverage", description: "list the policies and branches that no scenario ran" },
    { flags: "--watch", description: "run again whenever a file of the bundle changes, until Ctrl+C" },
  ],
  examples: [
    "portico test ./bundle",
    "portico test --junit results.xml --coverage",
    "portico test --watch --only limits",
  ],
  run: async (call) => {
    const directory = resolve(call.terminal.cwd, call.argument(0) ?? ".");
    if (!call.isSet("watch")) return runOnce(call, directory);
    if (call.isJson) throw usageFailure("--watch and --json exclude each other.", "Leave one of them out.");
    await watchAndRun(call, directory);
    return exitCodes.ok;
  },
};

/** An editor or a checkout writes many files: they are read once they have come to rest. */
const settleMs = 150;

const runOnce = async (call: Call, directory: string): Promise<ExitCode> => {
  const { runBundle } = await import("../scenarios/run-bundle.ts");
  const only = call.text("only");
  const result = await runBundle(directory, {
    signal: call.terminal.signal,
    ...(only === undefined ? {} : { only }),
  });
  const junit = call.text("junit");
  if (junit !== undefined) {
    const { junitReport } = await import("../scenarios/junit-report.ts");
    const path = resolve(call.terminal.cwd, junit);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, junitReport(result));
  }
  const failed = result.scenarios.filter((one) => one.failures.length > 0).length;
  const coverage = summaryOf(result.coverage);
  await answer(
    call,
    {
      passed: result.scenarios.length - failed,
      failed,
      durationMs: Math.round(result.durationMs),
      scenarios: result.scenarios,
      coverage,
    },
    () => humanText(result, failed, call.isSet("coverage")),
  );
  if (result.scenarios.length === 0 && only !== undefined) return exitCodes.failure;
  return failed > 0 ? exitCodes.failure : exitCodes.ok;
};

const watchAndRun = async (call: Call, directory: string): Promise<void> => {
  const { signal } = call.terminal;
  let wake = Promise.withResolvers<void>();
  let timer: NodeJS.Timeout | undefined;
  const watcher = watch(directory, { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(() => wake.resolve(), settleMs);
  });
  const stopped = new Promise<void>((done) => signal.addEventListener("abort", () => done(), { once: true }));
  watcher.on("error", (error) => call.terminal.err(`The bundle is not watched any more: ${error.message}\n`));
  try {
    while (!signal.aborted) {
      wake = Promise.withResolvers<void>();
      try {
        await runOnce(call, directory);
      } catch (thrown) {
        if (signal.aborted) return;
        // A mistake that is being written: the next change may have it right.
        call.terminal.err(failureText(failureOf(thrown)));
      }
      await call.terminal.out("Waiting for a change (Ctrl+C ends).\n");
      await Promise.race([wake.promise, stopped]);
    }
  } finally {
    clearTimeout(timer);
    watcher.close();
  }
};

const summaryOf = (places: readonly CoveredPlace[]) => {
  const count = (kind: CoveredPlace["kind"]) => {
    const all = places.filter((place) => place.kind === kind);
    return { total: all.length, covered: all.filter((place) => place.runs > 0).length };
  };
  return {
    policies: count("policy"),
    branches: count("branch"),
    uncovered: places
      .filter((place) => place.runs === 0)
      .map(({ kind, policy, file, path }) => ({ kind, policy, file, path })),
  };
};

const humanText = (result: BundleResult, failed: number, isCoverageShown: boolean): string => {
  const lines: string[] = [];
  let file = "";
  for (const one of result.scenarios) {
    if (one.file !== file) lines.push(one.file);
    file = one.file;
    lines.push(...linesOf(one));
  }
  const { policies, branches, uncovered } = summaryOf(result.coverage);
  if (isCoverageShown)
    lines.push(...uncovered.map((place) => `never ran: ${place.kind} ${place.policy} at ${place.file} ${place.path}`));
  if (result.scenarios.length === 0)
    return [...lines, "No scenarios: there is nothing to run in tests/*.test.yaml."].join("\n");
  const passed = result.scenarios.length - failed;
  lines.push(
    `${counted(passed, "scenario")} passed, ${failed} failed, in ${Math.round(result.durationMs)} ms.`,
    `Policies that ran: ${policies.covered} of ${policies.total}; branches: ${branches.covered} of ${branches.total}.${
      uncovered.length > 0 && !isCoverageShown ? " --coverage lists the others." : ""
    }`,
  );
  return lines.join("\n");
};

const linesOf = (one: ScenarioResult): readonly string[] => [
  `  ${one.failures.length === 0 ? "ok  " : "FAIL"} ${one.name} (${Math.round(one.durationMs)} ms)`,
  ...one.failures.map(
    ({ file, line, column, path, message }) => `       ${file}:${line}:${column} ${path}: ${message}`,
  ),
];
