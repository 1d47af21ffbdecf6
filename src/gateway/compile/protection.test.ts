import assert from "node:assert/strict";
import { test } from "node:test";
import { refuse } from "../../exchange/refuse.ts";
import type { Reply } from "../../exchange/reply.ts";
import { testExchange } from "../../exchange/testing-exchange.ts";
import { type BuiltProtection, protectionStep } from "./protection.ts";

const alternative = (kind: BuiltProtection["kind"], reply: Reply): BuiltProtection => ({
  kind,
  step: { policy: kind, at: "", scope: "", section: "", step: () => reply, forward: null, preflight: null },
});
const challengesOf = async (...alternatives: readonly BuiltProtection[]): Promise<readonly string[]> => {
  const reply = await protectionStep(alternatives)?.step(testExchange());
  assert.ok(reply);
  return reply.headers.filter(([name]) => name.toLowerCase() === "www-authenticate").map(([, value]) => value);
};

test("a 401 names every credential that would do, once, with the error of the one that was sent", async () => {
  const key = refuse("key.missing", { headers: [["WWW-Authenticate", 'ApiKey header="k"']] });
  const badToken = refuse("token.invalid", { headers: [["WWW-Authenticate", 'Bearer error="invalid_token"']] });
  assert.deepEqual(await challengesOf(alternative("key", key)), ['ApiKey header="k"']);
  assert.deepEqual(await challengesOf(alternative("key", key), alternative("jwt", refuse("token.missing"))), [
    'ApiKey header="k"',
    "Bearer",
  ]);
  assert.deepEqual(await challengesOf(alternative("key", key), alternative("jwt", badToken)), [
    'Bearer error="invalid_token"',
    'ApiKey header="X-API-Key"',
  ]);
  assert.deepEqual(await challengesOf(alternative("key", refuse("subscription.inactive"))), []);
});
