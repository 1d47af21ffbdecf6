import assert from "node:assert/strict";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { errorReference, problemTables } from "./error-reference.ts";

const file = new URL("../../docs/errors.md", import.meta.url);

test("docs/errors.md is what the tables say", () => {
  if (process.env.UPDATE_GOLDEN) writeFileSync(file, errorReference());
  assert.equal(readFileSync(file, "utf8"), errorReference());
});

test("a code stands in one table only and reads noun.what_happened", () => {
  const codes = Object.values(problemTables).flatMap((table) => Object.keys(table));
  assert.ok(codes.length > 40, `${codes.length} codes`);
  assert.equal(new Set(codes).size, codes.length);
  for (const code of codes) assert.match(code, /^[a-z]+(_[a-z]+)*\.[a-z][a-z0-9]*(_[a-z0-9]+)*$/);
});

test("a status is one that HTTP has for errors", () => {
  for (const table of Object.values(problemTables)) {
    for (const [code, row] of Object.entries(table)) assert.ok(row.status >= 400 && row.status < 600, code);
  }
});

test("every code that the source throws stands in a table", () => {
  const source = new URL("../", import.meta.url);
  const files = globSync("**/*.ts", { cwd: source }).filter((file) => !/\.test\.ts$|testing-/.test(file));
  assert.ok(files.length > 200, `${files.length} files were read`);
  const known = new Set(Object.values(problemTables).flatMap((table) => Object.keys(table)));
  const thrown = files.flatMap((file) =>
    [...readFileSync(new URL(file, source), "utf8").matchAll(/new Fault\(\s*"([a-z_]+\.[a-z_]+)"/g)].map(
      (match) => match[1] ?? "",
    ),
  );
  assert.ok(thrown.length > 50, `${thrown.length} places throw`);
  assert.deepEqual(
    [...new Set(thrown)].filter((code) => !known.has(code)),
    [],
  );
});
