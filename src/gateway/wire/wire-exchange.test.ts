import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../base/log.ts";
import { callerOf } from "../../exchange/exchange.ts";
import { refuse } from "../../exchange/refuse.ts";
import { WireExchange } from "./wire-exchange.ts";

/** Names and types of all fields, in the order in which they were made. */
const shapeOf = (value: object): readonly string[] => Object.keys(value);

/** What holds state, down to the parts of the engine. */
const stateOf = (value: unknown, depth = 0): unknown => {
  if (value instanceof Int32Array || value instanceof Uint8Array || value instanceof Int16Array) return "array";
  if (value === null || typeof value !== "object" || depth > 4) return typeof value === "function" ? "function" : value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, stateOf(part, depth + 1)]));
};

test("every exchange has the same shape, fresh or used again: all fields in one order", () => {
  const fresh = new WireExchange(silentLog);
  const fields = [
    "id",
    "startedAtMs",
    "startedMonotonicMs",
    "revision",
    "request",
    "route",
    "caller",
    "reply",
    "fault",
    "record",
    "traceparent",
    "backend",
    "backendUrl",
    "forwarding",
    "runState",
    "isReusable",
    "forwarder",
    "besideAsker",
    "isHead",
    "client",
    "backendSide",
    "streams",
    "tunnelEnd",
    "replyInTheMaking",
    "isConcluded",
    "isFinished",
    "lateFields",
  ];
  assert.deepEqual(shapeOf(fresh), fields);
  fresh.caller = callerOf({ kind: "key" });
  fresh.setReplyHeader("X-A", "1");
  fresh.variables.set("a", 1);
  fresh.onDone(() => {});
  fresh.answer(refuse("key.missing"));
  fresh.reset();
  assert.deepEqual(shapeOf(fresh), fields);
});

test("an exchange that is used again carries nothing of the call before", () => {
  const used = new WireExchange(silentLog);
  const bytes = Buffer.from("GET / HTTP/1.1\r\nA: b\r\n\r\n");
  used.request.head.begin(bytes, 0);
  used.request.head.add(16, 17, 19, 20, 10);
  used.request.headers.append("X-Edit", "1");
  used.request.host = "a";
  used.request.clientIp = "1.2.3.4";
  used.request.upstreamPath = "/other";
  used.request.upstreamQuery = "q=1";
  used.request.setParams(() => ({ id: "7" }));
  assert.deepEqual(used.request.params, { id: "7" });
  used.request.body.replace("secret");
  used.caller = callerOf({ kind: "key", subscription: "s" });
  used.variables.set("token", "secret");
  used.runState = { secret: true };
  used.fault = { code: "a", source: "b", section: "c", message: "d" };
  used.backend = "x";
  used.backendUrl = "http://x";
  used.isReusable = true;
  used.setReplyHeader("X-Secret", "1");
  let told = 0;
  used.onDone(() => told++);
  used.answer(refuse("key.missing", { detail: "secret" }));
  used.reset();
  const fresh = new WireExchange(silentLog);
  assert.deepEqual(stateOf(used), stateOf(fresh));
  assert.equal(used.variables.size, 0);
  assert.deepEqual(used.request.headers.entries(), []);
  assert.deepEqual(used.request.params, {});
  assert.equal(used.request.upstreamPath, "");
  used.finish({ status: 200, isAborted: false, requestBytes: 0, responseBytes: 0, durationMs: 0 });
  assert.equal(told, 0);
});

test("an exchange is concluded once, and a failing listener stops nobody", () => {
  const x = new WireExchange(silentLog);
  x.answer(refuse("key.missing"));
  x.answer(refuse("key.invalid"));
  assert.equal(x.reply?.status, 401);
  assert.match(String(x.reply?.body.replaced), /key\.missing/);
  let told = 0;
  x.onDone(() => {
    throw new Error("no");
  });
  x.onDone(() => told++);
  x.finish({ status: 401, isAborted: false, requestBytes: 0, responseBytes: 0, durationMs: 0 });
  assert.equal(told, 1);
});
