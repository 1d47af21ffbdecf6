import type { BundleResult, ScenarioResult } from "./run-bundle.ts";

/** The results as JUnit XML, as CI systems read it: one suite a file. */
export const junitReport = ({ scenarios, durationMs }: BundleResult): string => {
  const files = [...new Set(scenarios.map((one) => one.file))];
  const failed = scenarios.filter((one) => one.failures.length > 0).length;
  const suites = files.map((file) =>
    suiteOf(
      file,
      scenarios.filter((one) => one.file === file),
    ),
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="portico test" tests="${scenarios.length}" failures="${failed}" errors="0" time="${seconds(durationMs)}">
${suites.join("\n")}${suites.length === 0 ? "" : "\n"}</testsuites>
`;
};

const suiteOf = (file: string, scenarios: readonly ScenarioResult[]): string => {
  const failed = scenarios.filter((one) => one.failures.length > 0).length;
  const durationMs = scenarios.reduce((sum, one) => sum + one.durationMs, 0);
  const head = `  <testsuite name="${xml(file)}" tests="${scenarios.length}" failures="${failed}" errors="0" skipped="0" time="${seconds(durationMs)}">`;
  return [head, ...scenarios.map(caseOf), "  </testsuite>"].join("\n");
};

const caseOf = (one: ScenarioResult): string => {
  const head = `    <testcase name="${xml(one.name)}" classname="${xml(one.file)}" file="${xml(one.file)}" line="${one.line}" time="${seconds(one.durationMs)}"`;
  const [first] = one.failures;
  if (first === undefined) return `${head}/>`;
  const text = one.failures.map(({ file, line, path, message }) => `${file}:${line} ${path}: ${message}`).join("\n");
  return `${head}>\n      <failure message="${xml(first.message)}">${xml(text)}</failure>\n    </testcase>`;
};

const seconds = (ms: number): string => (ms / 1000).toFixed(3);

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\n": "&#10;",
};

// Control characters cannot stand in XML 1.0 at all (section 2.2).
const xml = (text: string): string =>
  text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
    .replace(/[&<>"\n]/g, (found) => entities[found] ?? found);
