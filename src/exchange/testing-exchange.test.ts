import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineExchange } from "../gateway/engine.ts";
import { emptyReply } from "./reply.ts";
import { testExchange, textOf } from "./testing-exchange.ts";

test("a test exchange is what the engine's own parts take", () => {
  const x = testExchange({ path: "/orders/7?x=1", route: { apiPath: "/orders" } });
  // The assignment is the check: it does not compile when the contract gains a field that the test exchange lacks.
  const engine: Pick<
    EngineExchange,
    Exclude<keyof EngineExchange, "forwarder" | "besideAsker" | "reply" | "request" | "streams">
  > = x;
  assert.equal(engine.route.api, "orders");
  assert.equal(x.request.upstreamPath, "/7");
  assert.equal(x.request.queryParameter("x"), "1");
});

test("late reply fields replace those of the reply that goes out", () => {
  const x = testExchange();
  x.setReplyHeader("X-A", "late");
  x.answer(emptyReply(204, [["x-a", "early"]]));
  assert.deepEqual(x.sent?.headers.getAll("x-a"), ["late"]);
  assert.throws(() => x.deliver(), /twice/);
});

test("forward records the request as it stood and sets the reply", async () => {
  const x = testExchange({ method: "POST", backend: () => ({ status: 201, headers: [["a", "b"]], body: "made" }) });
  x.request.setQueryParameter("q", ["1 2"]);
  await x.forward({ timeoutMs: 5 });
  x.request.setQueryParameter("q", null);
  assert.equal(x.forwarded[0]?.upstreamQuery, "q=1%202");
  assert.equal(x.reply?.status, 201);
  assert.equal(await textOf(x.reply?.body.content ?? null), "made");
});

test("a body above its limit is refused with the code of its side", async () => {
  const x = testExchange({ body: "12345", reply: { body: "12345" } });
  await assert.rejects(x.request.body.read(4), { code: "request.body_too_large", status: 413 });
  await assert.rejects(x.reply?.body.read(4) ?? Promise.resolve(), { code: "backend.reply_invalid" });
});
