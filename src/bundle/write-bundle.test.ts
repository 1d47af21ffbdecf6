import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Resource } from "../model/resource.ts";
import { hasErrors } from "./finding.ts";
import { readBundle } from "./read-bundle.ts";
import { bundleOf, documentWith, fixture } from "./testing-bundles.ts";
import { textOf, writeBundle } from "./write-bundle.ts";

const texts = (files: ReadonlyMap<string, Uint8Array>): Record<string, string> =>
  Object.fromEntries([...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString("latin1")]));

describe("what was read and not changed", () => {
  test("is written back byte for byte, with comments, byte order marks and CRLF", async () => {
    const files = await fixture("complete");
    const { resources, documents } = readBundle(files);
    assert.deepEqual(texts(writeBundle(resources, documents)), texts(files));
  });

  test("read, write, read is the identity for any layout of the same content", () => {
    const layout = fc.record({
      comment: fc.string({ unit: fc.constantFrom("a", " ", "é", "#", ":"), maxLength: 20 }),
      newline: fc.constantFrom("\n", "\r\n"),
      mark: fc.constantFrom("", "\uFEFF"),
      isFlow: fc.boolean(),
      end: fc.constantFrom("", "\n", "\n\n# end"),
      path: fc.constantFrom("/", "/a", "/a/b.c", "/~x"),
    });
    fc.assert(
      fc.property(layout, ({ comment, newline, mark, isFlow, end, path }) => {
        const body = isFlow ? `{ path: ${path}, protect: none }` : `path: ${path}${newline}protect: none`;
        const api = `${mark}# ${comment}${newline}${body}${end}`;
        const files = bundleOf({ "apis/a/api.yaml": api, "apis/a/openapi.json": documentWith("one") });
        const first = readBundle(files);
        assert.equal(hasErrors(first.findings), false, JSON.stringify(first.findings));
        const written = writeBundle(first.resources, first.documents);
        assert.deepEqual(texts(written), texts(files));
        assert.deepEqual(readBundle(written).resources, first.resources);
      }),
      { interruptAfterTimeLimit: 5_000 },
    );
  });
});

describe("what has no text of its own", () => {
  const api: Resource = {
    kind: "api",
    name: "orders",
    // A database may give the members back in any order.
    body: {
      protect: "none",
      operations: { b: { hidden: true }, a: { protect: "key" } },
      path: "/orders",
      title: "Orders",
    },
    document: { fileName: "openapi.json", hash: "h" },
  };
  const documents = new Map([["h", new TextEncoder().encode(documentWith("a", "b"))]]);

  test("is written in the order of the schema, names sorted, and reads back the same", () => {
    const files = writeBundle([api], documents);
    assert.equal(
      Buffer.from(files.get("apis/orders/api.yaml") ?? "").toString(),
      "title: Orders\npath: /orders\nprotect: none\noperations:\n  a:\n    protect: key\n  b:\n    hidden: true\n",
    );
    const read = readBundle(files);
    assert.equal(hasErrors(read.findings), false);
    assert.deepEqual(read.resources[0]?.body, api.body);
    assert.deepEqual(texts(writeBundle(read.resources, read.documents)), texts(files));
  });

  test("a document that is missing is an error, not an empty file", () => {
    assert.throws(() => writeBundle([api], new Map()), /document of the API 'orders' is not in the store/);
  });

  test("texts that YAML would take for something else come back as texts", () => {
    const value = fc.oneof(
      fc.constantFrom(
        "true",
        "no",
        "1.0",
        "0x10",
        "null",
        "~",
        "*a",
        "&a",
        "- x",
        "a: b",
        "#",
        "",
        " ",
        "\n",
        "'\"",
        "{{x}}",
        "=1 + 1",
        "2020-01-01",
        "1e3",
        "|",
        ">",
      ),
      fc.string(),
    );
    fc.assert(
      fc.property(value, (text) => {
        const resource: Resource = { kind: "named-value", name: "v", body: { value: text } };
        const read = readBundle(writeBundle([resource], new Map()));
        // Characters that YAML cannot hold in plain form are escaped.
        assert.deepEqual(read.findings, []);
        assert.deepEqual(read.resources[0]?.body, resource.body);
      }),
      { interruptAfterTimeLimit: 5_000, numRuns: 500 },
    );
  });
});

describe("what was changed since its text was applied", () => {
  const source =
    "# limits, agreed with sales\ntitle: Starter # shown in the portal\napis: [a]\nplans:\n  # the free one\n  free:\n    rate-limit: { calls: 60, window: 60s }\n";

  test("keeps the comments of everything else", () => {
    const resource: Resource = {
      kind: "product",
      name: "starter",
      body: {
        title: "Starter",
        apis: ["a", "b"],
        plans: { free: { "rate-limit": { calls: 100, window: "60s" } }, gold: {} },
      },
      source,
    };
    const text = textOf(resource);
    assert.match(text, /# limits, agreed with sales/);
    assert.match(text, /Starter # shown in the portal/);
    assert.match(text, /# the free one/);
    const read = readBundle(bundleOf({ "products/starter.yaml": text }), { isElsewhere: () => true });
    assert.deepEqual(read.resources[0]?.body, resource.body);
  });

  test("says what the body says even where the text has aliases", () => {
    const resource: Resource = {
      kind: "product",
      name: "p",
      body: {
        apis: [],
        plans: { a: { "rate-limit": { calls: 2, window: "1s" } }, b: { "rate-limit": { calls: 1, window: "1s" } } },
      },
      source: "apis: []\nplans:\n  a: &x { rate-limit: { calls: 1, window: 1s } }\n  b: *x\n",
    };
    const read = readBundle(bundleOf({ "products/p.yaml": textOf(resource) }));
    assert.deepEqual(read.resources[0]?.body, resource.body);
  });
});
