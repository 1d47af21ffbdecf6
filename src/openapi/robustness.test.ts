import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Fault } from "../base/fault.ts";
import { describeOperation } from "./describe-operation.ts";
import { collectExternalReferences } from "./external-references.ts";
import { lint } from "./lint.ts";
import { mocksOf } from "./mock-responses.ts";
import { operationsOf } from "./operations.ts";
import { outlineOf } from "./outline.ts";
import { planImport } from "./plan-import.ts";
import { type OpenApiDocument, readDocument } from "./read-document.ts";
import { sampleCall } from "./sample-call.ts";

const fixtures = join(import.meta.dirname, "fixtures");
const sound = readdirSync(fixtures)
  .filter((name) => name.includes(".in."))
  .map((name) => readDocument(readFileSync(join(fixtures, name)), { name }));

/** Everything the room can be asked about a document. */
const askEverything = (document: OpenApiDocument): void => {
  lint(document);
  outlineOf(document);
  mocksOf(document);
  collectExternalReferences(document);
  for (const operation of operationsOf(document)) {
    JSON.stringify(describeOperation(document, operation.id));
    sampleCall(document, operation, "https://gateway.example");
  }
  for (const [before, after] of [
    [null, document],
    [sound[0] ?? null, document],
    [document, document],
  ] as const) {
    try {
      planImport(before, after);
    } catch (thrown) {
      // A document that cannot be served is refused; anything else is a bug.
      assert.ok(thrown instanceof Fault, String(thrown));
    }
  }
};

/** The value with the node at a place (chosen by number) put in another's stead. */
const mutated = (root: unknown, at: number, by: unknown): unknown => {
  let left = at;
  const visit = (value: unknown): unknown => {
    if (left-- === 0) return by;
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, below]) => [name, visit(below)]));
  };
  return visit(root);
};

const countOf = (value: unknown): number => {
  if (typeof value !== "object" || value === null) return 1;
  let count = 1;
  for (const below of Object.values(value)) count += countOf(below);
  return count;
};

const junk = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    0,
    -1,
    "",
    "x",
    true,
    [],
    {},
    [[]],
    [null],
    { $ref: "#" },
    { $ref: "#/paths" },
    { $ref: "" },
    { $ref: "%" },
    { $ref: "#/%zz" },
    { $ref: 7 },
    { $ref: "http://[" },
  ),
  fc.constantFrom<unknown>(
    { allOf: [{ $ref: "#" }] },
    { type: ["x", 3] },
    { enum: [] },
    { oneOf: [] },
    { properties: [] },
    { required: "a" },
    { pattern: "(" },
    { items: [true] },
    { minimum: 1e308, maximum: -1e308 },
  ),
  fc.jsonValue({ maxDepth: 3 }),
);

describe("whatever a document holds", () => {
  test("nothing throws but a Fault, and everything ends", () => {
    fc.assert(
      fc.property(
        fc.nat(sound.length - 1),
        fc.array(fc.tuple(fc.nat(), junk), { minLength: 1, maxLength: 4 }),
        (which, changes) => {
          let root: unknown = sound[which]?.root;
          for (const [at, by] of changes) root = mutated(root, at % countOf(root), by);
          let document: OpenApiDocument;
          try {
            document = readDocument(new TextEncoder().encode(JSON.stringify(root)));
          } catch (thrown) {
            assert.ok(thrown instanceof Fault, String(thrown));
            return;
          }
          askEverything(document);
        },
      ),
      { interruptAfterTimeLimit: 8000, numRuns: 1500 },
    );
  });

  test("any text at all is read, or refused with a Fault", () => {
    const fragments = fc.array(
      fc.constantFrom(
        "openapi: 3.1.0\n",
        "{",
        "}",
        "[",
        "]",
        "paths:\n",
        "  /a: ",
        "&a ",
        "*a",
        "<<: ",
        "\t",
        "- ",
        "'",
        '"',
        "|",
        ">",
        "!!map ",
        "? ",
        "\n",
        "%YAML 1.1\n",
        "---\n",
        "...\n",
        "#",
        "\u0000",
        "é",
      ),
      { maxLength: 25 },
    );
    fc.assert(
      fc.property(fragments, (parts) => {
        try {
          askEverything(readDocument(new TextEncoder().encode(parts.join(""))));
        } catch (thrown) {
          assert.ok(thrown instanceof Fault, String(thrown));
        }
      }),
      { interruptAfterTimeLimit: 5000, numRuns: 3000 },
    );
  });
});
