import assert from "node:assert/strict";
import { test } from "node:test";
import type { HedgeRule } from "../../src/exchange/delivery-rules.ts";
import {
  answering,
  clusterOf,
  eventually,
  okReply,
  retryRule,
  startOrigin,
  startTestWire,
  type TestWire,
} from "./testing-wire.ts";

const hedge = (more: Partial<HedgeRule> = {}): HedgeRule => ({
  afterMs: 30,
  attempts: 1,
  idempotent: "methods",
  bodyBytesMax: 1_000,
  ...more,
});
const request = (method: string, rest = "\r\n"): string =>
  `${method} /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${rest}`;

const isFree = (gateway: TestWire): Promise<void> =>
  eventually(() => gateway.facts("orders").running === 0 && gateway.ended.length > 0, "all places free");

test("the second try answers while the first hangs; the loser is cut off and holds no place", async () => {
  const slow = await startOrigin(() => {});
  const fast = await startOrigin(answering(okReply("fast", "X-From: fast\r\n")));
  const gateway = await startTestWire({ cluster: clusterOf([slow, fast], { hedge: hedge() }) });
  for (const body of ["\r\n", "Content-Length: 4\r\n\r\nbody"]) {
    const text = await gateway.ask(request("PUT", body));
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n[\s\S]*X-From: fast[\s\S]*fast$/);
    assert.equal(text.match(/X-Request-Id/gi)?.length, 1);
  }
  await isFree(gateway);
  await eventually(() => slow.connections.every(({ isClosed }) => isClosed), "the loser's connection closed");
  assert.ok(gateway.facts("orders").hedges >= 1);
  assert.equal(gateway.facts("orders").hedgesWon, gateway.facts("orders").hedges);
  assert.equal(gateway.facts(`:${slow.port}`).running, 0);
  await gateway.close();
  await slow.close();
  await fast.close();
});

test("a long body of the winner passes whole, and the client may leave in the middle of it", async () => {
  const size = 3_000_000;
  const slow = await startOrigin(() => {});
  const fast = await startOrigin(({ socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    socket.write("x".repeat(size));
  });
  const gateway = await startTestWire({ cluster: clusterOf([slow, fast], { hedge: hedge() }) });
  const text = await gateway.ask(request("GET"));
  assert.equal(text.length - text.indexOf("\r\n\r\n") - 4, size);
  await isFree(gateway);
  const client = await gateway.connect();
  client.socket.pause();
  client.send(request("GET"));
  await eventually(() => fast.requestLines.length >= 2 || gateway.facts("orders").running > 0);
  client.socket.destroy();
  await eventually(() => gateway.ended.length === 2, "the end of the second");
  await isFree(gateway);
  await gateway.close();
  await slow.close();
  await fast.close();
});

test("no second try for what is not idempotent, for a long body, or before its time", async () => {
  const [one, two] = [await startOrigin(answering(okReply())), await startOrigin(answering(okReply()))];
  const gateway = await startTestWire({
    cluster: clusterOf([one, two], { hedge: hedge({ afterMs: 2_000, bodyBytesMax: 8 }) }),
  });
  await gateway.ask(request("GET"));
  await gateway.close();
  assert.equal(one.requestLines.length + two.requestLines.length, 1);
  const late = await startOrigin(({ socket }) => void setTimeout(() => socket.write(okReply()), 120));
  const other = await startTestWire({ cluster: clusterOf([late, late], { hedge: hedge({ bodyBytesMax: 8 }) }) });
  await other.ask(request("POST", "Content-Length: 1\r\n\r\nx"));
  await other.ask(request("PUT", "Content-Length: 9\r\n\r\nxxxxxxxxx"));
  await other.ask(request("PUT", "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"));
  assert.equal(other.facts("orders").hedges, 0);
  await other.close();
  for (const origin of [one, two, late]) await origin.close();
});

test("a first try that fails leaves the second its chance; both failed is a failure, or a retry", async () => {
  const bad = await startOrigin(({ socket }) => void setTimeout(() => socket.resetAndDestroy(), 60));
  const good = await startOrigin(({ socket }) => void setTimeout(() => socket.write(okReply()), 100));
  const gateway = await startTestWire({ cluster: clusterOf([bad, good], { hedge: hedge() }) });
  assert.match(await gateway.ask(request("GET")), /^HTTP\/1\.1 200 /);
  await isFree(gateway);
  await gateway.close();
  const failing = await startTestWire({
    cluster: clusterOf([bad, bad], { hedge: hedge(), retry: retryRule({ attempts: 1 }) }),
  });
  assert.match(await failing.ask(request("GET")), /^HTTP\/1\.1 502 /);
  assert.equal(failing.facts("orders").retries, 1);
  await isFree(failing);
  await failing.close();
  await bad.close();
  await good.close();
});

test("a client that leaves ends both tries", async () => {
  const [one, two] = [await startOrigin(() => {}), await startOrigin(() => {})];
  const gateway = await startTestWire({ cluster: clusterOf([one, two], { hedge: hedge() }) });
  const client = await gateway.connect();
  client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => one.requestLines.length + two.requestLines.length === 2, "both tries");
  client.socket.destroy();
  await isFree(gateway);
  await eventually(() => [...one.connections, ...two.connections].every(({ isClosed }) => isClosed));
  await gateway.close();
  await one.close();
  await two.close();
});
