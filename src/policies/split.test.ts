import assert from "node:assert/strict";
import { test } from "node:test";
import { callerOf } from "../exchange/exchange.ts";
import { type TestExchange, testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { split } from "./split.ts";

const tools = () => testTools({ target: { backends: ["a", "b"] } });
const weights = (a: number, b: number) => [
  { backend: "a", weight: a },
  { backend: "b", weight: b },
];
const chosen = (config: object, x: TestExchange): string | null => {
  buildPolicy(split, config, tools()).step(x);
  return x.backend;
};

test("a condition takes the call before any weight; nothing that fits leaves the operation's backend", () => {
  const to = [{ backend: "b", when: "=request.headers['x-test'] == '1'" }, { backend: "a" }];
  assert.equal(chosen({ to }, testExchange({ headers: { "x-test": "1" } })), "b");
  assert.equal(chosen({ to }, testExchange({ headers: { "x-test": "2" } })), "a");
  assert.equal(chosen({ to: [{ backend: "b", when: false }] }, testExchange()), null);
});

test("a sticky share is the same for a caller, follows the weights, and moves no more callers than it must", () => {
  const ofUser = (at: number, to: object, sticky: unknown): string | null =>
    chosen(
      { to, sticky },
      testExchange({ caller: callerOf({ kind: "key", subscription: `s-${at}` }), headers: { user: `u-${at}` } }),
    );
  for (const sticky of ["caller", { header: "user" }, { key: "=request.headers.user" }]) {
    let b = 0;
    for (let at = 0; at < 1_000; at++) {
      const before = ofUser(at, weights(9, 1), sticky);
      assert.equal(ofUser(at, weights(9, 1), sticky), before);
      if (before === "b") b++;
      // The share of `a` only shrinks: nobody goes from `b` to `a`.
      if (before === "b") assert.equal(ofUser(at, weights(8, 2), sticky), "b");
    }
    assert.ok(b > 70 && b < 130, String(b));
  }
});

test("a cookie keeps its share, and is added to the reply's own when there is none", async () => {
  const x = testExchange({ reply: { headers: [["set-cookie", "own=1"]] } });
  const first = chosen({ to: weights(1, 1), sticky: { cookie: "share" } }, x);
  await x.runReplySteps();
  const cookies = x.reply?.headers.getAll("set-cookie") ?? [];
  assert.equal(cookies.length, 2);
  const share = /^share=(\d+); Path=\/; Max-Age=31536000; HttpOnly; SameSite=Lax$/.exec(cookies[1] ?? "")?.[1];
  for (let at = 0; at < 5; at++) {
    const again = testExchange({ headers: { cookie: `x=1; share=${share}` }, reply: {} });
    assert.equal(chosen({ to: weights(1, 1), sticky: { cookie: "share" } }, again), first);
    await again.runReplySteps();
    assert.equal(again.reply?.headers.has("set-cookie"), false);
  }
});

test("mistakes are named with their path", () => {
  for (const [config, path] of [
    [{}, ".to"],
    [{ to: [] }, ".to"],
    [{ to: [{ backend: "c" }] }, ".to[0].backend"],
    [{ to: [{ backend: "a", weight: 0 }] }, ".to"],
    [{ to: [{ backend: "a", weight: 1, when: true }] }, ".to[0].weight"],
    [{ to: [{ backend: "a", when: "=nope" }] }, ".to[0].when"],
    [{ to: weights(1, 1), sticky: "moon" }, ".sticky"],
    [{ to: weights(1, 1), sticky: { key: "=nope" } }, ".sticky.key"],
    [{ to: weights(1, 1), nope: 1 }, ""],
  ] as const)
    assert.equal(mistakesOf(split, config, tools())[0]?.path, path, JSON.stringify(config));
});
