import assert from "node:assert/strict";
import { test } from "node:test";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf } from "../exchange/testing-tools.ts";
import { authenticationBasic } from "./authentication-basic.ts";

test("the backend gets the credentials instead of the client's", () => {
  const x = testExchange({ headers: { authorization: "Bearer x", "x-user": "Aladdin" } });
  const config = { username: "=request.headers['x-user']", password: "open sesame" };
  buildPolicy(authenticationBasic, config).step(x);
  // The example of RFC 7617 section 2.
  assert.deepEqual(x.request.headers.getAll("authorization"), ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]);
});

test("a user name with a colon is refused, also one that an expression gives", () => {
  assert.equal(mistakesOf(authenticationBasic, { username: "a:b", password: "x" })[0]?.path, ".username");
  const { step } = buildPolicy(authenticationBasic, { username: "='a' + ':b'", password: "x" });
  assert.throws(() => step(testExchange()), /colon/);
  assert.equal(mistakesOf(authenticationBasic, { username: "a" })[0]?.path, ".password");
});
