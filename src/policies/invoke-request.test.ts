import assert from "node:assert/strict";
import { test } from "node:test";
import { replyWith } from "../exchange/reply.ts";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { invokeRequest } from "./invoke-request.ts";

const tools = () => testTools({ section: "backend", target: { backends: ["main", "fast"] } });

test("the named backend or the URL answers, with the method that is asked for", async () => {
  const x = testExchange({ backend: () => replyWith(202, "text/plain", "done") });
  await buildPolicy(invokeRequest, { method: "POST", "backend-id": "fast" }, tools()).step(x);
  assert.deepEqual([x.forwarded[0]?.method, x.forwarded[0]?.backend, x.reply?.status], ["POST", "fast", 202]);
  const y = testExchange();
  await buildPolicy(invokeRequest, { url: "='http://' + 'b.test'" }, tools()).step(y);
  assert.deepEqual([y.forwarded[0]?.method, y.forwarded[0]?.backendUrl], ["GET", "http://b.test"]);
});

test("mistakes are named with their path", () => {
  assert.match(mistakesOf(invokeRequest, {}, tools())[0]?.message ?? "", /either/);
  assert.match(
    mistakesOf(invokeRequest, { url: "http://a", "backend-id": "main" }, tools())[0]?.message ?? "",
    /either/,
  );
  assert.equal(mistakesOf(invokeRequest, { "backend-id": "none" }, tools())[0]?.path, ".backend-id");
  assert.equal(mistakesOf(invokeRequest, { "backend-id": "main", method: "a b" }, tools())[0]?.path, ".method");
});
