import assert from "node:assert/strict";
import { test } from "node:test";
import type { FailoverRule, MirrorRule } from "../../src/exchange/delivery-rules.ts";
import { answering, clusterOf, eventually, okReply, startOrigin, startTestWire, targetOf } from "./testing-wire.ts";

const request = (method: string, rest = "\r\n"): string =>
  `${method} /a?q=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${rest}`;
const post = "Content-Length: 4\r\n\r\nbody";

const failover = (more: Partial<FailoverRule> = {}): FailoverRule => ({
  backends: ["other"],
  on: new Set(["connect", "reset", "timeout", "overloaded"]),
  statuses: new Set([503]),
  idempotent: "methods",
  bodyBytesMax: 1_000,
  ...more,
});
const mirror = (more: Partial<MirrorRule> = {}): MirrorRule => ({
  backend: "copy",
  bodyBytesMax: 64,
  runningMax: 10,
  timeoutMs: 5_000,
  ...more,
});

test("another backend answers what the first cannot, with the request's body, if that may be sent twice", async () => {
  const other = await startOrigin(answering(okReply("other")));
  for (const [first, method, isTaken] of [
    [await startOrigin(({ socket }) => socket.resetAndDestroy()), "PUT", true],
    [await startOrigin(({ socket }) => socket.resetAndDestroy()), "POST", false],
    [await startOrigin(answering("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")), "PUT", true],
    [await startOrigin(answering("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")), "PUT", false],
  ] as const) {
    const gateway = await startTestWire({
      origin: first,
      forwarding: { failover: failover() },
      named: (upstreams) => ({ other: upstreams.to(targetOf(other)) }),
    });
    const text = await gateway.ask(request(method, post));
    if (isTaken) assert.match(text, /^HTTP\/1\.1 200 [\s\S]*other$/);
    else assert.match(text, /^HTTP\/1\.1 50[02] /);
    assert.ok(!isTaken || other.text.endsWith("\r\n\r\nbody"));
    await gateway.close();
    await first.close();
  }
  await other.close();
});

test("an open breaker and no usable target lead to the other backend, whatever the method", async () => {
  const other = await startOrigin(answering(okReply("other")));
  const bad = await startOrigin(({ socket }) => socket.resetAndDestroy());
  const gateway = await startTestWire({
    origin: bad,
    forwarding: (upstreams) => ({
      failover: failover(),
      breakers: [
        upstreams.breaker("test", {
          failures: 1,
          ratio: 0,
          callsMin: 1,
          intervalMs: 1_000,
          openMs: 60_000,
          openMsMax: 60_000,
          halfOpenCalls: 1,
          statuses: new Set(),
          acceptsRetryAfter: false,
        }),
      ],
    }),
    named: (upstreams) => ({ other: upstreams.to(targetOf(other)) }),
  });
  assert.match(await gateway.ask(request("POST", post)), /^HTTP\/1\.1 502 /);
  for (let at = 0; at < 3; at++) assert.match(await gateway.ask(request("POST", post)), /^HTTP\/1\.1 200 /);
  assert.equal(bad.requestLines.length, 1);
  await gateway.close();
  await bad.close();
  await other.close();
});

test("a copy has the same request with its body, waits for nobody, and nobody waits for it", async () => {
  const main = await startOrigin(answering(okReply("main")));
  // It never answers.
  const copy = await startOrigin(() => {});
  const gateway = await startTestWire({
    origin: main,
    forwarding: { mirrors: [mirror()] },
    named: (upstreams) => ({ copy: upstreams.to(targetOf(copy, { headers: [["x-copy", "1"]] })) }),
  });
  for (const body of ["\r\n", post, "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"]) {
    const before = copy.text.length;
    assert.match(await gateway.ask(request("PUT", `X-Mine: 1\r\n${body}`)), /main$/);
    // A copy has its length, however the body came.
    const end = body === "\r\n" ? "\r\n\r\n" : "\r\n\r\nbody";
    await eventually(() => copy.text.length > before && copy.text.endsWith(end), "the copy");
    const sent = copy.text.slice(before);
    assert.match(sent, /^PUT \/a\?q=1 HTTP\/1\.1\r\n/);
    assert.match(sent, /X-Mine: 1\r\n/);
    assert.match(sent, /x-copy: 1\r\n/);
    assert.match(sent, /X-Forwarded-For: 127\.0\.0\.1\r\n/);
  }
  await gateway.close();
  await main.close();
  await copy.close();
});

test("no copy of a long body, beyond the bound, or of a call whose client left before its body was through", async () => {
  const main = await startOrigin(({ socket, text }) => {
    if (/\r\n\r\n/.test(text)) socket.write(okReply());
  });
  const copy = await startOrigin(() => {});
  const gateway = await startTestWire({
    cluster: clusterOf([main]),
    forwarding: { mirrors: [mirror({ runningMax: 1 })] },
    named: (upstreams) => ({ copy: upstreams.to(targetOf(copy)) }),
  });
  await gateway.ask(request("PUT", `Content-Length: 70\r\n\r\n${"x".repeat(70)}`));
  const client = await gateway.connect();
  client.send("PUT /left HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
  await eventually(() => main.text.includes("half"));
  client.socket.resetAndDestroy();
  await eventually(() => gateway.ended.length === 2);
  await gateway.ask(request("GET"));
  await gateway.ask(request("GET"));
  await eventually(() => copy.requestLines.length === 1, "one copy");
  assert.doesNotMatch(copy.text, /PUT/);
  assert.equal(gateway.facts("orders").mirrored, 1);
  assert.equal(gateway.facts("orders").mirrorsDropped, 2);
  await gateway.close();
  await main.close();
  await copy.close();
});
