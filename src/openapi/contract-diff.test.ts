import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { diffContracts } from "./contract-diff.ts";
import type { ContractChange } from "./contract-rules.ts";
import { type OpenApiDocument, readDocument } from "./read-document.ts";

const read = (root: unknown): OpenApiDocument => readDocument(new TextEncoder().encode(JSON.stringify(root)));

/** A document whose one operation takes, or answers with, a schema. */
const around = (schema: unknown, direction: "request" | "response", components: unknown = {}): OpenApiDocument => {
  const content = { "application/json": { schema } };
  return read({
    openapi: "3.1.0",
    info: { title: "a", version: "1" },
    components: { schemas: components },
    paths: {
      "/a": {
        post:
          direction === "request"
            ? { requestBody: { content }, responses: {} }
            : { responses: { 200: { description: "ok", content } } },
      },
    },
  });
};

const changes = (before: OpenApiDocument, after: OpenApiDocument): readonly ContractChange[] =>
  diffContracts(before, after).common.flatMap((pair) => pair.changes);

const levels = (before: unknown, after: unknown, direction: "request" | "response"): readonly string[] =>
  changes(around(before, direction), around(after, direction)).map(({ code, level }) => `${code} ${level}`);

describe("direction decides", () => {
  const object = (properties: unknown, more: object = {}): unknown => ({ type: "object", properties, ...more });
  const text = { type: "string" };
  const cases: readonly (readonly [string, unknown, unknown, readonly string[], readonly string[]])[] = [
    [
      "a required property more",
      object({ a: text }),
      object({ a: text, b: text }, { required: ["b"] }),
      ["schema.property_added_required breaking"],
      ["schema.property_added_required non-breaking"],
    ],
    [
      "a property less",
      object({ a: text, b: text }),
      object({ a: text }),
      ["schema.property_removed non-breaking"],
      ["schema.property_removed breaking"],
    ],
    [
      "an enum value less",
      { enum: ["a", "b"] },
      { enum: ["a"] },
      ["schema.enum_value_removed breaking"],
      ["schema.enum_value_removed non-breaking"],
    ],
    [
      "an enum value more",
      { enum: ["a"] },
      { enum: ["a", "b"] },
      ["schema.enum_value_added non-breaking"],
      ["schema.enum_value_added breaking"],
    ],
    [
      "integer becomes number",
      { type: "integer" },
      { type: "number" },
      ["schema.type_widened non-breaking"],
      ["schema.type_widened breaking"],
    ],
    [
      "null is allowed",
      text,
      { type: ["string", "null"] },
      ["schema.type_widened non-breaking"],
      ["schema.type_widened breaking"],
    ],
    [
      "a lower bound rises",
      { type: "integer", minimum: 1 },
      { type: "integer", minimum: 5 },
      ["schema.bound_tightened breaking"],
      ["schema.bound_tightened non-breaking"],
    ],
    [
      "a property becomes read-only",
      object({ a: text }),
      object({ a: { ...text, readOnly: true } }),
      ["schema.property_removed non-breaking"],
      [],
    ],
    [
      "only words change",
      { ...text, description: "a" },
      { ...text, description: "b" },
      ["schema.text_changed cosmetic"],
      ["schema.text_changed cosmetic"],
    ],
    ["nothing changes", object({ a: text }), object({ a: text }), [], []],
    ["members change places", object({ a: text, b: text }), object({ b: text, a: text }), [], []],
    ["3.0 and 3.1 say the same", { type: "string", nullable: true }, { type: ["string", "null"] }, [], []],
    [
      "allOf says the same in two parts",
      object({ a: text, b: text }),
      { allOf: [object({ a: text }), object({ b: text })] },
      [],
      [],
    ],
  ];
  for (const [what, before, after, request, response] of cases) {
    test(what, () => {
      assert.deepEqual(levels(before, after, "request"), request);
      assert.deepEqual(levels(before, after, "response"), response);
    });
  }
});

describe("shared and recursive schemas", () => {
  const ref = (name: string): unknown => ({ $ref: `#/components/schemas/${name}` });

  test("a change deep inside shared schemas is reported, once, by the schema's name", () => {
    const components = (type: string): unknown => ({
      Order: {
        type: "object",
        properties: { lines: { type: "array", items: ref("Line") }, first: ref("Line"), parent: ref("Order") },
      },
      Line: { type: "object", properties: { order: ref("Order"), count: { type } } },
    });
    const found = changes(
      around(ref("Order"), "response", components("integer")),
      around(ref("Order"), "response", components("string")),
    );
    assert.deepEqual(
      found.map(({ message, level }) => [message, level]),
      [["response 200 application/json: Line.count: type integer became string", "breaking"]],
    );
  });

  test("schemas that contain themselves without a way out are compared and end", () => {
    const loop = {
      Loop: { allOf: [{ $ref: "#/components/schemas/Loop" }], properties: { a: { allOf: [ref("Loop")] } } },
    };
    const other = {
      Loop: { allOf: [{ $ref: "#/components/schemas/Loop" }], properties: { a: { allOf: [ref("Loop")] }, b: {} } },
    };
    const found = changes(around(ref("Loop"), "response", loop), around(ref("Loop"), "response", other));
    assert.ok(found.some((change) => change.code === "schema.property_added_optional"));
  });

  test("a schema that moves into the components is the same schema", () => {
    const schema = { type: "object", properties: { a: { type: "string" } } };
    assert.deepEqual(changes(around(schema, "response"), around(ref("A"), "response", { A: schema })), []);
  });

  test("2.0 against 3.1: the same contract in other words", () => {
    const old = read({
      swagger: "2.0",
      info: { title: "a", version: "1" },
      host: "a.example",
      paths: {
        "/a/{id}": {
          post: {
            operationId: "a",
            parameters: [
              { name: "id", in: "path", required: true, type: "string" },
              { name: "b", in: "body", required: true, schema: { $ref: "#/definitions/B" } },
            ],
            responses: { 200: { description: "ok", schema: { $ref: "#/definitions/B" } } },
          },
        },
      },
      definitions: {
        B: {
          type: "object",
          properties: { n: { type: "string", "x-nullable": true }, b: { $ref: "#/definitions/B" } },
        },
      },
    });
    const content = { "application/json": { schema: { $ref: "#/components/schemas/B" } } };
    const fresh = read({
      openapi: "3.1.0",
      info: { title: "a", version: "1" },
      servers: [{ url: "https://a.example" }],
      paths: {
        "/a/{id}": {
          parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
          post: {
            operationId: "a",
            requestBody: { required: true, content },
            responses: { 200: { description: "ok", content } },
          },
        },
      },
      components: {
        schemas: {
          B: { type: "object", properties: { n: { type: ["string", "null"] }, b: { $ref: "#/components/schemas/B" } } },
        },
      },
    });
    const diff = diffContracts(old, fresh);
    assert.deepEqual(
      diff.common.flatMap((pair) => pair.changes),
      [],
    );
    assert.deepEqual([diff.added, diff.removed, diff.document], [[], [], []]);
  });
});
