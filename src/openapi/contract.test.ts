import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { contractOf } from "./contract.ts";
import { readDocument } from "./read-document.ts";

const everything = { operations: null, schemas: [] };
const made = (document: unknown, needs: Parameters<typeof contractOf>[1] = everything) =>
  contractOf(readDocument(new TextEncoder().encode(JSON.stringify(document))), needs);

const with3 = (schema: unknown, schemas: object = {}, openapi = "3.1.0") => ({
  openapi,
  info: { title: "t", version: "1" },
  paths: {
    "/a": {
      post: {
        operationId: "a",
        requestBody: { content: { "Application/JSON": { schema } } },
        responses: { 200: { description: "ok" } },
      },
    },
  },
  components: { schemas },
});
const schemaOf = (schema: unknown, schemas: object = {}, openapi = "3.1.0") =>
  made(with3(schema, schemas, openapi)).contract.operations.a?.body?.content[0]?.schema;

test("shared and recursive schemas stand once under their names, and annotations are left out", () => {
  const node = {
    type: "object",
    description: "text",
    example: { type: "no" },
    properties: {
      children: { type: "array", items: { $ref: "#/components/schemas/Node" } },
      title: { type: "string", title: "T" },
    },
  };
  const { contract } = made(with3({ $ref: "#/components/schemas/Node" }, { Node: node, Unused: { type: "string" } }));
  assert.deepEqual(contract.operations.a?.body?.content, [
    { mediaType: "application/json", schema: { $ref: "schema:Node" } },
  ]);
  assert.deepEqual(contract.schemas, {
    Node: {
      type: "object",
      properties: { children: { type: "array", items: { $ref: "schema:Node" } }, title: { type: "string" } },
    },
  });
});

test("3.0 becomes 2020-12: nullable, exclusive bounds, nothing beside a reference", () => {
  const in30 = (schema: unknown) => schemaOf(schema, { P: { type: "object" } }, "3.0.3");
  assert.deepEqual(in30({ type: "string", nullable: true }), { type: ["string", "null"] });
  assert.deepEqual(in30({ type: "number", minimum: 1, exclusiveMinimum: true, maximum: 5, exclusiveMaximum: false }), {
    type: "number",
    exclusiveMinimum: 1,
    maximum: 5,
  });
  assert.deepEqual(in30({ $ref: "#/components/schemas/P", minProperties: 1 }), { $ref: "schema:P" });
  assert.deepEqual(in30({ nullable: true, allOf: [{ $ref: "#/components/schemas/P" }] }), {
    anyOf: [{ type: "null" }, { allOf: [{ $ref: "schema:P" }] }],
  });
  assert.deepEqual(schemaOf({ $ref: "#/components/schemas/P", minProperties: 1 }, { P: {} }), {
    $ref: "schema:P",
    minProperties: 1,
  });
});

test("names that only one direction requires are told apart", () => {
  assert.deepEqual(
    schemaOf({
      type: "object",
      required: ["id", "name", "password"],
      properties: { id: { readOnly: true }, name: {}, password: { writeOnly: true } },
    }),
    {
      type: "object",
      required: ["name"],
      properties: { id: {}, name: {}, password: {} },
      requiredInReply: ["id"],
      requiredInRequest: ["password"],
    },
  );
});

test("tuples and dependencies of older drafts are carried over", () => {
  assert.deepEqual(
    schemaOf({
      items: [{ type: "string" }],
      additionalItems: false,
      dependencies: { a: ["b"], c: { minProperties: 2 } },
    }),
    {
      prefixItems: [{ type: "string" }],
      items: false,
      dependentRequired: { a: ["b"] },
      dependentSchemas: { c: { minProperties: 2 } },
    },
  );
});

test("`$id`, `$anchor` and pointers within a resource are followed by the rules of JSON Schema", () => {
  const schema = {
    $id: "https://example.test/root",
    $defs: {
      a: { $anchor: "here", type: "integer" },
      b: { $id: "b", $defs: { a: { type: "boolean" } }, $ref: "#/$defs/a" },
    },
    allOf: [{ $ref: "#here" }, { $ref: "b" }, { $ref: "#/$defs/a" }, { $ref: "https://example.test/root#/$defs/a" }],
  };
  const { contract, problems } = made(with3(schema));
  assert.deepEqual(problems, []);
  assert.deepEqual(contract.operations.a?.body?.content[0]?.schema, {
    allOf: [{ $ref: "schema:a" }, { $ref: "schema:b" }, { $ref: "schema:a" }, { $ref: "schema:a" }],
  });
  assert.deepEqual(contract.schemas, { a: { type: "integer" }, "a-2": { type: "boolean" }, b: { $ref: "schema:a-2" } });
});

test("a reference that leads nowhere is a problem with its place", () => {
  assert.deepEqual(made(with3({ $ref: "#/components/schemas/Gone" })).problems, [
    {
      path: "/paths/~1a/post/requestBody/content/Application~1JSON/schema",
      message: "The reference #/components/schemas/Gone cannot be followed: there is nothing at this place.",
    },
  ]);
});

test("parameters carry style, explode and what their texts stand for, in every version", () => {
  const document = {
    openapi: "3.1.0",
    info: { title: "t", version: "1" },
    paths: {
      "/a/{id}": {
        get: {
          operationId: "a",
          parameters: [
            { name: "id", in: "path", required: true, style: "matrix", schema: { type: "integer" } },
            { name: "X-Tag", in: "header", schema: { type: "array", items: { type: "integer" } } },
            {
              name: "filter",
              in: "query",
              style: "deepObject",
              schema: { type: "object", properties: { n: { type: "number" } } },
            },
            { name: "json", in: "query", content: { "application/json": { schema: { type: "object" } } } },
            {
              name: "any",
              in: "query",
              allowReserved: true,
              schema: { anyOf: [{ type: "integer" }, { type: "string" }] },
            },
            { name: "Authorization", in: "header", schema: {} },
          ],
          responses: {
            "2xx": { description: "ok", headers: { "X-Rate": { required: true, schema: { type: "integer" } } } },
          },
        },
      },
    },
  };
  const operation = made(document).contract.operations.a;
  assert.deepEqual(
    operation?.parameters.map(({ name, style, explode, shape, mediaType, allowReserved }) => [
      name,
      style,
      explode,
      shape,
      mediaType ?? "",
      allowReserved ?? false,
    ]),
    [
      ["id", "matrix", false, { types: ["integer"] }, "", false],
      ["x-tag", "simple", false, { types: ["array"], items: ["integer"] }, "", false],
      ["filter", "deepObject", false, { types: ["object"], properties: { n: ["number"] } }, "", false],
      ["json", "form", true, { types: ["object"] }, "application/json", false],
      ["any", "form", true, { types: ["integer", "string"] }, "", true],
    ],
  );
  assert.deepEqual(operation?.responses[0]?.status, "2XX");
  assert.deepEqual(operation?.responses[0]?.headers[0]?.name, "x-rate");
  const old = made({
    swagger: "2.0",
    info: { title: "t", version: "1" },
    consumes: ["application/json"],
    paths: {
      "/a/{ids}": {
        post: {
          operationId: "a",
          parameters: [
            { name: "ids", in: "path", required: true, type: "array", items: { type: "integer" } },
            { name: "tags", in: "query", type: "array", collectionFormat: "multi", items: { type: "string" } },
            {
              name: "tabs",
              in: "query",
              required: true,
              type: "array",
              collectionFormat: "tsv",
              items: { type: "string" },
            },
            { name: "body", in: "body", required: true, schema: { type: "object", "x-nullable": true } },
          ],
          responses: { 200: { description: "ok" } },
        },
      },
    },
  }).contract.operations.a;
  assert.deepEqual(
    old?.parameters.map(({ name, required, style, explode, schema }) => [name, required, style, explode, schema]),
    [
      ["ids", true, "simple", false, { type: "array", items: { type: "integer" } }],
      ["tags", false, "form", true, { type: "array", items: { type: "string" } }],
      ["tabs", true, "tabDelimited", false, { type: "array", items: { type: "string" } }],
    ],
  );
  assert.deepEqual(old?.body, {
    required: true,
    content: [{ mediaType: "application/json", schema: { type: ["object", "null"] } }],
  });
});

test("only what is asked for is copied, and a component by name comes with what it leads to", () => {
  const document = with3({ type: "string" }, { A: { $ref: "#/components/schemas/B" }, B: { type: "integer" }, C: {} });
  const { contract } = made(document, { operations: [], schemas: ["A"] });
  assert.deepEqual(contract.operations, {});
  assert.deepEqual(contract.schemas, { A: { $ref: "schema:B" }, B: { type: "integer" } });
  assert.equal(made(document, { operations: ["a"], schemas: [] }).contract.hash, made(document).contract.hash);
  assert.match(made(document, { operations: [], schemas: ["Gone"] }).problems[0]?.message ?? "", /no schema "Gone"/);
});

test("a document with tens of thousands of schemas becomes a contract, each shared schema once", () => {
  const file = createRequire(import.meta.url).resolve("@octokit/openapi/generated/api.github.com.json");
  const document = readDocument(readFileSync(file));
  const { contract, problems } = contractOf(document, everything);
  assert.deepEqual(problems, []);
  assert.ok(Object.keys(contract.operations).length > 900);
  assert.ok(Object.keys(contract.schemas).length > 500);
  // Smaller than the document: texts and examples stay there.
  assert.ok(JSON.stringify(contract).length < readFileSync(file).byteLength / 2);
});
