import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Fault, systemCodeOf } from "../../base/fault.ts";
import { type BundleFinding, hasErrors, pathText, sortFindings } from "../../bundle/finding.ts";
import { placeFindings, readBundle } from "../../bundle/read-bundle.ts";
import { readDirectory } from "../../bundle/read-directory.ts";
import { readScenarioFile, type ScenarioReading } from "../../bundle/scenario-file.ts";
import { makeUnits, unitCache } from "../../bundle/units.ts";
import type { ApiUnit } from "../../model/snapshot.ts";
import { checkUnits } from "../check-units.ts";
import { type CoveredPlace, createCoverage } from "./coverage.ts";
import { runScenario } from "./run-scenario.ts";

/** Something that is not as a scenario expects, with its place. */
interface PlacedFailure {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
}

/** One scenario, run. */
export interface ScenarioResult {
  readonly file: string;
  readonly line: number;
  readonly name: string;
  readonly durationMs: number;
  readonly failures: readonly PlacedFailure[];
}

/** All scenarios of a bundle, run. */
export interface BundleResult {
  readonly scenarios: readonly ScenarioResult[];
  readonly coverage: readonly CoveredPlace[];
  readonly durationMs: number;
}

export interface RunOptions {
  /** Only scenarios whose file or name holds this text. */
  readonly only?: string;
  readonly signal?: AbortSignal;
}

/** What secrets and variables are where a file of scenarios does not say. */
const unknownValue = "set-later";

/**
 * Runs the scenarios of the bundle in `directory`. Throws a Fault `bundle.invalid` with every mistake of the bundle and its scenarios where
 * there is one: then nothing was run.
 */
export const runBundle = async (directory: string, options: RunOptions = {}): Promise<BundleResult> => {
  const beganMs = performance.now();
  const reading = await readDirectory(directory);
  const bundle = readBundle(reading.files);
  const files = await readScenarios(directory);
  const findings: BundleFinding[] = [...reading.findings, ...bundle.findings];
  for (const { reading: one } of files) findings.push(...one.findings);
  const cache = unitCache();
  const unitsFor = (secrets: Readonly<Record<string, string>>, environment: Readonly<Record<string, string>>) =>
    makeUnits(bundle.resources, bundle.documents, {
      secretOf: (name) => secrets[name] ?? unknownValue,
      environment: new Proxy(environment, { get: (own, name) => Reflect.get(own, name) ?? unknownValue }),
      cache,
    });
  if (!hasErrors(findings)) {
    const { units, errors } = unitsFor({}, {});
    const mistakes = [...errors, ...checkUnits(units)].flatMap((error) =>
      error.findings.length > 0 ? error.findings : [{ message: error.message }],
    );
    findings.push(
      ...placeFindings(reading.files, mistakes).map((finding) => ({ ...finding, severity: "error" as const })),
    );
  }
  if (hasErrors(findings)) {
    throw new Fault("bundle.invalid", {
      public: "The bundle or its scenarios have mistakes; nothing was run.",
      status: 422,
      findings: sortFindings(findings).filter((finding) => finding.severity === "error"),
    });
  }
  const coverage = createCoverage();
  const scenarios: ScenarioResult[] = [];
  for (const { path, reading: one } of files) {
    if (one.file === undefined) continue;
    const { units } = unitsFor(one.file.secrets ?? {}, one.file.environment ?? {});
    for (const [index, scenario] of one.file.scenarios.entries()) {
      options.signal?.throwIfAborted();
      if (!isWanted(options.only, path, scenario.name)) continue;
      const startedMs = performance.now();
      const failures = await runScenario(units, one.file, scenario, coverage);
      scenarios.push({
        file: path,
        line: one.place(["scenarios", index]).line,
        name: scenario.name,
        durationMs: performance.now() - startedMs,
        failures: failures.map((failure) => placed(path, one, ["scenarios", index, ...failure.path], failure.message)),
      });
    }
    if (scenarios.length === 0) await know(units);
  }

  return { scenarios, coverage: coverage.places(), durationMs: performance.now() - beganMs };

  // Without a scenario nothing was compiled, so nothing would be known as not covered.
  async function know(units: readonly ApiUnit[]): Promise<void> {
    const { scenarioGateway } = await import("./scenario-gateway.ts");
    await (await scenarioGateway(units, coverage, 0)).close();
  }
};

const placed = (
  file: string,
  reading: ScenarioReading,
  path: readonly (string | number)[],
  message: string,
): PlacedFailure => ({ file, ...reading.place(path), path: pathText(path), message });

const isWanted = (only: string | undefined, path: string, name: string): boolean =>
  only === undefined || path.includes(only) || name.includes(only);

interface FileOfScenarios {
  readonly path: string;
  readonly reading: ScenarioReading;
}

const readScenarios = async (directory: string): Promise<readonly FileOfScenarios[]> => {
  const names = await filesOf(join(directory, "tests"));
  const files: FileOfScenarios[] = [];
  for (const name of names.filter((one) => one.endsWith(".test.yaml")).sort()) {
    const path = `tests/${name}`;
    files.push({ path, reading: readScenarioFile(path, await readFile(join(directory, path))) });
  }
  return files;
};

const filesOf = async (folder: string): Promise<readonly string[]> => {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
  } catch (thrown) {
    // A bundle need not have scenarios.
    if (systemCodeOf(thrown) === "ENOENT") return [];
    throw thrown;
  }
};
