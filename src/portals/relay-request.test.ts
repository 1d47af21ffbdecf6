import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { listedApiSchema, type PortalApi, portalApiOf } from "./portal-api.ts";
import { PathRefusal, relayHeaders, relayInstructionsSchema, relayTarget } from "./relay-request.ts";

const apiOf = (fields: Readonly<Record<string, unknown>> = {}): PortalApi =>
  portalApiOf(listedApiSchema.parse({ name: "orders", path: "/shop", ...fields }));
const api = apiOf();

describe("the path to call", () => {
  test("a path parameter is one percent-encoded piece of its segment, whatever it holds", () => {
    const target = relayTarget(api, "/orders/{id}/lines", { pathParams: { id: "a/b?c#d %2e" } });
    assert.equal(target, "/shop/orders/a%2Fb%3Fc%23d%20%252e/lines");
  });

  test("no value of a path parameter changes the number of segments or climbs out of the API", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (id) => {
        let target: string;
        try {
          target = relayTarget(api, "/orders/{id}/lines", { pathParams: { id } });
        } catch (thrown) {
          assert.ok(thrown instanceof PathRefusal);
          return;
        }
        const url = new URL(`http://127.0.0.1:8080${target}`);
        assert.equal(url.host, "127.0.0.1:8080");
        assert.equal(url.search, "");
        assert.deepEqual(
          url.pathname.split("/").map((segment, index) => (index === 3 ? "ID" : segment)),
          ["", "shop", "orders", "ID", "lines"],
        );
      }),
      { numRuns: 500 },
    );
  });

  for (const dots of [".", ".."]) {
    test(`a path parameter that makes the segment ${dots} is refused`, () => {
      assert.throws(() => relayTarget(api, "/orders/{id}", { pathParams: { id: dots } }), PathRefusal);
      assert.throws(() => relayTarget(api, "/orders/.{id}", { pathParams: { id: "." } }), PathRefusal);
    });
  }

  test("a path parameter that is missing, empty or inherited is refused", () => {
    for (const pathParams of [undefined, {}, { id: "" }]) {
      assert.throws(
        () => relayTarget(api, "/orders/{id}", pathParams === undefined ? {} : { pathParams }),
        PathRefusal,
      );
    }
    assert.throws(() => relayTarget(api, "/orders/{toString}", { pathParams: {} }), PathRefusal);
  });

  test("query parameters are percent-encoded, and lists repeat their name", () => {
    const target = relayTarget(api, "/orders", { query: { "a&b": "c d", tag: ["x", "y=z"] } });
    assert.equal(target, "/shop/orders?a%26b=c%20d&tag=x&tag=y%3Dz");
  });

  test("the version stands where its scheme says, and a visitor's own value for it is kept", () => {
    const inPath = apiOf({ versions: { scheme: "path", value: "v2" } });
    assert.equal(relayTarget(inPath, "/orders", {}), "/shop/v2/orders");
    const inQuery = apiOf({ versions: { scheme: "query", value: "2" } });
    assert.equal(relayTarget(inQuery, "/orders", {}), "/shop/orders?api-version=2");
    assert.equal(relayTarget(inQuery, "/orders", { query: { "api-version": "1" } }), "/shop/orders?api-version=1");
    const inHeader = apiOf({ versions: { scheme: "header", value: "3" } });
    assert.equal(relayHeaders(inHeader, {}, undefined)["api-version"], "3");
  });

  test("an API at the root has no base path", () => {
    assert.equal(relayTarget(apiOf({ path: "/" }), "/orders", {}), "/orders");
  });
});

describe("the headers to send", () => {
  test("what belongs to the connection, the browser or the relay is left out", () => {
    const refused = [
      "Connection",
      "Transfer-Encoding",
      "Content-Length",
      "Host",
      "Cookie",
      "Origin",
      "Referer",
      "Sec-Fetch-Site",
      "Proxy-Authorization",
      "Upgrade",
      "TE",
      "Expect",
      "X-Forwarded-For",
      "Forwarded",
      "Via",
    ];
    const headers = Object.fromEntries(refused.map((name) => [name, "x"]));
    assert.deepEqual(relayHeaders(api, { headers: { ...headers, "X-Mine": "1" } }, undefined), {
      "x-mine": "1",
      "accept-encoding": "identity",
      "user-agent": "portico-portal-relay",
    });
  });

  test("a name or value that would break the head is left out", () => {
    const headers = {
      "bad name": "1",
      "x-a": "1\r\nx-evil: 2",
      "x-b": "\u0000",
      "x-c": "\u20ac",
      "": "1",
      "x-ok": "é",
    };
    assert.deepEqual(Object.keys(relayHeaders(api, { headers }, undefined)).sort(), [
      "accept-encoding",
      "user-agent",
      "x-ok",
    ]);
  });

  test("the key goes into X-API-Key and wins over a header of that name", () => {
    assert.equal(relayHeaders(api, { headers: { "X-API-Key": "other" } }, "mine")["x-api-key"], "mine");
    assert.equal(relayHeaders(api, {}, "bad\r\nkey")["x-api-key"], undefined);
  });
});

test("instructions with a field that is not known, such as a host, are refused", () => {
  assert.equal(relayInstructionsSchema.safeParse({ host: "evil.example" }).success, false);
  assert.equal(relayInstructionsSchema.safeParse({ url: "http://evil.example" }).success, false);
  assert.equal(relayInstructionsSchema.safeParse({ query: { a: 1 } }).success, false);
  assert.equal(relayInstructionsSchema.safeParse({}).success, true);
});
