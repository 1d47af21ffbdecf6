// `npm test`: every check and test, in the order in which they are cheap. `npm run check` stops after the unit tests.
// Steps run one after the other; the first failure ends the run with its exit code.
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
const bin = (name) => join("node_modules", ".bin", name);
const onlyCheck = process.argv[2] === "check";

const run = (title, command, args) => {
  const started = Date.now();
  console.log(`\n== ${title}`);
  const { status, signal } = spawnSync(command, args, { stdio: "inherit" });
  if (status !== 0) {
    console.error(`== ${title}: failed (${signal ?? `exit ${status}`})`);
    process.exit(status || 1);
  }
  console.log(`== ${title}: ok in ${((Date.now() - started) / 1000).toFixed(1)} s`);
};

const tests = (patterns) =>
  patterns
    .flatMap((pattern) => globSync(pattern))
    .filter((f) => !f.includes("node_modules"))
    .sort();

run("types", bin("tsc"), ["--noEmit"]);
run("types of web", bin("tsc"), ["--noEmit", "-p", "web"]);
run("lint", bin("biome"), ["ci", "--error-on-warnings", "."]);
run("unused code", bin("knip"), []);

const unit = tests(["src/**/*.test.ts", "web/**/*.test.ts", "examples/**/*.test.ts"]);
const across = onlyCheck ? [] : tests(["test/**/*.test.ts", "bench/**/*.test.ts"]);
const files = [...unit, ...across];
if (files.length === 0) {
  console.error("no test files were found");
  process.exit(1);
}
run(`tests (${files.length} files)`, bin("node"), [
  "--test",
  "--test-concurrency=2",
  "--test-timeout=240000",
  ...files,
]);
