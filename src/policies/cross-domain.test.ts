import assert from "node:assert/strict";
import { test } from "node:test";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf } from "../exchange/testing-tools.ts";
import { crossDomain } from "./cross-domain.ts";

const xml = '<cross-domain-policy><allow-access-from domain="a.example" /></cross-domain-policy>';

test("the policy file is answered where it is asked for, and only there", async () => {
  const { step } = buildPolicy(crossDomain, xml);
  const reply = await step(testExchange({ path: "/orders/crossdomain.xml" }));
  assert.deepEqual([reply?.status, reply?.body], [200, xml]);
  assert.equal(await step(testExchange({ path: "/orders" })), undefined);
});

test("mistakes are named with their path", () => {
  assert.match(mistakesOf(crossDomain, "<a/>")[0]?.message ?? "", /cross-domain-policy/);
});
