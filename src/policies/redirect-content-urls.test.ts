import assert from "node:assert/strict";
import { test } from "node:test";
import type { Section } from "../exchange/policy.ts";
import { testExchange, textOf } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { redirectContentUrls } from "./redirect-content-urls.ts";

const changed = async (section: Section, body: string): Promise<string> => {
  const x = testExchange({ scheme: "https", host: "api.test", route: { apiPath: "/shop" }, body, reply: { body } });
  const tools = testTools({ section, baseUrls: ["http://backend:8080/base/"] });
  await buildPolicy(redirectContentUrls, {}, tools).step(x);
  return textOf((section === "outbound" ? x.reply?.body.content : x.request.body.content) ?? null);
};

test("a reply's URLs of the backend become the gateway's, also with escaped slashes", async () => {
  assert.equal(
    await changed(
      "outbound",
      '<a href="http://backend:8080/base/x"> http://backend:8080/base "http:\\/\\/backend:8080\\/base\\/y"',
    ),
    '<a href="https://api.test/shop/x"> https://api.test/shop "https:\\/\\/api.test\\/shop\\/y"',
  );
});

test("a longer host or path segment is another URL", async () => {
  const text = "http://backend:8080/based http://backend:8080/base.example/x http://backend:80";
  assert.equal(await changed("outbound", text), text);
});

test("a request's URLs of the gateway become the backend's", async () => {
  assert.equal(await changed("inbound", "see https://api.test/shop/x"), "see http://backend:8080/base/x");
});

test("the policy takes no attributes", () => {
  assert.match(mistakesOf(redirectContentUrls, { a: 1 })[0]?.message ?? "", /'a'/);
});
