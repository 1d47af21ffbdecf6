import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { upgrade } from "@scalar/openapi-upgrader";
import { stringify } from "yaml";
import { diffContracts } from "./contract-diff.ts";
import type { ContractChange } from "./contract-rules.ts";
import { describeOperation } from "./describe-operation.ts";
import { lint } from "./lint.ts";
import { mockLimits, mocksOf } from "./mock-responses.ts";
import { operationsOf } from "./operations.ts";
import { outlineOf } from "./outline.ts";
import { planImport } from "./plan-import.ts";
import { type OpenApiDocument, readDocument } from "./read-document.ts";
import { sampleCall } from "./sample-call.ts";

const shared = join(import.meta.dirname, "../../../shared/specs");
const github = join(dirname(fileURLToPath(import.meta.resolve("@octokit/openapi/package.json"))), "generated");
const missing = existsSync(shared) ? false : `${shared} is not here`;

interface Expectation {
  readonly operations: number;
  readonly firstId: string | undefined;
}

/** What each document is known to hold. */
const expected: Readonly<Record<string, Expectation>> = {
  "v2.0-json-kubernetes.json": { operations: 1123, firstId: "getServiceAccountIssuerOpenIDConfiguration" },
  "v2.0-json-petstore.json": { operations: 3, firstId: "listPets" },
  "v2.0-yaml-uber.yaml": { operations: 5, firstId: "get-products" },
  "v3.0-callback-example.yaml": { operations: 1, firstId: "post-streams" },
  "v3.0-link-example.yaml": { operations: 6, firstId: "getUserByName" },
  "v3.0-petstore-expanded.json": { operations: 4, firstId: "findPets" },
  "v3.0-petstore.yaml": { operations: 3, firstId: "listPets" },
  "v3.0-uspto.yaml": { operations: 3, firstId: "list-data-sets" },
  "v3.1-non-oauth-scopes.yaml": { operations: 1, firstId: "get-users" },
  "v3.1-tictactoe.yaml": { operations: 3, firstId: "get-board" },
  "v3.1-webhook-example.json": { operations: 0, firstId: undefined },
  "v3.2-3.2-tags-example.yaml": { operations: 4, firstId: "get-flights" },
};

const read = (path: string): OpenApiDocument => readDocument(readFileSync(path), { name: path });

/** Everything that an import does, and the pages of its operations. */
const exercise = (document: OpenApiDocument): void => {
  const ids = new Set<string>();
  for (const operation of operationsOf(document)) {
    ids.add(operation.id);
    assert.match(operation.path, /^\//);
    const page = describeOperation(document, operation.id);
    const text = JSON.stringify(page);
    assert.deepEqual(JSON.parse(text).id, operation.id);
    assert.ok(text.length < 400_000, `${operation.id}: ${text.length}`);
    assert.ok(URL.canParse(sampleCall(document, operation, "https://gateway.example/x").url));
    for (const place of [operation, ...operation.parameters]) assert.ok(place.pointer.startsWith("/"), place.pointer);
  }
  assert.equal(ids.size, operationsOf(document).length);
  const outline = outlineOf(document);
  const named = new Set(outline.tags.flatMap((tag) => tag.operations.map((operation) => operation.id)));
  assert.deepEqual(named, ids);
  const bytes = [...mocksOf(document).values()]
    .flat()
    .reduce((sum, mock) => sum + Buffer.byteLength(mock.body ?? ""), 0);
  assert.ok(bytes <= mockLimits.documentBytesMax);
};

describe("published documents", { skip: missing }, () => {
  test("every document of the folder is expected", () => {
    assert.deepEqual(
      readdirSync(shared)
        .filter((name) => !name.endsWith(".md"))
        .sort(),
      Object.keys(expected).sort(),
    );
  });

  for (const [name, { operations, firstId }] of Object.entries(expected)) {
    test(`${name}: read whole, without an error in it, the same from JSON as from YAML`, () => {
      const document = read(join(shared, name));
      assert.equal(operationsOf(document).length, operations);
      assert.equal(operationsOf(document)[0]?.id, firstId);
      assert.deepEqual(
        lint(document).filter((finding) => finding.severity === "error"),
        [],
      );
      exercise(document);
      const other =
        document.syntax === "json"
          ? stringify(document.root, { aliasDuplicateObjects: false })
          : JSON.stringify(document.root);
      const again = readDocument(new TextEncoder().encode(other), { name: document.name });
      assert.notEqual(again.syntax, document.syntax);
      assert.deepEqual(again.root, document.root);
      const diff = diffContracts(document, again);
      assert.deepEqual(
        diff.common.flatMap((pair) => pair.changes),
        [],
      );
      assert.equal(diff.common.length, operations);
    });
  }

  // The upgrader moves definitions and rewrites schemas: reading before or after it must give the same contract.
  for (const name of Object.keys(expected).filter((candidate) => /^v(2\.0|3\.0)/.test(candidate))) {
    test(`${name}: an independent upgrade to 3.1 describes the same contract`, () => {
      const document = read(join(shared, name));
      const upgraded = upgrade(structuredClone(document.root), "3.1");
      const after = readDocument(new TextEncoder().encode(JSON.stringify(upgraded)), { name });
      const diff = diffContracts(document, after);
      assert.deepEqual([diff.added, diff.removed], [[], []]);
      // The upgrader leaves references to shared body parameters among the parameters, where 3.x looks for no body.
      const isLost = (change: ContractChange): boolean =>
        change.code === "body.removed" && change.pointer.startsWith("/parameters/");
      const weighty = diff.common.flatMap((pair) => pair.changes).filter((change) => change.level !== "cosmetic");
      assert.deepEqual(
        weighty.filter((change) => !isLost(change)),
        [],
      );
      assert.deepEqual(
        operationsOf(after).map((operation) => operation.id),
        operationsOf(document).map((operation) => operation.id),
      );
    });
  }
});

describe("large documents", () => {
  /** Processor time, twice what the README tells of a quiet machine and more: these find what grows with the square, not a slow day. */
  const importCpuMsMax = 8000;
  const pageCpuMsMax = 400;

  const cpuMs = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  };

  const measured = (path: string): void => {
    const bytes = readFileSync(path);
    const started = cpuMs();
    const document = readDocument(bytes, { name: path });
    const plan = planImport(null, document);
    lint(document);
    mocksOf(document);
    const importCpuMs = cpuMs() - started;
    assert.ok(importCpuMs < importCpuMsMax, `${path}: ${importCpuMs} ms`);
    assert.ok(plan.added.length > 900);
    const times = operationsOf(document).map((operation) => {
      const pageStarted = cpuMs();
      JSON.stringify(describeOperation(document, operation.id));
      return cpuMs() - pageStarted;
    });
    assert.ok(Math.max(...times) < pageCpuMsMax, `the slowest page took ${Math.max(...times)} ms`);
    const diffStarted = cpuMs();
    const again = planImport(document, readDocument(bytes, { name: path }));
    assert.equal(again.unchangedCount, plan.added.length);
    assert.ok(cpuMs() - diffStarted < importCpuMsMax);
  };

  test("Kubernetes, 4 MB: read, planned, linted and mocked in time", { skip: missing }, () => {
    measured(join(shared, "v2.0-json-kubernetes.json"));
  });

  test("GitHub, 11 MB: read, planned, linted and mocked in time", () => {
    measured(join(github, "ghes-3.18.json"));
  });

  test("GitHub: two releases differ where they say they do", () => {
    const plan = planImport(read(join(github, "ghes-3.18.json")), read(join(github, "ghes-3.19.json")));
    assert.ok(plan.added.length > 0 && plan.changed.length > 0);
    for (const changed of plan.changed)
      for (const change of changed.changes) assert.ok(change.message.length > 5 && change.pointer.startsWith("/"));
  });
});
