import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { type Finding, messageOf } from "../../base/fault.ts";
import { answer, type Call, type CommandSpec, type ExitCode, exitCodes } from "./command.ts";
import { CommandFailure, findingText } from "./failure.ts";
import { counted } from "./table.ts";

type GradedFinding = Finding & { readonly severity: "error" | "warning" | "info"; readonly rule?: string };

/** `portico lint`. */
export const lint: CommandSpec = {
  name: "lint",
  group: "Configure",
  summary: "Check a bundle, or one OpenAPI document",
  details:
    "Needs no platform. A directory is checked as `apply` checks it: syntax, fields, references, and every policy and backend compiled as the gateway compiles them. Ends with 3 where there are errors or warnings.",
  arguments: [{ name: "path", description: "directory of a bundle, or a file; - for a document on standard input" }],
  options: [{ flags: "--documents", description: "of a directory, also lint its OpenAPI documents" }],
  examples: ["portico lint ./bundle", "portico lint openapi.yaml --json"],
  run: async (call) => {
    const given = call.argument(0) ?? ".";
    if (given === "-")
      return report(call, await documentFindings(await call.terminal.readInput(inputBytesMax), "(standard input)"));
    const path = resolve(call.terminal.cwd, given);
    if (await isDirectory(path, given)) return report(call, await bundleFindings(path, call.isSet("documents")));
    return report(call, await documentFindings(await readFile(path), given));
  },
};

const inputBytesMax = 64 * 1024 * 1024;

const isDirectory = async (path: string, given: string): Promise<boolean> => {
  try {
    return (await stat(path)).isDirectory();
  } catch (thrown) {
    throw new CommandFailure(
      {
        code: "cli.file_unreadable",
        message: `${given} cannot be read: ${messageOf(thrown)}.`,
        next: "Check the path.",
      },
      thrown,
    );
  }
};

/** Everything that is to be said about a directory: files, references, and what does not compile. */
export const bundleFindings = async (path: string, withDocuments: boolean): Promise<readonly GradedFinding[]> => {
  const { readDirectory } = await import("../../bundle/read-directory.ts");
  const { placeFindings, readBundle } = await import("../../bundle/read-bundle.ts");
  const { hasErrors, sortFindings } = await import("../../bundle/finding.ts");
  const { makeUnits } = await import("../../bundle/units.ts");
  const directory = await readDirectory(path);
  const reading = readBundle(directory.files);
  const findings: GradedFinding[] = [...directory.findings, ...reading.findings];
  const { checkUnits } = await import("../check-units.ts");
  if (hasErrors(findings)) {
    // No units can be made of it; the policies of what is readable are compiled all the same.
    const { policyUnits } = await import("../../bundle/policy-units.ts");
    const failed = checkUnits(policyUnits([...reading.resources, ...reading.repaired]));
    findings.push(...withoutRepeats(placeFindings(directory.files, mistakesOf(failed).filter(isIn(directory.files)))));
  } else {
    // Secrets and variables are set where the bundle runs, not where it is checked.
    const anyVariable: Record<string, string> = new Proxy({}, { get: () => "set-later" });
    const { units, errors } = makeUnits(reading.resources, reading.documents, {
      secretOf: () => "set-later",
      environment: anyVariable,
    });
    const mistakes = mistakesOf([...errors, ...checkUnits(units)]);
    findings.push(...withoutRepeats(placeFindings(directory.files, mistakes)));
  }
  for (const [file, bytes] of withDocuments ? directory.files : []) {
    if (/^apis\/[^/]+\/openapi\.(ya?ml|json)$/.test(file)) findings.push(...(await documentFindings(bytes, file)));
  }
  return sortFindings(findings);
};

const mistakesOf = (failed: readonly Failed[]): readonly GradedFinding[] =>
  failed.flatMap(({ findings, message }) =>
    (findings.length > 0 ? findings : [{ message }]).map((finding) => ({ ...finding, severity: "error" as const })),
  );

interface Failed {
  readonly message: string;
  readonly findings: readonly Finding[];
}

// What is in no file of the bundle comes from a stand-in.
const isIn =
  (files: ReadonlyMap<string, unknown>) =>
  ({ file }: Finding): boolean =>
    file !== undefined && files.has(file);

// A mistake in an outer policy or a fragment is a mistake of every API below it.
const withoutRepeats = (findings: readonly GradedFinding[]): readonly GradedFinding[] => {
  const seen = new Set<string>();
  return findings.filter((finding) => {
    const text = findingText(finding);
    if (seen.has(text)) return false;
    seen.add(text);
    return true;
  });
};

const documentFindings = async (bytes: Uint8Array, name: string): Promise<readonly GradedFinding[]> => {
  const { readDocument } = await import("../../openapi/read-document.ts");
  const { lint: lintDocument } = await import("../../openapi/lint.ts");
  const { Fault } = await import("../../base/fault.ts");
  try {
    return lintDocument(readDocument(bytes, { name })).map(
      ({ severity, message, file, pointer, line, column, next, rule }) => ({
        severity,
        message,
        rule,
        file: file ?? name,
        path: pointer,
        line,
        column,
        next,
      }),
    );
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    const found = thrown.findings.length > 0 ? thrown.findings : [{ message: thrown.message }];
    return found.map((finding) => ({ ...finding, file: name, severity: "error" }));
  }
};

const report = async (call: Call, findings: readonly GradedFinding[]): Promise<ExitCode> => {
  const count = (severity: GradedFinding["severity"]): number =>
    findings.filter((finding) => finding.severity === severity).length;
  const counts = { errors: count("error"), warnings: count("warning"), infos: count("info") };
  await answer(call, { ...counts, findings }, () => {
    const lines = findings.map(
      (finding) => `${findingText(finding)}${finding.rule === undefined ? "" : ` [${finding.rule}]`}`,
    );
    const sum = `${counted(counts.errors, "error")}, ${counted(counts.warnings, "warning")}, ${counted(counts.infos, "remark")}.`;
    return [...lines, findings.length === 0 ? "No errors, no warnings." : sum].join("\n");
  });
  return counts.errors + counts.warnings > 0 ? exitCodes.findings : exitCodes.ok;
};
