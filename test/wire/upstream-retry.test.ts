import assert from "node:assert/strict";
import { test } from "node:test";
import type { RetryRule } from "../../src/exchange/delivery-rules.ts";
import {
  answering,
  clusterOf,
  eventually,
  type Origin,
  type OriginHandler,
  okReply,
  retryRule,
  startOrigin,
  startTestWire,
  type TestWire,
} from "./testing-wire.ts";

const statusReply = (status: number, headers = ""): string =>
  `HTTP/1.1 ${status} Status\r\n${headers}Content-Length: 3\r\n\r\nbad`;

/** The n-th request (from 0, over all connections) is answered by the n-th handler, later ones by the last. */
const inTurn = (...handlers: readonly OriginHandler[]): OriginHandler => {
  let turn = 0;
  return (connection, bytes) => {
    if (!/^[A-Z]+ \S+ HTTP\/1\.1\r\n/.test(bytes)) return;
    handlers[Math.min(turn++, handlers.length - 1)]?.(connection, bytes);
  };
};
const dying: OriginHandler = ({ socket }) => socket.resetAndDestroy();
const silent: OriginHandler = () => {};
const ok: OriginHandler = ({ socket }) => void socket.write(okReply(), "latin1");
const failing =
  (status = 503, headers = ""): OriginHandler =>
  ({ socket }) =>
    void socket.write(statusReply(status, headers), "latin1");

const over = async (handler: OriginHandler, rule: Partial<RetryRule> = {}, more = {}): Promise<[Origin, TestWire]> => {
  const origin = await startOrigin(handler);
  return [origin, await startTestWire({ cluster: clusterOf([origin], { retry: retryRule(rule), ...more }) })];
};

const request = (method: string, rest = ""): string =>
  `${method} /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${rest || "\r\n"}`;
const post = "Content-Length: 4\r\n\r\nbody";

/** No place at a backend is taken any more, and the pool has no call under way. */
const isFree = async (gateway: TestWire): Promise<void> => {
  await eventually(() => gateway.ended.length > 0 && gateway.facts("orders").running === 0, "all places free");
};

for (const [what, handler, rest] of [
  ["a reset", dying, ""],
  ["503", failing(), ""],
  ["a timeout", silent, ""],
] as const) {
  for (const [method, headers, rule, tries] of [
    ["GET", rest, {}, 2],
    ["DELETE", rest, {}, 2],
    ["PUT", post, {}, 2],
    ["POST", post, {}, 1],
    ["POST", post, { idempotent: "key" }, 1],
    ["POST", `Idempotency-Key: k\r\n${post}`, {}, 1],
    ["POST", `Idempotency-Key: k\r\n${post}`, { idempotent: "key" }, 2],
    ["PATCH", post, { idempotent: "always" }, 2],
  ] as const) {
    test(`${what}: ${method} ${JSON.stringify(headers)} ${JSON.stringify(rule)} is sent ${tries === 1 ? "once" : "again"}`, async () => {
      const [origin, gateway] = await over(inTurn(handler, ok), rule, { tryTimeoutMs: 60 });
      const text = await gateway.ask(request(method, headers));
      if (tries === 2) assert.match(text, /^HTTP\/1\.1 200 /);
      else assert.match(text, /^HTTP\/1\.1 50[234] /);
      // On a connection that lives on, the next request line follows the body without a break.
      assert.equal(origin.text.match(/[A-Z]+ \/a HTTP\/1\.1\r\n/g)?.length, tries);
      if (tries === 2 && headers.includes("body")) assert.equal(origin.text.match(/\r\n\r\nbody/g)?.length, 2);
      await isFree(gateway);
      await gateway.close();
      await origin.close();
    });
  }
}

test("no connection: sent again whatever the method, to another target first, and only as often as the rule says", async () => {
  const dead = await startOrigin(silent);
  await dead.close();
  const origin = await startOrigin(answering(okReply()));
  const gateway = await startTestWire({ cluster: clusterOf([dead, origin], { retry: retryRule() }) });
  for (let at = 0; at < 4; at++) assert.match(await gateway.ask(request("POST", post)), /^HTTP\/1\.1 200 /);
  await gateway.close();
  const alone = await startTestWire({ cluster: clusterOf([dead], { retry: retryRule({ attempts: 3 }) }) });
  assert.match(await alone.ask(request("GET")), /backend\.unreachable/);
  assert.equal(alone.facts("orders").retries, 3);
  await alone.close();
  await origin.close();
});

test("what the rule does not name is passed on", async () => {
  for (const [handler, rule, code] of [
    [failing(500), {}, "500"],
    [dying, { on: new Set<"connect">(["connect"]) }, "502"],
    [inTurn(({ socket }) => void socket.write("HTTP/1.1 2oo\r\n\r\n"), ok), {}, "502"],
  ] as const) {
    const [origin, gateway] = await over(handler, rule);
    assert.match(await gateway.ask(request("GET")), new RegExp(`^HTTP/1\\.1 ${code} `));
    assert.equal(origin.requestLines.length, 1);
    await gateway.close();
    await origin.close();
  }
});

test("the last reply is passed on when the tries are used up, with its body", async () => {
  const [origin, gateway] = await over(failing(503, "X-Try: y\r\n"), { attempts: 2 });
  assert.match(await gateway.ask(request("GET")), /^HTTP\/1\.1 503 [\s\S]*X-Try: y[\s\S]*bad$/);
  assert.equal(origin.requestLines.length, 3);
  await isFree(gateway);
  await gateway.close();
  await origin.close();
});

test("a body that streams is kept and sent again from its beginning, also where it is chunked", async () => {
  const bodies: readonly (readonly [head: string, pieces: readonly string[], sent: string])[] = [
    ["Content-Length: 12\r\n", ["first ", "second"], "first second"],
    [
      "Transfer-Encoding: chunked\r\n",
      ["6\r\nfirst \r\n", "6\r\nsecond\r\n0\r\n\r\n"],
      "6\r\nfirst \r\n6\r\nsecond\r\n0\r\n\r\n",
    ],
  ];
  for (const [head, pieces, sent] of bodies) {
    let isFirst = true;
    const origin = await startOrigin((connection) => {
      // The first connection dies in the middle of the body, the second answers when it is whole.
      if (isFirst && connection.text.includes("first")) {
        isFirst = false;
        connection.socket.resetAndDestroy();
      } else if (!isFirst && connection.text.includes("second")) connection.socket.write(okReply(), "latin1");
    });
    const gateway = await startTestWire({ cluster: clusterOf([origin], { retry: retryRule() }) });
    const client = await gateway.connect();
    client.send(`PUT /a HTTP/1.1\r\nHost: a\r\n${head}\r\n${pieces[0]}`);
    await eventually(() => origin.connections.length === 2, "the second try");
    client.send(pieces[1] ?? "");
    await client.until((text) => text.endsWith("hello"));
    assert.ok(origin.connections[1]?.text.endsWith(`\r\n\r\n${sent}`), origin.connections[1]?.text ?? "");
    await gateway.close();
    await origin.close();
  }
});

test("a body beyond the limit streams once; what has gone by is not sent again", async () => {
  for (const body of [
    `Content-Length: 40\r\n\r\n${"x".repeat(40)}`,
    `Transfer-Encoding: chunked\r\n\r\n28\r\n${"x".repeat(40)}\r\n0\r\n\r\n`,
  ]) {
    const [origin, gateway] = await over(inTurn(dying, ok), { bodyBytesMax: 32 });
    assert.match(await gateway.ask(request("PUT", body)), /^HTTP\/1\.1 502 /);
    assert.equal(origin.requestLines.length, 1);
    await gateway.close();
    await origin.close();
  }
});

test("Retry-After is waited for where it is short, and passed on where it is long", async () => {
  const [origin, gateway] = await over(inTurn(failing(503, "Retry-After: 1\r\n"), ok));
  const startMs = performance.now();
  assert.match(await gateway.ask(request("GET")), /^HTTP\/1\.1 200 /);
  assert.ok(performance.now() - startMs >= 900);
  await gateway.close();
  await origin.close();
  const [far, other] = await over(inTurn(failing(503, "Retry-After: 60\r\n"), ok));
  assert.match(await other.ask(request("GET")), /^HTTP\/1\.1 503 [\s\S]*Retry-After: 60/);
  assert.equal(far.requestLines.length, 1);
  await other.close();
  await far.close();
});

test("the budget ends retries when failures are many", async () => {
  const [origin, gateway] = await over(failing(), { attempts: 3 }, { budget: { ratio: 0.2, perSecondMin: 0.4 } });
  for (let at = 0; at < 10; at++) assert.match(await gateway.ask(request("GET")), /^HTTP\/1\.1 503 /);
  // Four in ten seconds without any success.
  assert.equal(origin.requestLines.length, 14);
  assert.equal(gateway.facts("orders").retries, 4);
  await gateway.close();
  await origin.close();
});

test("the total time ends a call in the middle of its tries", async () => {
  const origin = await startOrigin(silent);
  const gateway = await startTestWire({
    cluster: clusterOf([origin], { retry: retryRule({ attempts: 10 }), tryTimeoutMs: 40 }),
    forward: { totalTimeoutMs: 150 },
  });
  assert.match(await gateway.ask(request("GET")), /^HTTP\/1\.1 504 [\s\S]*backend\.timeout/);
  assert.ok(origin.requestLines.length < 6, String(origin.requestLines.length));
  await isFree(gateway);
  await gateway.close();
  await origin.close();
});

test("a client that leaves while the next try waits ends everything", async () => {
  const [origin, gateway] = await over(failing(503, "Retry-After: 2\r\n"));
  const client = await gateway.connect();
  client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => origin.requestLines.length === 1);
  client.socket.destroy();
  await eventually(() => gateway.ended.length === 1, "the end of the exchange");
  await isFree(gateway);
  assert.equal(origin.requestLines.length, 1);
  await gateway.close();
  await origin.close();
});

test("a reply whose head is out is never tried again, and its break-off is seen", async () => {
  const [origin, gateway] = await over(({ socket }) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    setTimeout(() => socket.resetAndDestroy(), 20);
  });
  const text = await gateway.ask(request("GET"));
  assert.match(text, /half$/);
  assert.equal(origin.requestLines.length, 1);
  assert.equal(gateway.ended[0]?.outcome.isAborted, true);
  await isFree(gateway);
  await gateway.close();
  await origin.close();
});
