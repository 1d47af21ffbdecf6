import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  describeOperation,
  describeSchema,
  describeSchemaAt,
  descriptionLimits,
  schemaNamesOf,
} from "./describe-operation.ts";
import { operationOf, operationsOf, toOperation } from "./operations.ts";
import { outlineOf } from "./outline.ts";
import { type OpenApiDocument, readDocument } from "./read-document.ts";
import { sampleCall } from "./sample-call.ts";
import type { SchemaNode } from "./schema-tree.ts";
import { basePath, serversOf } from "./servers.ts";

const read = (text: string): OpenApiDocument => readDocument(new TextEncoder().encode(text));

const countOf = (node: SchemaNode): number => node.children.reduce((sum, child) => sum + countOf(child), 1);
const depthOf = (node: SchemaNode): number => 1 + Math.max(0, ...node.children.map(depthOf));

/** Twenty levels, ten properties each, every one leading to the next level. */
const wide = (): OpenApiDocument => {
  const schemas = Object.fromEntries(
    Array.from({ length: 20 }, (_, level) => [
      `L${level}`,
      {
        type: "object",
        properties: Object.fromEntries(
          Array.from({ length: 10 }, (_, index) => [`p${index}`, { $ref: `#/components/schemas/L${level + 1}` }]),
        ),
      },
    ]),
  );
  const content = { "application/json": { schema: { $ref: "#/components/schemas/L0" } } };
  return read(
    JSON.stringify({
      openapi: "3.1.0",
      info: { title: "Wide", version: "1" },
      components: { schemas: { ...schemas, L20: { type: "string" } } },
      paths: {
        "/a": {
          post: {
            operationId: "a",
            requestBody: { content },
            responses: { 200: { description: "ok", content }, 201: { description: "ok", content } },
          },
        },
      },
    }),
  );
};

describe("describeOperation", () => {
  test("an id that the document does not have is answered with nothing", () => {
    assert.equal(describeOperation(wide(), "b"), undefined);
    assert.equal(operationOf(wide(), "__proto__"), undefined);
  });

  test("however much the schemas hold, a page stays within its limits and says where it was cut", () => {
    const page = describeOperation(wide(), "a");
    assert.ok(page);
    const trees = [
      ...(page.requestBody?.content ?? []),
      ...page.responses.flatMap((response) => response.content),
    ].flatMap(({ schema }) => schema ?? []);
    assert.equal(trees.length, 3);
    const nodes = trees.reduce((sum, tree) => sum + countOf(tree), 0);
    assert.ok(nodes <= descriptionLimits.nodesMax + trees.length, String(nodes));
    for (const tree of trees) assert.ok(depthOf(tree) <= descriptionLimits.tree.depthMax + 1);
    assert.ok(JSON.stringify(page).includes('"isTruncated":true'));
    assert.ok(JSON.stringify(page).length < 200_000);
  });

  test("what was cut off can be asked for by its pointer", () => {
    const document = wide();
    const tree = describeSchema(document, "L0", { depthMax: 1, nodesMax: 100, enumMax: 10, textLengthMax: 100 });
    const cut = tree?.children[3];
    assert.equal(cut?.isTruncated, true);
    const opened = describeSchemaAt(document, cut?.pointer ?? "", {
      depthMax: 1,
      nodesMax: 100,
      enumMax: 10,
      textLengthMax: 100,
    });
    assert.deepEqual(
      opened?.children.map(({ name }) => name),
      Array.from({ length: 10 }, (_, index) => `p${index}`),
    );
    assert.equal(describeSchemaAt(document, "/nowhere"), undefined);
    assert.equal(describeSchema(document, "Nothing"), undefined);
    assert.equal(schemaNamesOf(document).length, 21);
  });

  test("what is not broken is shown although something beside it is", () => {
    const document = read(
      `openapi: 3.1.0\ninfo: {}\npaths: {"/a/{x}": {get: {operationId: a, parameters: [{$ref: '#/nope'}, 7, {name: q, in: query, schema: {$ref: '#/none'}}], requestBody: 3, responses: {200: {$ref: '#/gone'}, default: {description: ok, content: {text/plain: null}}, abc: {}}}}, /b: 4, /c: {get: []}}`,
    );
    const page = describeOperation(document, "a");
    assert.deepEqual(
      page?.parameters.map(({ name, in: place }) => `${place} ${name}`),
      ["path x", "query q"],
    );
    assert.match(page?.parameters[1]?.schema?.type ?? "", /leads nowhere/);
    assert.deepEqual(
      page?.responses.map(({ status }) => status),
      ["200", "default"],
    );
    assert.equal(operationsOf(document).length, 1);
  });
});

describe("outlineOf", () => {
  test("it holds every operation and nothing of its inside", () => {
    const document = wide();
    const outline = outlineOf(document);
    assert.deepEqual(
      outline.tags.map(({ name, operations }) => [name, operations.map(({ id }) => id)]),
      [["", ["a"]]],
    );
    assert.ok(JSON.stringify(outline).length < 1000);
  });

  test("declared tags come first, in their order; what has no tag comes last", () => {
    const operation = (tags: string): string => `{ get: { tags: [${tags}], responses: {} } }`;
    const outline = outlineOf(
      read(
        `openapi: 3.1.0\ninfo: {}\ntags: [{name: b}, {name: a}, {name: empty}]\npaths: { /1: ${operation("c")}, /2: ${operation("a, b")}, /3: ${operation("")} }`,
      ),
    );
    assert.deepEqual(
      outline.tags.map(({ name, operations }) => [name, operations.map(({ path }) => path)]),
      [
        ["b", ["/2"]],
        ["a", ["/2"]],
        ["empty", []],
        ["c", ["/1"]],
        ["", ["/3"]],
      ],
    );
  });
});

describe("sampleCall", () => {
  const call = (parameters: string, path = "/a/{x}"): ReturnType<typeof sampleCall> => {
    const document = read(
      `openapi: 3.1.0\ninfo: {}\npaths: {"${path}": {get: {parameters: [${parameters}], responses: {}}}}`,
    );
    const [operation] = operationsOf(document);
    assert.ok(operation);
    return sampleCall(document, operation, "https://gateway.example/base/");
  };

  test("path and query values are encoded, lists and objects as their style says", () => {
    const x = "{name: x, in: path, required: true, schema: {}, example: 'a/b c'}";
    assert.equal(call(x).url, "https://gateway.example/base/a/a%2Fb%20c");
    const list = (more: string): string =>
      call(`${x}, {name: q, in: query, ${more} schema: {}, example: ['1', 'é&']}`).url.split("?")[1] ?? "";
    assert.equal(list(""), "q=1&q=%C3%A9%26");
    assert.equal(list("explode: false,"), "q=1,%C3%A9%26");
    assert.equal(list("style: pipeDelimited,"), "q=1%7C%C3%A9%26");
    assert.equal(
      call("{name: q, in: query, style: deepObject, schema: {}, example: {a: 1, b: 2}}").url.split("?")[1],
      "q%5Ba%5D=1&q%5Bb%5D=2",
    );
    assert.equal(
      call("{name: q, in: query, content: {application/json: {example: {a: 1}}}}").url.split("?")[1],
      "q=%7B%22a%22%3A1%7D",
    );
  });

  test("a line break cannot leave its header", () => {
    const { headers } = call(
      '{name: X-A, in: header, required: true, schema: {}, example: "1\\r\\nX-Evil: 2"}, {name: c, in: cookie, required: true, schema: {}, example: "a;b"}',
    );
    assert.deepEqual(headers, [
      { name: "X-A", value: "1 X-Evil: 2" },
      { name: "Cookie", value: "c=a%3Bb" },
    ]);
  });
});

describe("servers and the data plane's view", () => {
  test("2.0's schemes, host and base path become URLs", () => {
    const document = read(
      'swagger: "2.0"\ninfo: {}\nhost: a.example:8443\nbasePath: /v1/\nschemes: [http, https, ws]\npaths: {}',
    );
    assert.deepEqual(
      serversOf(document).map(({ url }) => url),
      ["http://a.example:8443/v1/", "https://a.example:8443/v1/"],
    );
    assert.equal(basePath(document), "/v1");
    assert.equal(basePath(read('swagger: "2.0"\ninfo: {}\npaths: {}')), "");
    assert.equal(basePath(read("openapi: 3.1.0\ninfo: {}\nservers: [{url: ../api/}]")), "/api");
  });

  test("the nearest servers count: operation, path, document", () => {
    const document = read(
      "openapi: 3.1.0\ninfo: {}\nservers: [{url: /doc}]\npaths:\n  /a: {servers: [{url: /path}], get: {servers: [{url: /op}]}, put: {}}\n  /b: {get: {}}",
    );
    assert.deepEqual(
      operationsOf(document).map(({ servers }) => servers[0]?.url),
      ["/op", "/path", "/doc"],
    );
  });

  test("an operation of the model holds only what the data plane needs", () => {
    const [operation] = operationsOf(
      read("openapi: 3.1.0\ninfo: {}\npaths: {/a: {get: {summary: s, deprecated: true}}}"),
    );
    assert.ok(operation);
    assert.deepEqual(toOperation(operation), {
      id: "get-a",
      method: "GET",
      path: "/a",
      summary: "s",
      deprecated: true,
    });
  });
});
