import assert from "node:assert/strict";
import { test } from "node:test";
import type { Reply } from "../exchange/reply.ts";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { mockResponse } from "./mock-response.ts";

const mocks = [
  { status: 200, mediaType: "application/json", body: "1" },
  { status: 200, mediaType: "application/json", body: "2" },
  { status: 200, mediaType: "text/plain", body: "three" },
  { status: 404, mediaType: "application/problem+json", body: "{}" },
  { status: 204 },
];
const run = (config: unknown, headers = {}, target = { mocks }): Reply => {
  const reply = buildPolicy(mockResponse, config, testTools({ target, mocks: { getOrder: mocks } })).step(
    testExchange({ headers, route: { operation: "getOrder" } }),
  );
  assert.ok(reply !== undefined && !(reply instanceof Promise));
  return reply ?? assert.fail("no reply");
};

test("status, media type and index choose", () => {
  const table: readonly (readonly [unknown, Record<string, string>, number, string | null])[] = [
    [{}, {}, 200, "1"],
    [{ index: 1 }, {}, 200, "2"],
    [{ "content-type": "text/plain" }, {}, 200, "three"],
    [{ "content-type": "Application/JSON; charset=utf-8", index: 1 }, {}, 200, "2"],
    [{}, { accept: "text/plain" }, 200, "three"],
    [{ "status-code": 404 }, {}, 404, "{}"],
    [{ "status-code": 204 }, {}, 204, null],
    // Not in the document: empty, with the status that was asked for.
    [{ "status-code": 418 }, {}, 418, null],
    [{ "content-type": "image/png" }, {}, 200, null],
    [{ index: 9 }, {}, 200, null],
  ];
  for (const [config, headers, status, body] of table) {
    const reply = run(config, headers);
    assert.deepEqual([reply.status, reply.body], [status, body], JSON.stringify(config));
  }
});

test("above the operation's scope the operation that was called answers", () => {
  assert.equal(run({}, {}, { mocks: [] }).body, "1");
});

test("mistakes are named with their path", () => {
  for (const [config, path] of [
    [{ "status-code": 99 }, ".status-code"],
    [{ index: -1 }, ".index"],
    [{ "content-type": "" }, ".content-type"],
  ] as const)
    assert.equal(mistakesOf(mockResponse, config)[0]?.path, path);
});
