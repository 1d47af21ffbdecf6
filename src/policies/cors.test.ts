import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Reply } from "../exchange/reply.ts";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf } from "../exchange/testing-tools.ts";
import { cors } from "./cors.ts";

const app = "https://app.example.com";
const withCookies = {
  "allow-credentials": true,
  "allowed-origins": [app, "http://localhost:3000"],
  "allowed-methods": ["GET", "PUT"],
  "allowed-headers": ["Content-Type", "x-api-key"],
  "expose-headers": ["ETag", "X-Request-Id"],
  "preflight-result-max-age": "10m",
};

const preflight = (config: unknown, headers: Record<string, string>): Reply | undefined => {
  const built = buildPolicy(cors, config);
  const reply = built.preflight?.(testExchange({ method: "OPTIONS", headers }));
  assert.ok(!(reply instanceof Promise));
  return reply ?? undefined;
};
const fieldsOf = (reply: Reply | undefined): Record<string, string> =>
  Object.fromEntries((reply?.headers ?? []).map(([name, value]) => [name.toLowerCase(), value]));
const asks = (origin: string, method: string, headers?: string): Record<string, string> => ({
  origin,
  "access-control-request-method": method,
  ...(headers === undefined ? {} : { "access-control-request-headers": headers }),
});
const actual = (config: unknown, headers: Record<string, string>, method = "GET") => {
  const x = testExchange({ method, headers, host: "api.example.com", scheme: "https" });
  const reply = buildPolicy(cors, config).step(x);
  assert.ok(!(reply instanceof Promise));
  return { reply: reply ?? undefined, late: Object.fromEntries(x.lateHeaders) };
};

describe("preflight", () => {
  test("an allowed origin, method and headers get all that browsers ask for", () => {
    assert.deepEqual(fieldsOf(preflight(withCookies, asks(app, "PUT", "X-API-Key,content-type"))), {
      "access-control-allow-origin": app,
      "access-control-allow-methods": "GET, PUT",
      "access-control-allow-credentials": "true",
      "access-control-allow-headers": "x-api-key, content-type",
      "access-control-max-age": "600",
      vary: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    });
  });

  test("the matrix of what matches", () => {
    const table: readonly (readonly [unknown, Record<string, string>, boolean])[] = [
      [withCookies, asks(app, "GET"), true],
      [withCookies, asks(app, "HEAD"), true],
      [withCookies, asks("http://localhost:3000", "GET"), true],
      [withCookies, asks("http://localhost:3001", "GET"), false],
      [withCookies, asks("https://APP.example.com", "GET"), false],
      [withCookies, asks("https://app.example.com.evil.com", "GET"), false],
      [withCookies, asks("https://evil.com#https://app.example.com", "GET"), false],
      [withCookies, asks("null", "GET"), false],
      [withCookies, asks(app, "DELETE"), false],
      [withCookies, asks(app, "put"), false],
      [withCookies, asks(app, "GET", "x-other"), false],
      [withCookies, asks(app, "GET", "x-api-key, x-other"), false],
      [withCookies, asks(app, "GET", "x-api-key, bad name"), false],
      [withCookies, asks(app, "GET", ""), true],
      [{ "allowed-origins": "*" }, asks("https://any.example", "POST"), true],
      [{ "allowed-origins": "*" }, asks("null", "POST"), true],
      [{ "allowed-origins": "*" }, asks("https://any.example", "PUT"), false],
      [{ "allowed-origins": "*", "allowed-methods": "*" }, asks("https://any.example", "PURGE"), true],
      [
        { "allowed-origins": "*", "allowed-headers": "*" },
        asks("https://any.example", "GET", "authorization,x-y"),
        true,
      ],
      [{ "allowed-origins": ["null"] }, asks("null", "GET"), true],
    ];
    for (const [config, headers, matches] of table) {
      const reply = preflight(config, headers);
      assert.equal(reply?.status, 200);
      assert.equal("access-control-allow-origin" in fieldsOf(reply), matches, JSON.stringify([config, headers]));
      assert.equal(fieldsOf(reply).vary?.startsWith("Origin"), true);
    }
  });

  test("wildcards name what was asked, since `*` never covers Authorization and means nothing with credentials", () => {
    const config = {
      "allow-credentials": true,
      "allowed-origins": app,
      "allowed-methods": "*",
      "allowed-headers": "*",
    };
    const fields = fieldsOf(preflight(config, asks(app, "PATCH", "Authorization, X-A")));
    assert.equal(fields["access-control-allow-methods"], "PATCH");
    assert.equal(fields["access-control-allow-headers"], "authorization, x-a");
  });

  test("an unmatched one goes on where the configuration says so, and OPTIONS without Origin is no preflight", () => {
    assert.equal(
      preflight({ ...withCookies, "terminate-unmatched-request": false }, asks("https://x", "GET")),
      undefined,
    );
    assert.equal(preflight(withCookies, { "access-control-request-method": "GET" }), undefined);
    assert.equal(preflight(withCookies, { origin: app }), undefined);
  });

  test("a flood of requested headers is refused", () => {
    const many = Array.from({ length: 101 }, (_, i) => `x-${i}`).join(",");
    assert.ok(
      !(
        "access-control-allow-origin" in
        fieldsOf(preflight({ "allowed-origins": "*", "allowed-headers": "*" }, asks(app, "GET", many)))
      ),
    );
  });
});

describe("actual call", () => {
  test("an allowed origin gets its fields on whatever reply goes out", () => {
    assert.deepEqual(actual(withCookies, { origin: app }), {
      reply: undefined,
      late: {
        vary: "Origin",
        "access-control-allow-origin": app,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "ETag, X-Request-Id",
      },
    });
  });
  test("any origin: `*`, and no Vary because nothing varies", () => {
    assert.deepEqual(actual({ "allowed-origins": "*" }, { origin: app }).late, { "access-control-allow-origin": "*" });
  });
  test("without Origin a call passes, and caches learn what the reply varies by", () => {
    assert.deepEqual(actual(withCookies, {}), { reply: undefined, late: { vary: "Origin" } });
  });
  test("GET and HEAD of other origins are answered empty, other methods and the API's own origin go on without fields", () => {
    for (const method of ["GET", "HEAD"]) {
      const { reply, late } = actual(withCookies, { origin: "https://evil.example" }, method);
      assert.deepEqual([reply?.status, reply?.body, reply?.headers], [200, null, []]);
      assert.deepEqual(late, { vary: "Origin" });
    }
    assert.equal(actual(withCookies, { origin: "https://evil.example" }, "POST").reply, undefined);
    assert.equal(actual(withCookies, { origin: "https://api.example.com" }).reply, undefined);
    const lenient = { ...withCookies, "terminate-unmatched-request": false };
    assert.deepEqual(actual(lenient, { origin: "https://evil.example" }), {
      reply: undefined,
      late: { vary: "Origin" },
    });
  });
});

test("lists may be nested as in XML", () => {
  const nested = {
    "allowed-origins": { origin: [app] },
    "allowed-methods": { "preflight-result-max-age": 300, method: ["GET", "DELETE"] },
    "allowed-headers": { header: "x-a" },
    "expose-headers": { header: ["x-b"] },
  };
  const fields = fieldsOf(preflight(nested, asks(app, "DELETE", "x-a")));
  assert.equal(fields["access-control-allow-methods"], "GET, DELETE");
  assert.equal(fields["access-control-max-age"], "300");
});

test("mistakes are named with their path", () => {
  const table: readonly (readonly [unknown, RegExp])[] = [
    [{}, /^\.allowed-origins/],
    [{ "allowed-origins": [] }, /^\.allowed-origins at least one/],
    [{ "allowed-origins": "https://a/" }, /^\.allowed-origins/],
    [{ "allowed-origins": "https://A.example" }, /^\.allowed-origins/],
    [{ "allowed-origins": "https://*.example.com" }, /^\.allowed-origins/],
    [{ "allowed-origins": "*", "allow-credentials": true }, /^\.allowed-origins `\*` may not be combined/],
    [{ "allowed-origins": "https://a", "allow-credentials": true, "expose-headers": "*" }, /^\.expose-headers/],
    [{ "allowed-origins": "*", "allowed-headers": ["a b"] }, /^\.allowed-headers/],
    [{ "allowed-origins": "*", "preflight-result-max-age": "x" }, /^\.preflight-result-max-age/],
  ];
  for (const [config, message] of table) {
    const [first] = mistakesOf(cors, config);
    assert.match(`${first?.path} ${first?.message}`, message, JSON.stringify(config));
  }
});
