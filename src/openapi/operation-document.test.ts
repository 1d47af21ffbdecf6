import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { diffContracts } from "./contract-diff.ts";
import { lint } from "./lint.ts";
import { operationDocument } from "./operation-document.ts";
import { operationsOf } from "./operations.ts";
import { type OpenApiDocument, readDocument } from "./read-document.ts";

const fixtures = join(import.meta.dirname, "fixtures");
const shared = join(import.meta.dirname, "../../../shared/specs");

const alone = (document: OpenApiDocument, id: string): OpenApiDocument =>
  readDocument(new TextEncoder().encode(JSON.stringify(operationDocument(document, id))), { name: document.name });

const sameContract = (document: OpenApiDocument, id: string): void => {
  const single = alone(document, id);
  assert.match(single.version, /^3\.[12]$/);
  assert.equal(operationsOf(single).length, 1);
  assert.deepEqual(
    lint(single).filter((finding) => finding.rule === "reference-broken"),
    [],
  );
  // Where the upgrader says less than 2.0 did: a form with required fields is required, and an answer of type `file` is a string.
  const lost = JSON.stringify(operationDocument(document, id)).includes("multipart/form-data")
    ? ["body.became_optional", "schema.type_widened"]
    : [];
  const known: readonly string[] = ["operation.id_changed", ...(document.version === "2.0" ? lost : [])];
  const pair = diffContracts(document, single).common.find(({ before }) => before.id === id);
  assert.ok(pair);
  assert.deepEqual(
    pair.changes.filter((change) => change.level !== "cosmetic" && !known.includes(change.code)),
    [],
  );
};

describe("a document of one operation", () => {
  for (const name of readdirSync(fixtures).filter((file) => file.includes(".in.") && !file.startsWith("faulty"))) {
    const document = readDocument(readFileSync(join(fixtures, name)), { name });
    for (const { id } of operationsOf(document)) {
      test(`${name}: ${id} stands alone with the same contract`, () => sameContract(document, id));
    }
  }

  test("of Kubernetes, every hundredth operation", {
    skip: existsSync(shared) ? false : `${shared} is not here`,
  }, () => {
    const document = readDocument(readFileSync(join(shared, "v2.0-json-kubernetes.json")));
    for (const { id } of operationsOf(document).filter((_, index) => index % 100 === 0)) sameContract(document, id);
  });

  test("an unknown operation has none", () => {
    const document = readDocument(readFileSync(join(fixtures, "legacy-2.0.in.json")));
    assert.equal(operationDocument(document, "nothing"), undefined);
  });
});
