import assert from "node:assert/strict";
import { test } from "node:test";
import { buildForward, mistakesOf } from "../exchange/testing-tools.ts";
import { forwardRequest } from "./forward-request.ts";

test("silence leaves everything to the backend's settings", () => {
  assert.deepEqual(buildForward(forwardRequest, {}), { forward: {} });
  assert.deepEqual(buildForward(forwardRequest, null), { forward: {} });
});

test("every attribute reaches the engine; seconds and milliseconds", () => {
  assert.deepEqual(
    buildForward(forwardRequest, {
      timeout: 10,
      "http-version": 1,
      "follow-redirects": true,
      "buffer-request-body": true,
      "buffer-response": false,
      "fail-on-error-status-code": true,
    }),
    { forward: { timeoutMs: 10_000, followRedirects: true, bufferRequestBody: true, failOnErrorStatusCode: true } },
  );
  for (const version of [1, 2, "2", "2or1"])
    assert.deepEqual(buildForward(forwardRequest, { "http-version": version }), { forward: {} });
  assert.deepEqual(buildForward(forwardRequest, { timeout: "250ms" }), { forward: { timeoutMs: 250 } });
  assert.deepEqual(buildForward(forwardRequest, { "timeout-ms": 250 }), { forward: { timeoutMs: 250 } });
});

test("mistakes are named with their path; what is not available is refused by name", () => {
  const table: readonly (readonly [unknown, RegExp])[] = [
    [{ timeout: "soon" }, /^\.timeout/],
    [{ timeout: 0 }, /^\.timeout/],
    [{ timeout: 1, "timeout-ms": 1 }, /^\.timeout-ms give either/],
    [{ "http-version": "3" }, /^\.http-version/],
    [{ "continue-timeout": 1 }, /^\.continue-timeout .*not available/],
    [{ "follow-redirects": "yes" }, /^\.follow-redirects/],
  ];
  for (const [config, message] of table) {
    const [first] = mistakesOf(forwardRequest, config);
    assert.match(`${first?.path} ${first?.message}`, message, JSON.stringify(config));
  }
});
