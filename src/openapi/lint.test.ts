import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { findingsPerRuleMax, type LintFinding, lint } from "./lint.ts";
import { readDocument } from "./read-document.ts";

const findings = (text: string): readonly LintFinding[] => lint(readDocument(new TextEncoder().encode(text)));
const rules = (text: string): readonly string[] => findings(text).map((finding) => finding.rule);

const sound = `openapi: 3.1.0
info: { title: Sound, version: 1.0.0 }
servers: [{ url: https://api.example.com }]
security: []
paths:
  /a:
    get:
      operationId: a
      summary: A
      responses: { "200": { description: ok }, default: { description: no } }
`;

describe("lint", () => {
  test("a sound document has no findings", () => {
    assert.deepEqual(findings(sound), []);
  });

  test("each finding has its place, to the character, in YAML and in JSON", () => {
    const yaml = sound.replace("operationId: a", "operationId: a b");
    const json = JSON.stringify(readDocument(new TextEncoder().encode(yaml)).root, null, 2);
    for (const text of [yaml, json]) {
      const [finding, ...others] = findings(text);
      assert.ok(finding);
      assert.deepEqual(others, []);
      assert.equal(finding.rule, "operation-id-unsafe");
      const line = text.split("\n")[finding.line - 1] ?? "";
      assert.match(line.slice(finding.column - 1), /^"?operationId"?:/);
    }
  });

  test("findings stand in the order of the text, and are the same every time", () => {
    const text = readFileSync(join(import.meta.dirname, "fixtures/faulty-3.0.in.yaml"), "utf8");
    const found = findings(text);
    assert.ok(found.length > 40);
    const places = found.map((finding) => finding.line * 10_000 + finding.column);
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
    );
    assert.deepEqual(findings(text), found);
  });

  test("what only other versions can show", () => {
    const start = 'swagger: "2.0"\ninfo: {title: a, version: "1"}\nhost: a.example\nsecurity: []\n';
    const body = "{in: body, name: b, schema: {type: string}}";
    const twice = `${start}paths: {/a/: {post: {operationId: a, summary: a, parameters: [${body}, {in: formData, name: f, type: string}], responses: {200: {description: ok}, 400: {description: no}}}}}`;
    assert.deepEqual(rules(twice), ["path-trailing-slash", "body-twice"]);
    assert.deepEqual(rules(`${start}paths: {}`), ["document-empty"]);
    assert.deepEqual(
      rules("openapi: 3.1.0\ninfo: {title: a, version: '1'}\nservers: [{url: /}]\nsecurity: []\nwebhooks: {a: {}}"),
      ["webhooks-only"],
    );
    assert.deepEqual(
      rules(sound.replace("servers: [{ url: https://api.example.com }]\n", "").replace("security: []\n", "")),
      ["security-none", "servers-none"],
    );
  });

  test("a field of a later version is unknown in an earlier one", () => {
    const text = sound.replace("title: Sound", "summary: s, title: Sound");
    assert.deepEqual(rules(text), []);
    assert.deepEqual(rules(text.replace("3.1.0", "3.0.0")), ["structure-unknown"]);
    const query = sound.replace("get:", "query:");
    assert.deepEqual(rules(query.replace("3.1.0", "3.2.0")), []);
    assert.ok(rules(query).includes("method-unknown"));
  });

  test("a rule that finds much shows the first findings and counts the rest", () => {
    const paths = Array.from(
      { length: 250 },
      (_, index) =>
        `  /p${index}/: {get: {operationId: o${index}, summary: s, responses: {200: {description: ok}, 400: {description: no}}}}`,
    );
    const found = findings(`${sound}${paths.join("\n")}\n`);
    assert.equal(found.filter((finding) => finding.rule === "path-trailing-slash").length, findingsPerRuleMax);
    assert.match(
      found.find((finding) => finding.rule === "findings-more")?.message ?? "",
      /^150 more findings of path-trailing-slash/,
    );
  });

  test("references inside examples and extensions are data", () => {
    const text = sound
      .replace("summary: A", 'summary: A\n      x-note: { $ref: "#/nowhere" }')
      .replace(
        "{ description: ok }",
        '{ description: ok, content: { application/json: { example: { $ref: "#/nowhere" }, schema: { type: object, properties: { default: { $ref: "#/broken" } } } } } }',
      );
    assert.deepEqual(
      findings(text).map(({ rule, message }) => [rule, message.split(":")[0]]),
      [["reference-broken", "#/broken"]],
    );
  });

  test("an independent validator agrees on which fixtures are without errors", async () => {
    for (const name of ["bookshop-3.1.in.yaml", "recursive-3.0.in.json", "faulty-3.0.in.yaml"]) {
      const text = readFileSync(join(import.meta.dirname, "fixtures", name), "utf8");
      const document = readDocument(new TextEncoder().encode(text));
      const verdict = await new Validator().validate(structuredClone(document.root));
      const hasErrors = lint(document).some((finding) => finding.severity === "error");
      assert.equal(verdict.valid, !hasErrors, `${name}: ${JSON.stringify(verdict.errors)}`);
    }
  });
});
