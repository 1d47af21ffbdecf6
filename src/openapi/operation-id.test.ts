import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type OperationKey, operationIdLengthMax, operationIds } from "./operation-id.ts";
import { parsePathTemplate } from "./path-template.ts";

const one = (method: string, path: string, operationId?: string): string | undefined =>
  operationIds([{ method, path, operationId }])[0];

const segment = fc.oneof(
  fc.stringMatching(/^[a-z]{1,4}$/),
  fc.stringMatching(/^\{[a-z]{1,3}\}$/),
  fc.constantFrom("by", "{id}", "by-id", "ä", "a.b", "{id}:cancel"),
);
const key = fc.record({
  method: fc.constantFrom("GET", "POST", "DELETE"),
  path: fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join("/")}`),
  operationId: fc.oneof(
    fc.constant(undefined),
    fc.constantFrom("list", "get-by-id", "a/b", "a b", "..", ""),
    fc.string({ maxLength: 140 }),
  ),
});
const keys = fc.uniqueArray(key, { maxLength: 12, selector: ({ method, path }) => `${method} ${path}` });

const timeBox = { interruptAfterTimeLimit: 4000, numRuns: 1000 };

describe("operation ids", () => {
  test("a unique operationId that fits a URL stands as it is", () => {
    assert.equal(one("GET", "/orders", "listOrders"), "listOrders");
    assert.equal(one("GET", "/orders", "orders.list_v2~x"), "orders.list_v2~x");
  });

  test("one that does not fit is made to fit", () => {
    assert.equal(one("GET", "/", "meta/root"), "meta-root");
    assert.equal(one("GET", "/", "find pet by id"), "find-pet-by-id");
    assert.equal(one("GET", "/", "Größe"), "Gro-e");
    assert.equal(one("GET", "/a", ".."), "get-a");
  });

  test("without one, method and path make it", () => {
    assert.equal(one("GET", "/orders/{id}"), "get-orders-by-id");
    assert.equal(one("POST", "/"), "post");
    assert.equal(one("GET", "/v1/{a}.{b}/x_y"), "get-v1-by-a-by-b-x_y");
    assert.equal(one("PUT", "/orders/{orderId}:cancel"), "put-orders-by-orderid-cancel");
  });

  test("a duplicate belongs to nobody", () => {
    const ids = operationIds([
      { method: "GET", path: "/a", operationId: "same" },
      { method: "GET", path: "/b", operationId: "same" },
      { method: "GET", path: "/c", operationId: "other" },
    ]);
    assert.deepEqual(ids, ["get-a", "get-b", "other"]);
  });

  test("they are unique, fit a URL and have a bounded length", () => {
    fc.assert(
      fc.property(keys, (list) => {
        const ids = operationIds(list);
        assert.equal(new Set(ids).size, list.length, JSON.stringify(ids));
        for (const id of ids) {
          assert.match(id, /^[A-Za-z0-9_][A-Za-z0-9._~-]*$/);
          assert.ok(id.length <= operationIdLengthMax);
        }
      }),
      timeBox,
    );
  });

  test("the order of operations never matters", () => {
    fc.assert(
      fc.property(keys, fc.infiniteStream(fc.nat()), (list, random) => {
        const shuffled = list
          .map((entry) => ({ entry, rank: random.next().value ?? 0 }))
          .sort((a, b) => a.rank - b.rank);
        const byKey = (entries: readonly OperationKey[]): ReadonlyMap<OperationKey, string | undefined> => {
          const ids = operationIds(entries);
          return new Map(entries.map((entry, index) => [entry, ids[index]]));
        };
        const [a, b] = [byKey(list), byKey(shuffled.map(({ entry }) => entry))];
        for (const entry of list) assert.equal(a.get(entry), b.get(entry));
      }),
      timeBox,
    );
  });

  test("removing an operation leaves the written ids of the others as they are", () => {
    fc.assert(
      fc.property(keys, (list) => {
        const ids = operationIds(list);
        const fewer = operationIds(list.slice(1));
        list.slice(1).forEach((entry, index) => {
          if (entry.operationId !== undefined && ids[index + 1] === entry.operationId)
            assert.equal(fewer[index], entry.operationId);
        });
      }),
      timeBox,
    );
  });
});

describe("path templates", () => {
  const rules = (path: string): readonly string[] => parsePathTemplate(path).problems.map((problem) => problem.rule);

  test("each fault is named", () => {
    assert.deepEqual(rules("orders"), ["path-slash"]);
    assert.deepEqual(rules("/a?b=c"), ["path-query"]);
    assert.deepEqual(rules("/a#b"), ["path-query"]);
    assert.deepEqual(rules("/{a"), ["path-braces"]);
    assert.deepEqual(rules("/a}"), ["path-braces"]);
    assert.deepEqual(rules("/{a{b}}"), ["path-braces"]);
    assert.deepEqual(rules("/{}"), ["path-parameter-name"]);
    assert.deepEqual(rules("/{a/b}"), ["path-parameter-name"]);
    assert.deepEqual(rules("/{a}/{a}"), ["path-parameter-twice"]);
    assert.deepEqual(rules("/{a}{b}"), ["path-parameters-adjacent"]);
    for (const path of ["/a/../b", "/.", "/%2e%2E/a", "/a%2f..%2fb", "/..;x/{a}", "/a\\b", "/a%5Cb", "/%00", "/a\nb"])
      assert.deepEqual(rules(path), ["path-unreachable"], path);
    assert.deepEqual(rules("/a/{b}.{c}/d:e"), []);
    assert.deepEqual(rules("/.well-known/..{a}/...;b/{c}../100%"), []);
  });

  test("templates that take the same calls have the same shape, others do not", () => {
    assert.equal(parsePathTemplate("/a/{x}").shape, parsePathTemplate("/a/{y}").shape);
    assert.notEqual(parsePathTemplate("/a/{x}").shape, parsePathTemplate("/a/{x}/").shape);
    assert.notEqual(parsePathTemplate("/a/{x}.{y}").shape, parsePathTemplate("/a/{x}-{y}").shape);
  });

  test("any text at all is taken apart without an end", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("{", "}", "/", "a", "?", "#", ".") }), (text) => {
        const template = parsePathTemplate(text);
        const isSound = template.problems.length === 0;
        // A template without problems can be written down again from its shape and its names.
        if (isSound) {
          let index = 0;
          assert.equal(
            template.shape.replace(/\{\}/g, () => `{${template.names[index++]}}`),
            text,
          );
        }
      }),
      timeBox,
    );
  });
});
