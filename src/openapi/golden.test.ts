import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { diffContracts } from "./contract-diff.ts";
import { contractRules } from "./contract-rules.ts";
import { describeOperation } from "./describe-operation.ts";
import { lint } from "./lint.ts";
import { lintRules } from "./lint-rules.ts";
import { mocksOf } from "./mock-responses.ts";
import { operationsOf } from "./operations.ts";
import { outlineOf } from "./outline.ts";
import { type OpenApiDocument, readDocument } from "./read-document.ts";
import { sampleCall } from "./sample-call.ts";
import { basePath } from "./servers.ts";

const fixtures = join(import.meta.dirname, "fixtures");
const inputs = readdirSync(fixtures).filter((name) => name.includes(".in."));
const pairs = readdirSync(join(fixtures, "diff")).filter((name) => name.includes(".before."));

const read = (...path: readonly string[]): OpenApiDocument =>
  readDocument(readFileSync(join(fixtures, ...path)), { name: path.at(-1) ?? "" });

const readings = new Map(inputs.map((name) => [name, read(name)]));

/** Everything the room says about a document. */
const everything = (document: OpenApiDocument): unknown => ({
  outline: outlineOf(document),
  basePath: basePath(document),
  lint: lint(document),
  mocks: Object.fromEntries(mocksOf(document)),
  samples: operationsOf(document).map((operation) => sampleCall(document, operation, "https://gateway.example/api/")),
  operations: operationsOf(document).map((operation) => describeOperation(document, operation.id)),
});

const compareWithGolden = (path: string, value: unknown): void => {
  const text = `${JSON.stringify(value, null, 1)}\n`;
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(path, text);
  assert.deepEqual(JSON.parse(text), JSON.parse(readFileSync(path, "utf8")));
};

describe("golden pairs", () => {
  test("there are as many as somebody put there", () => {
    assert.ok(inputs.length >= 5);
    assert.ok(pairs.length >= 1);
  });

  for (const name of inputs) {
    test(`${name}: what the room says of it has not changed`, () => {
      const document = readings.get(name);
      assert.ok(document);
      compareWithGolden(join(fixtures, name.replace(/\.in\..*$/, ".out.json")), everything(document));
    });

    test(`${name}: read twice, it says the same`, () => {
      assert.deepEqual(everything(read(name)), everything(read(name)));
    });
  }

  for (const name of pairs) {
    const [before, after] = [read("diff", name), read("diff", name.replace(".before.", ".after."))];
    test(`${name}: the differences have not changed`, () => {
      const diff = diffContracts(before, after);
      const value = {
        added: diff.added.map((operation) => operation.id),
        removed: diff.removed.map((operation) => operation.id),
        document: diff.document,
        changed: Object.fromEntries(diff.common.map((pair) => [pair.after.id, pair.changes])),
      };
      compareWithGolden(join(fixtures, "diff", name.replace(/\.before\..*$/, ".out.json")), value);
    });
  }

  test("together they show every rule of the lint", () => {
    // Shown by tests of their own: they need a document of another version, or more findings than fit on a page.
    const elsewhere = [
      "body-twice",
      "document-empty",
      "findings-more",
      "path-trailing-slash",
      "security-none",
      "servers-none",
      "webhooks-only",
    ];
    const shown = new Set<string>(
      [...readings.values()].flatMap((document) => lint(document).map((finding) => finding.rule)),
    );
    const missing = Object.keys(lintRules).filter((rule) => !shown.has(rule) && !elsewhere.includes(rule));
    assert.deepEqual(missing, []);
  });

  test("together they show every kind of change", () => {
    const [before, after] = [read("diff", "orders.before.yaml"), read("diff", "orders.after.yaml")];
    const codes = new Set<string>();
    for (const diff of [diffContracts(before, after), diffContracts(after, before)]) {
      for (const change of [...diff.document, ...diff.common.flatMap((pair) => pair.changes)]) codes.add(change.code);
      if (diff.added.length > 0) codes.add("operation.added");
      if (diff.removed.length > 0) codes.add("operation.removed");
    }
    assert.deepEqual(
      Object.keys(contractRules).filter((code) => !codes.has(code)),
      [],
    );
  });
});
