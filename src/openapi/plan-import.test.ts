import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Fault } from "../base/fault.ts";
import { planImport } from "./plan-import.ts";
import { type OpenApiDocument, readDocument } from "./read-document.ts";

const read = (text: string): OpenApiDocument => readDocument(new TextEncoder().encode(text), { name: "shop.yaml" });
const head = "openapi: 3.1.0\ninfo: { title: Shop, version: 1.0.0 }\n";
const operation = (id: string): string => `{ operationId: ${id}, responses: { "200": { description: ok } } }`;
const shop = read(
  `${head}paths:\n  /a: { get: ${operation("a")}, post: ${operation("makeA")} }\n  /b: { get: ${operation("b")} }\n`,
);

const refused = (document: OpenApiDocument): Fault => {
  try {
    planImport(null, document);
  } catch (thrown) {
    assert.ok(thrown instanceof Fault);
    return thrown;
  }
  assert.fail("it was planned");
};

describe("planImport", () => {
  test("a document without operations is refused", () => {
    const fault = refused(read(`${head}paths: {}\n`));
    assert.equal(fault.code, "document.no_operations");
    assert.equal(fault.findings[0]?.line, 1);
  });

  test("a document whose every path is faulty is refused, with each path's line", () => {
    const fault = refused(
      read(`${head}paths:\n  a: { get: ${operation("a")} }\n  /b?c=d: { get: ${operation("b")} }\n`),
    );
    assert.equal(fault.code, "document.no_operations");
    assert.deepEqual(
      fault.findings.map((finding) => finding.line),
      [4, 5],
    );
  });

  test("what no gateway can serve is left out and the rest is served; where nothing is left, that is said", () => {
    const trace = `/t: { trace: ${operation("t")}, get: ${operation("g")} }`;
    const plan = planImport(null, read(`${head}paths:\n  ${trace}\n  /a/../b: { get: ${operation("b")} }\n`));
    assert.deepEqual(
      plan.added.map(({ id }) => id),
      ["g"],
    );
    const fault = refused(read(`${head}paths:\n  /t: { trace: ${operation("t")} }\n`));
    assert.equal(fault.code, "document.no_operations");
    assert.match(fault.message, /TRACE \/t/);
    assert.equal(fault.findings[0]?.line, 4);
  });

  test("a document with only webhooks is published to be read, with no operation to route", () => {
    const plan = planImport(null, read(`${head}webhooks:\n  restocked: { post: ${operation("hook")} }\n`));
    assert.deepEqual([plan.added, plan.removed, plan.changed], [[], [], []]);
  });

  test("operations that would answer the same calls are refused, with the line of the second", () => {
    const fault = refused(
      read(`${head}paths:\n  /a/{x}: { get: ${operation("a")} }\n  /a/{y}:\n    get: ${operation("b")}\n`),
    );
    assert.equal(fault.code, "document.routes_ambiguous");
    assert.deepEqual([fault.findings[0]?.line, fault.findings[0]?.column], [6, 5]);
    assert.match(fault.findings[0]?.message ?? "", /GET \/a\/\{y\}.*GET \/a\/\{x\}/);
  });

  test("a first import adds everything", () => {
    const plan = planImport(null, shop);
    assert.deepEqual(
      plan.added.map(({ id }) => id),
      ["a", "makeA", "b"],
    );
    assert.equal(plan.level, undefined);
  });

  test("the same document changes nothing", () => {
    const plan = planImport(shop, shop);
    assert.deepEqual([plan.added, plan.removed, plan.changed, plan.document, plan.idsLost], [[], [], [], [], []]);
    assert.equal(plan.unchangedCount, 3);
    assert.equal(plan.level, undefined);
  });

  test("what is added, removed, renamed and changed is told apart", () => {
    const next = read(
      `${head}paths:\n  /a: { get: { operationId: a, parameters: [{ name: q, in: query, required: true, schema: {} }], responses: { "200": { description: ok } } }, post: ${operation("createA")} }\n  /c: { get: ${operation("c")} }\n`,
    );
    const plan = planImport(shop, next);
    assert.deepEqual(
      plan.added.map(({ id }) => id),
      ["c"],
    );
    assert.deepEqual(
      plan.removed.map(({ id }) => id),
      ["b"],
    );
    assert.deepEqual(
      plan.changed.map(({ id, previousId, level, changes }) => [
        id,
        previousId,
        level,
        changes.map(({ message }) => message),
      ]),
      [
        ["a", "a", "breaking", ["query parameter q: added, required"]],
        ["createA", "makeA", "non-breaking", ["id makeA became createA"]],
      ],
    );
    assert.deepEqual(plan.idsLost, [
      { id: "b", becomes: undefined },
      { id: "makeA", becomes: "createA" },
    ]);
    assert.equal(plan.level, "breaking");
  });

  test("only words changed: the plan is cosmetic", () => {
    const next = read(
      `${head}paths:\n  /a: { get: { summary: New, operationId: a, responses: { "200": { description: ok } } }, post: ${operation("makeA")} }\n  /b: { get: ${operation("b")} }\n`,
    );
    assert.equal(planImport(shop, next).level, "cosmetic");
  });
});
