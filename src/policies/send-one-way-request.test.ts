import assert from "node:assert/strict";
import { test } from "node:test";
import type { FetchOptions } from "../exchange/policy.ts";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { sendOneWayRequest } from "./send-one-way-request.ts";

const answer = { status: 200, headers: new Map<string, string>(), body: new Uint8Array() };

test("the call goes on although no answer has come", async () => {
  const asked: [string, FetchOptions][] = [];
  const never = Promise.withResolvers<typeof answer>();
  const tools = testTools({
    fetch: (url, options) => {
      asked.push([url, options]);
      return never.promise;
    },
  });
  const config = {
    "set-url": "http://hooks.test/",
    "set-method": "POST",
    "set-body": { value: "={'a': request.path}" },
  };
  assert.equal(await buildPolicy(sendOneWayRequest, config, tools).step(testExchange({ path: "/p" })), undefined);
  assert.equal(asked[0]?.[0], "http://hooks.test/");
  assert.deepEqual([asked[0]?.[1].method, asked[0]?.[1].body], ["POST", '{"a":"/p"}']);
  never.resolve(answer);
});

test("a call that fails is a line of the log, nothing else", async () => {
  const tools = testTools({ fetch: () => Promise.reject(new Error("refused")) });
  await buildPolicy(sendOneWayRequest, { "set-url": "http://a.test/" }, tools).step(testExchange());
  await new Promise((resolve) => setImmediate(resolve));
  assert.match(JSON.stringify(tools.lines), /a one-way call failed.*refused/);
});

test("no more than the limit are under way; what comes beyond is dropped and said", async () => {
  const open: PromiseWithResolvers<typeof answer>[] = [];
  const tools = testTools({
    fetch: () => {
      const one = Promise.withResolvers<typeof answer>();
      open.push(one);
      return one.promise;
    },
  });
  const { step } = buildPolicy(sendOneWayRequest, { "set-url": "http://a.test/" }, tools);
  for (let n = 0; n < 300; n++) await step(testExchange());
  assert.equal(open.length, 256);
  assert.match(JSON.stringify(tools.lines), /dropped/);
  for (const one of open) one.resolve(answer);
  await new Promise((resolve) => setImmediate(resolve));
  await step(testExchange());
  assert.equal(open.length, 257);
});

test("mistakes are named with their path", () => {
  assert.equal(mistakesOf(sendOneWayRequest, {})[0]?.path, ".set-url");
  assert.match(
    mistakesOf(sendOneWayRequest, { "set-url": "http://a", "ignore-error": true })[0]?.message ?? "",
    /ignore-error/,
  );
});
