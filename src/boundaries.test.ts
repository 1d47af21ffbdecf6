import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const source = dirname(fileURLToPath(import.meta.url));

/** Which rooms a room may import. Change a row only with a reason in the same commit. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  base: [],
  model: ["base"],
  openapi: ["base", "model"],
  bundle: ["base", "model", "openapi"],
  exchange: ["base"],
  expressions: ["base", "exchange"],
  policies: ["base", "exchange", "expressions"],
  backends: ["base", "exchange", "data", "functions"],
  gateway: ["base", "model", "exchange"],
  telemetry: ["base", "model", "exchange"],
  store: ["base", "model"],
  management: ["base", "model", "openapi", "bundle", "store"],
  portals: ["base", "model"],
  functions: ["base", "model"],
  data: ["base", "model"],
  kubernetes: ["base", "model"],
  app: [
    "base",
    "model",
    "openapi",
    "bundle",
    "exchange",
    "expressions",
    "policies",
    "backends",
    "gateway",
    "telemetry",
    "store",
    "management",
    "portals",
    "functions",
    "data",
    "kubernetes",
  ],
};

/** Rooms whose files are siblings of one kind: none of them imports another. */
const siblingRooms = ["policies", "backends"];

interface Import {
  readonly from: string;
  readonly to: string;
}

const importPattern =
  /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s*["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)|(?:^|\n)\s*import\s*["']([^"']+)["']/g;

const files = globSync("**/*.ts", { cwd: source }).map((file) => file.replaceAll("\\", "/"));

const importsOf = (file: string): readonly Import[] => {
  const text = readFileSync(join(source, file), "utf8");
  return [...text.matchAll(importPattern)]
    .map((match) => match[1] ?? match[2] ?? match[3] ?? "")
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => ({
      from: file,
      to: relative(source, resolve(source, dirname(file), specifier)).replaceAll("\\", "/"),
    }));
};

const roomOf = (file: string): string => file.split("/")[0] ?? "";
const isTest = (file: string): boolean => /\.test\.ts$|(^|\/)testing-[^/]*\.ts$/.test(file);
const imports = files.filter((file) => file !== "boundaries.test.ts").flatMap(importsOf);

test("every room of src is in the table", () => {
  assert.ok(files.length > 40, `only ${files.length} files were read`);
  console.log(`boundaries: ${files.length} files, ${imports.length} imports`);
  const unknown = [...new Set(files.filter((file) => file.includes("/")).map(roomOf))].filter(
    (room) => !(room in rooms),
  );
  assert.deepEqual(unknown, []);
});

test("a room imports only the rooms that its row names", () => {
  const wrong = imports.filter(({ from, to }) => {
    const [here, there] = [roomOf(from), roomOf(to)];
    if (here === there) return false;
    // What a test needs beside its room (a real database, another room's real part) is not part of the product's structure.
    if (isTest(from) && there !== "app") return false;
    return !rooms[here]?.includes(there);
  });
  assert.deepEqual(wrong, []);
});

test("siblings of one kind do not import each other", () => {
  const wrong = imports.filter(
    ({ from, to }) =>
      siblingRooms.includes(roomOf(from)) && roomOf(from) === roomOf(to) && !isTest(from) && !isTest(to),
  );
  assert.deepEqual(wrong, []);
});

test("there are no import cycles, type imports included", () => {
  const graph = new Map<string, string[]>();
  for (const { from, to } of imports) graph.set(from, [...(graph.get(from) ?? []), to]);
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      cycles.push([...path.slice(path.indexOf(file)), file].join(" -> "));
      return;
    }
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  assert.deepEqual(cycles, []);
});

test("no file has a name that says nothing", () => {
  const vague = files.filter((file) =>
    /(^|\/)(utils?|helpers?|common|types|misc|manager|service|index)\.ts$/.test(file),
  );
  assert.deepEqual(vague, []);
});

test("imports inside src name files, and rooms import no barrels", () => {
  assert.deepEqual(
    imports.filter(({ to }) => !/\.(ts|json)$/.test(to)),
    [],
  );
});
