import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { exampleFor } from "./example.ts";
import { mockLimits, mockResponses, mocksOf } from "./mock-responses.ts";
import { operationsOf } from "./operations.ts";
import { textForPattern } from "./pattern-text.ts";
import { type OpenApiDocument, readDocument } from "./read-document.ts";

const documentWith = (schema: unknown, more: Readonly<Record<string, unknown>> = {}): OpenApiDocument =>
  readDocument(
    new TextEncoder().encode(
      JSON.stringify({
        openapi: "3.1.0",
        info: { title: "a", version: "1" },
        components: { schemas: { Tested: schema, ...more } },
        paths: {
          "/a": {
            get: {
              responses: {
                200: {
                  description: "ok",
                  content: { "application/json": { schema: { $ref: "#/components/schemas/Tested" } } },
                },
              },
            },
          },
        },
      }),
    ),
  );

const example = (schema: unknown, direction: "request" | "response" = "response", more = {}): unknown =>
  exampleFor(documentWith(schema, more), { value: { $ref: "#/components/schemas/Tested" }, pointer: "/x" }, direction);

const timeBox = { interruptAfterTimeLimit: 6000, numRuns: 600 };

/** Schemas for which a valid value exists and is easy to find. */
const schemas = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom<object>(
      { type: "boolean" },
      { type: "null" },
      { type: "string" },
      { const: 7 },
      { enum: ["a", 2] },
    ),
    fc
      .constantFrom(
        "date",
        "date-time",
        "time",
        "email",
        "uri",
        "uuid",
        "ipv4",
        "ipv6",
        "hostname",
        "duration",
        "byte",
        "json-pointer",
      )
      .map((format) => ({ type: "string", format })),
    fc
      .tuple(fc.nat(40), fc.nat(20))
      .map(([minLength, more]) => ({ type: "string", minLength, maxLength: minLength + more })),
    fc
      .tuple(fc.integer({ min: -50, max: 50 }), fc.nat(30))
      .map(([minimum, more]) => ({ type: "integer", minimum, maximum: minimum + more })),
    fc
      .tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 1, max: 9 }))
      .map(([exclusiveMinimum, multipleOf]) => ({ type: "integer", exclusiveMinimum, multipleOf })),
    fc.integer({ min: -9, max: 9 }).map((exclusiveMaximum) => ({ type: "number", exclusiveMaximum })),
    fc.record({ type: fc.constant("array"), items: tie("any"), minItems: fc.nat(3) }),
    fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), tie("any"), { maxKeys: 4 }).map((properties) => ({
      type: "object",
      properties,
      required: Object.keys(properties),
      additionalProperties: false,
    })),
    fc.record({ type: fc.constant("object"), additionalProperties: tie("any") }),
    fc.array(tie("any"), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
    fc.tuple(tie("any"), tie("any")).map(([a, b]) => ({
      allOf: [
        { type: "object", properties: { first: a }, required: ["first"] },
        { type: "object", properties: { second: b } },
      ],
    })),
  ),
})).any;

describe("examples made from schemas", () => {
  test("an independent validator accepts them", () => {
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    fc.assert(
      fc.property(schemas, (schema) => {
        assert.ok(typeof schema === "object" && schema !== null);
        const made = example(schema);
        const validate = ajv.compile(schema);
        assert.ok(
          validate(made),
          `${JSON.stringify(made)} for ${JSON.stringify(schema)}: ${ajv.errorsText(validate.errors)}`,
        );
        ajv.removeSchema();
      }),
      timeBox,
    );
  });

  test("they are the same every time", () => {
    fc.assert(
      fc.property(schemas, (schema) => assert.deepEqual(example(schema), example(schema))),
      { ...timeBox, numRuns: 100 },
    );
  });

  test("patterns of the usual kinds are met", () => {
    const patterns = [
      "^[A-Z]{2}-\\d{4}$",
      "^(GET|POST)$",
      "^[a-z][a-z0-9-]{3,}$",
      "^\\+?[0-9 ]+$",
      "^v\\d+(\\.\\d+)*$",
      "^#[0-9a-fA-F]{6}$",
      "^(?:[^/]+)/([^/]+)$",
    ];
    for (const pattern of patterns)
      assert.match(String(example({ type: "string", pattern })), new RegExp(pattern, "u"));
    assert.match(String(example({ type: "string", pattern: "^[a-z]+$", minLength: 12 })), /^[a-z]{12,}$/);
  });

  test("a pattern that cannot be met costs neither time nor an error", () => {
    for (const pattern of ["(?=a)b", "[", "^(a{1000}){1000}$", "\\p{L}+", "^(a|b", "a{2,1}", "x".repeat(10_000)]) {
      const started = performance.now();
      const made = textForPattern(pattern, 0);
      assert.ok(made === undefined || new RegExp(pattern, "u").test(made), pattern);
      assert.ok(performance.now() - started < 200, pattern);
    }
  });

  test("what the schema gives comes first: example, default, enum", () => {
    assert.equal(example({ type: "string", example: "given", default: "later" }), "given");
    assert.equal(example({ type: "string", examples: ["first", "second"] }), "first");
    assert.equal(example({ type: "string", default: "standard", enum: ["other"] }), "standard");
    assert.equal(example({ type: ["string", "null"], enum: [null, "other"] }), "other");
  });

  test("read-only stays out of requests, write-only out of responses", () => {
    const schema = {
      type: "object",
      required: ["id"],
      properties: {
        id: { type: "integer", readOnly: true },
        secret: { type: "string", writeOnly: true },
        name: { type: "string" },
      },
    };
    assert.deepEqual(example(schema, "request"), { secret: "string", name: "string" });
    assert.deepEqual(example(schema, "response"), { id: 1, name: "string" });
  });

  test("schemas that contain themselves end", () => {
    const ref = { $ref: "#/components/schemas/Tested" };
    assert.deepEqual(
      example({ type: "object", required: ["self"], properties: { self: ref, list: { type: "array", items: ref } } }),
      { self: {}, list: [] },
    );
    assert.equal(example({ oneOf: [ref, { type: "integer" }] }), 1);
    assert.ok(example({ allOf: [ref] }) !== undefined);
    assert.equal(example({ type: "array", items: ref }) !== undefined, true);
    assert.deepEqual(example({ $ref: "#/components/schemas/Nothing" }), {});
  });

  test("absurd bounds do not make absurd examples", () => {
    const size = JSON.stringify(
      example({
        type: "object",
        properties: {
          text: { type: "string", minLength: 1e9 },
          list: {
            type: "array",
            minItems: 1e9,
            items: { type: "array", minItems: 1e9, items: { type: "string", minLength: 1e6 } },
          },
        },
      }),
    ).length;
    assert.ok(size < 600_000, String(size));
  });
});

describe("mocks", () => {
  const many = Object.fromEntries(
    Array.from({ length: 2000 }, (_, index) => [`p${index}`, { type: "string", example: "x".repeat(50) }]),
  );
  const bytesOf = (mocks: readonly { readonly body?: string }[]): number =>
    mocks.reduce((sum, mock) => sum + Buffer.byteLength(mock.body ?? ""), 0);

  test("a large schema still gives a body, within the limit", () => {
    const document = documentWith({ type: "object", properties: many });
    const mocks = operationsOf(document).flatMap((operation) => mockResponses(document, operation));
    assert.ok(mocks.length === 1 && bytesOf(mocks) <= mockLimits.bodyBytesMax);
    assert.ok(bytesOf(mocks) > 2);
  });

  test("an example that is too large is left out, its status stays", () => {
    const document = documentWith({ type: "string", example: "x".repeat(10_000) });
    assert.deepEqual(
      operationsOf(document).map((operation) => mockResponses(document, operation)),
      [[{ status: 200 }]],
    );
  });

  test("all operations together stay within the limit of the document, and each still answers", () => {
    const properties = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`p${index}`, { type: "string" }]));
    const content = { "application/json": { schema: { type: "object", properties } } };
    const paths = Object.fromEntries(
      Array.from({ length: 500 }, (_, index) => [
        `/p${index}`,
        { get: { responses: { 200: { description: "ok", content } } } },
      ]),
    );
    const document = readDocument(new TextEncoder().encode(JSON.stringify({ openapi: "3.1.0", info: {}, paths })));
    for (const documentBytesMax of [2 ** 21, 100_000, 0]) {
      const mocks = mocksOf(document, { ...mockLimits, documentBytesMax });
      assert.equal(mocks.size, 500);
      assert.ok([...mocks.values()].every((answers) => answers[0]?.status === 200));
      assert.ok(bytesOf([...mocks.values()].flat()) <= documentBytesMax);
    }
  });

  test("success comes first, ranges and default become statuses", () => {
    const document = readDocument(
      new TextEncoder().encode(
        "openapi: 3.1.0\ninfo: {}\npaths: {/a: {get: {responses: {default: {description: d}, 5XX: {description: s}, 404: {description: n}, 304: {description: m}, 201: {description: c}, 100: {description: i}}}}, /b: {get: {responses: {default: {description: d}}}}, /c: {get: {}}}",
      ),
    );
    const statuses = operationsOf(document).map((operation) =>
      mockResponses(document, operation).map((mock) => mock.status),
    );
    assert.deepEqual(statuses, [[201, 304, 404, 500, 500], [200], [200]]);
  });
});
