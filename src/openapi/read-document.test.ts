import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Fault } from "../base/fault.ts";
import { operationsOf } from "./operations.ts";
import { readDocument } from "./read-document.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const refused = (input: Uint8Array | string, name = "orders.yaml", limits = {}): Fault => {
  try {
    readDocument(typeof input === "string" ? bytes(input) : input, { name, limits });
  } catch (thrown) {
    assert.ok(thrown instanceof Fault, String(thrown));
    assert.equal(thrown.findings.length, 1);
    assert.equal(thrown.findings[0]?.file, name);
    assert.ok(thrown.findings[0]?.next);
    return thrown;
  }
  assert.fail("it was read");
};

describe("what is no OpenAPI document is refused, with what it looks like", () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["HTML", "<!DOCTYPE html>\n<html><body>Sign in</body></html>", /an HTML page/],
    ["HTML after a comment", "<!-- saved --><html></html>", /an HTML page/],
    ["WSDL", '<?xml version="1.0"?><definitions xmlns="http://schemas.xmlsoap.org/wsdl/"/>', /a WSDL description/],
    ["XML", '<?xml version="1.0"?><note/>', /an XML document/],
    ["OData metadata", '<?xml version="1.0"?><edmx:Edmx Version="4.0"/>', /an OData metadata document/],
    ["GraphQL", "# shop\ntype Query {\n  books: [Book]\n}\n", /a GraphQL schema/],
    ["GraphQL with a description", '"""Shop"""\nschema { query: Query }', /a GraphQL schema/],
    ["GraphQL introspection", '{"data":{"__schema":{"types":[]}}}', /a GraphQL introspection result/],
    ["Protocol Buffers", 'syntax = "proto3";\nmessage A {}', /a Protocol Buffers file/],
    ["AsyncAPI", "asyncapi: 3.0.0\ninfo: {title: a}", /an AsyncAPI document/],
    ["Postman", '{"info":{"_postman_id":"1","name":"a"},"item":[]}', /a Postman collection/],
    [
      "Postman by schema",
      '{"info":{"schema":"https://schema.getpostman.com/json/collection/v2.1.0/collection.json"}}',
      /Postman/,
    ],
    ["JSON Schema", '{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object"}', /a JSON Schema/],
    ["JSON Schema without $schema", "type: object\nproperties: {a: {type: string}}", /a JSON Schema/],
    ["Kubernetes", "apiVersion: v1\nkind: Service", /a Kubernetes manifest/],
    ["Swagger 1", '{"swaggerVersion":"1.2","apis":[]}', /a Swagger 1.x description/],
    ["OpenRPC", '{"openrpc":"1.2.6"}', /an OpenRPC document/],
    ["RAML", "#%RAML 1.0\ntitle: a", /a RAML description/],
    ["API Blueprint", "FORMAT: 1A\n# Polls", /an API Blueprint/],
    ["a part", "info: {title: a}\npaths: {}", /a part of an OpenAPI document/],
    ["a list", "[1, 2]", /a list/],
    ["a text", "hello", /a string/],
    ["nothing but a comment", "# later", /an empty document/],
  ];
  for (const [what, text, words] of cases) {
    test(`${what}`, () => {
      const fault = refused(text);
      assert.equal(fault.code, "document.not_openapi");
      assert.match(fault.message, words);
      assert.match(fault.message, /orders\.yaml/);
    });
  }

  test("nothing at all", () => {
    assert.equal(refused("").code, "document.empty");
    assert.equal(refused(" \n\t\n").code, "document.empty");
  });

  test("an unknown version, at its place", () => {
    const fault = refused('{"info": {},\n  "openapi": "4.0.0"}');
    assert.equal(fault.code, "document.version_unknown");
    assert.deepEqual([fault.findings[0]?.line, fault.findings[0]?.column], [2, 14]);
    for (const text of ["swagger: '1.2'", "openapi: latest", "openapi: 3.9.1", "openapi: {}"]) {
      assert.equal(refused(text).code, "document.version_unknown", text);
    }
  });
});

describe("what cannot be read is refused, with its place", () => {
  const cases: readonly (readonly [string, string, string, number, number])[] = [
    ["a comma too many in JSON", '{\n  "openapi": "3.1.0",\n}', "a.json", 3, 1],
    ["a missing comma in JSON", '{"openapi": "3.1.0"\n "info": {}}', "a.json", 2, 2],
    ["JSON that breaks off", '{"openapi": "3.1.0", "info": {', "a.json", 1, 31],
    ["a word in JSON", '{"openapi": tru}', "a.json", 1, 13],
    ["a line break in a JSON string", '{"openapi": "3\n"}', "a.json", 1, 13],
    ["something after JSON", '{"openapi": "3.1.0"} x', "a.json", 1, 22],
    ["a tab in YAML", "openapi: 3.1.0\ninfo:\n\ttitle: a", "a.yaml", 3, 1],
    ["an open quote in YAML", 'openapi: 3.1.0\ninfo: "a', "a.yaml", 2, 9],
    ["a flow mapping that is not closed", "openapi: 3.1.0\ninfo: {title: a\npaths: {}\n", "a.yaml", 3, 1],
  ];
  for (const [what, text, name, line, column] of cases) {
    test(what, () => {
      const fault = refused(text, name);
      assert.equal(fault.code, "document.syntax");
      assert.deepEqual([fault.findings[0]?.line, fault.findings[0]?.column], [line, column], fault.message);
    });
  }

  test("bytes that are no UTF-8", () => {
    const fault = refused(Buffer.concat([Buffer.from("openapi: 3.1.0\ninfo: {title: caf"), Buffer.from([0xe9, 0x7d])]));
    assert.equal(fault.code, "document.not_utf8");
    assert.deepEqual([fault.findings[0]?.line, fault.findings[0]?.column], [2, 18]);
  });

  test("UTF-16", () => {
    const fault = refused(Buffer.from("\uFEFF{}", "utf16le"));
    assert.equal(fault.code, "document.not_utf8");
    assert.match(fault.message, /UTF-16/);
  });

  test("an alias that names nothing", () => {
    assert.equal(refused("openapi: 3.1.0\ninfo: *nowhere").code, "document.syntax");
  });
});

describe("limits", () => {
  test("a document above the size is refused before it is parsed", () => {
    const fault = refused("x".repeat(101), "big.yaml", { bytesMax: 100 });
    assert.equal(fault.code, "document.too_large");
    assert.equal(fault.status, 413);
    assert.match(fault.message, /101 bytes.*100/);
  });

  test("an alias bomb is refused, quickly", () => {
    const lines = ["openapi: 3.1.0", 'x-0: &a0 ["lol","lol","lol","lol","lol","lol","lol","lol","lol"]'];
    for (let level = 1; level < 12; level++)
      lines.push(
        `x-${level}: &a${level} [${Array(9)
          .fill(`*a${level - 1}`)
          .join(",")}]`,
      );
    const started = performance.now();
    const fault = refused(lines.join("\n"));
    assert.match(fault.code, /^document\.(too_large|syntax)$/);
    assert.ok(performance.now() - started < 2000);
  });

  test("aliases that unfold to more values than allowed are refused", () => {
    const text = `openapi: 3.1.0\nx-a: &a [1, 2, 3]\nx-b: [${Array(50).fill("*a").join(", ")}]`;
    assert.equal(refused(text, "a.yaml", { valuesMax: 100 }).code, "document.too_large");
    assert.equal(readDocument(bytes(text)).version, "3.1");
  });

  test("an alias of itself is refused", () => {
    assert.equal(refused("openapi: 3.1.0\nx-a: &a [*a]").code, "document.too_deep");
  });

  test("deep nesting is refused in both notations, however deep", () => {
    for (const depth of [300, 200_000]) {
      const nested = `${"[".repeat(depth)}${"]".repeat(depth)}`;
      assert.equal(refused(`{"openapi":"3.1.0","x-a":${nested}}`, "a.json").code, "document.too_deep");
      assert.equal(refused(`openapi: 3.1.0\nx-a: ${nested}`).code, "document.too_deep");
    }
  });
});

describe("what is read", () => {
  const one = (text: string, name = "a") => readDocument(bytes(text), { name });

  test("each version, also where YAML makes a number of it", () => {
    const versions: readonly (readonly [string, string])[] = [
      ['swagger: "2.0"', "2.0"],
      ["swagger: 2.0", "2.0"],
      ["openapi: 3.0", "3.0"],
      ["openapi: 3.0.4", "3.0"],
      ["openapi: 3.1", "3.1"],
      ["openapi: 3.1.1-rc.1", "3.1"],
      ["openapi: 3.2.0", "3.2"],
    ];
    for (const [text, version] of versions) assert.equal(one(text).version, version, text);
  });

  test("a byte order mark and CRLF change nothing", () => {
    const text = 'openapi: "3.1.0"\r\ninfo:\r\n  title: Ünï 🙂\r\npaths:\r\n  /a:\r\n    get: {}\r\n';
    const plain = one(text.replaceAll("\r\n", "\n"));
    assert.deepEqual(one(`\uFEFF${text}`).root, plain.root);
    assert.deepEqual(one('\uFEFF{"openapi":"3.1.0"}').root, { openapi: "3.1.0" });
  });

  test("YAML 1.2: `no` and dates stay texts, merge keys and anchors are followed", () => {
    const document = one(
      "openapi: 3.1.0\nx-base: &base {a: no, b: 2026-01-31}\nx-both: {<<: *base, b: 2}\nx-same: *base\npaths:\n  /a: {get: {responses: {200: {description: ok}}}}",
    );
    assert.deepEqual(document.root["x-both"], { a: "no", b: 2 });
    assert.deepEqual(document.root["x-same"], { a: "no", b: "2026-01-31" });
    assert.equal(operationsOf(document)[0]?.responses[0]?.status, "200");
  });

  test("an anchor may be used a thousand times", () => {
    const uses = Array.from({ length: 1000 }, (_, index) => `  k${index}: *a`).join("\n");
    assert.equal(one(`openapi: 3.1.0\nx-a: &a text\nx-b:\n${uses}`).version, "3.1");
  });

  test("flow YAML that begins like JSON", () => {
    assert.equal(one("{openapi: 3.1.0, info: {title: a}}").syntax, "yaml");
  });

  test("names that JavaScript knows are ordinary names", () => {
    const document = one(
      '{"openapi":"3.1.0","paths":{"/a":{"get":{"operationId":"constructor","responses":{}}},"/__proto__":{"get":{"operationId":"__proto__","responses":{}}}},"__proto__":{"servers":[1]}}',
    );
    assert.deepEqual(
      operationsOf(document).map((operation) => operation.id),
      ["constructor", "__proto__"],
    );
    assert.equal(Object.getPrototypeOf(document.root), Object.prototype);
  });
});
