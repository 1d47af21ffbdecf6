import assert from "node:assert/strict";
import { test } from "node:test";
import { callerOf } from "../../exchange/exchange.ts";
import { createRedactor, type SecretNames, shownCaller } from "./redactor.ts";

const names: SecretNames = {
  keyHeaders: ["X-Shop"],
  keyQueryParameters: ["shopkey"],
  secrets: ["named secret&1"],
  redact: (text) => text.replaceAll("named secret&1", "[secret]"),
};

test("the values of headers, cookies and query parameters that carry secrets are gone wherever they were copied to", () => {
  const redactor = createRedactor();
  redactor.reach(names);
  redactor.learnHeaders([
    ["Authorization", `Basic ${Buffer.from("alice:correct-horse").toString("base64")}`],
    ["X-Shop", "shop-key-value"],
    ["Cookie", "sid=cookie-value; theme=dark"],
    ["Set-Cookie", "new=another-value; Path=/"],
    ["X-Plain", "plain-value"],
  ]);
  redactor.learnQuery("shopkey=query%2Dkey%2Dvalue&page=2&access_token=opaque-token");
  const text = redactor.text(
    "correct-horse shop-key-value cookie-value another-value plain-value query-key-value opaque-token named secret&1 named%20secret%261",
  );
  assert.equal(
    text,
    `${Array(4).fill("[redacted]").join(" ")} plain-value [redacted] [redacted] [redacted] [redacted]`,
  );
  assert.equal(redactor.text(Buffer.from("shop-key-value").toString("base64").replace(/=+$/, "")), "[redacted]");
  assert.equal(redactor.header("authorization", "Bearer abc"), "Bearer [redacted]");
  assert.equal(redactor.header("x-shop", "anything"), "[redacted]");
  assert.equal(
    redactor.query("page=2&shopkey=abc&access_token=x"),
    "page=2&shopkey=[redacted]&access_token=[redacted]",
  );
});

test("text that looks like a credential is gone although nobody gave it a name", () => {
  const redactor = createRedactor();
  assert.equal(redactor.text("sent bearer abcdefghijkl and ptk_0123456789"), "sent [redacted] and [redacted]");
});

test("of a token only the allowed claims are shown; the values of others are gone everywhere", () => {
  const caller = callerOf({
    kind: "jwt",
    subject: "u-1",
    claims: { sub: "u-1", iss: "https://i", email: "alice@example.org", roles: ["treasurer"] },
  });
  assert.deepEqual(shownCaller(caller), {
    kind: "jwt",
    subject: "u-1",
    "claims.sub": "u-1",
    "claims.iss": "https://i",
    "other claims": "email, roles",
  });
  const redactor = createRedactor();
  redactor.learnCaller(caller);
  assert.equal(redactor.text("alice@example.org is treasurer"), "[redacted] is [redacted]");
});

test("objects lose what lies under the name of a secret, and the contents of tokens", () => {
  const redactor = createRedactor();
  const value = { password: "p", nested: { apiKey: "k", ok: 1 }, claims: { email: "e" } };
  assert.equal(
    redactor.value("data", value, 500),
    '{"password":"[redacted]","nested":{"apiKey":"[redacted]","ok":1},"claims":"[claims]"}',
  );
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  assert.equal(redactor.value("data", cycle, 500), "[Object]");
  assert.equal(redactor.value("session-token", "abc", 500), "[redacted]");
  assert.equal(redactor.value("long", "x".repeat(600), 10), "xxxxxxxxxx...");
});

test("a value too short to be a secret does not make the record unreadable", () => {
  const redactor = createRedactor();
  redactor.learnHeaders([["cookie", "consent=yes"]]);
  assert.equal(redactor.text("yes, yesterday"), "yes, yesterday");
});
