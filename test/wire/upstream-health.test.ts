import assert from "node:assert/strict";
import { test } from "node:test";
import type { HealthRule, LimitRule } from "../../src/exchange/delivery-rules.ts";
import {
  answering,
  clusterOf,
  eventually,
  type OriginHandler,
  okReply,
  startOrigin,
  startTestWire,
} from "./testing-wire.ts";

const get = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const health = (more: Partial<HealthRule> = {}): HealthRule => ({
  path: "/healthz",
  method: "GET",
  intervalMs: 100,
  timeoutMs: 500,
  statuses: new Set([200]),
  healthyAfter: 2,
  unhealthyAfter: 2,
  jitter: 0,
  headers: [["x-probe", "1"]],
  ...more,
});

test("a target whose checks fail gets no calls until they succeed again", async () => {
  let isGood = true;
  const handler: OriginHandler = ({ socket }, bytes) => {
    const isProbe = bytes.startsWith("GET /healthz ");
    socket.write(isProbe && !isGood ? "HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno" : okReply("sick"));
  };
  const [sick, good] = [await startOrigin(handler), await startOrigin(answering(okReply("good")))];
  const gateway = await startTestWire({ cluster: clusterOf([sick, good], { health: health() }) });
  const state = (): number => gateway.facts(`:${sick.port}`).state;
  await eventually(() => state() === 1, "healthy");
  assert.match(
    sick.text,
    /^GET \/healthz HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\nUser-Agent: portico-health\r\nx-probe: 1\r\n\r\n/,
  );
  isGood = false;
  await eventually(() => state() === 2, "unhealthy");
  for (let at = 0; at < 4; at++) assert.match(await gateway.ask(get), /good$/);
  isGood = true;
  await eventually(() => state() === 1, "healthy again");
  const texts = [await gateway.ask(get), await gateway.ask(get)];
  assert.ok(texts.some((text) => text.endsWith("sick")));
  await gateway.close();
  await sick.close();
  await good.close();
});

test("a target that does not listen becomes unhealthy; with none usable and no panic threshold calls are 503 at once", async () => {
  const gone = await startOrigin(() => {});
  await gone.close();
  const gateway = await startTestWire({ cluster: clusterOf([gone], { health: health(), panicShare: 0 }) });
  await eventually(() => gateway.facts(`:${gone.port}`).state === 2, "unhealthy");
  assert.match(await gateway.ask(get), /^HTTP\/1\.1 503 [\s\S]*Retry-After: 1\r\n[\s\S]*backend\.no_target/);
  await gateway.close();
  const panicking = await startTestWire({ cluster: clusterOf([gone], { health: health(), panicShare: 0.1 }) });
  await eventually(() => panicking.facts(`:${gone.port}`).state === 2, "unhealthy");
  assert.match(await panicking.ask(get), /backend\.unreachable/);
  await panicking.close();
});

const limits = (more: Partial<LimitRule> = {}): LimitRule => ({ concurrent: 1, pending: 1, queueMs: 2_000, ...more });

test("limits: one runs, one waits, the next is refused; the waiting one is served when the first is through", async () => {
  const waiting: (() => void)[] = [];
  const origin = await startOrigin(({ socket }) => void waiting.push(() => socket.write(okReply())));
  const gateway = await startTestWire({ cluster: clusterOf([origin], { limits: limits() }) });
  const first = gateway.ask(get);
  await eventually(() => waiting.length === 1);
  const second = gateway.ask(get);
  await eventually(() => gateway.facts("orders").pending === 1);
  assert.match(await gateway.ask(get), /^HTTP\/1\.1 503 [\s\S]*backend\.overloaded/);
  waiting[0]?.();
  assert.match(await first, /^HTTP\/1\.1 200 /);
  await eventually(() => waiting.length === 2, "the second sent");
  waiting[1]?.();
  assert.match(await second, /^HTTP\/1\.1 200 /);
  const { running, pending, limitRefusals } = gateway.facts("orders");
  assert.deepEqual([running, pending, limitRefusals], [0, 0, 1]);
  await gateway.close();
  await origin.close();
});

test("limits: who waits too long is refused, who leaves makes room", async () => {
  const origin = await startOrigin(() => {});
  const gateway = await startTestWire({ cluster: clusterOf([origin], { limits: limits({ queueMs: 100 }) }) });
  const first = await gateway.connect();
  first.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => origin.requestLines.length === 1);
  assert.match(await gateway.ask(get), /backend\.overloaded/);
  const second = await gateway.connect();
  second.send("GET /second HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => gateway.facts("orders").pending === 1);
  second.socket.resetAndDestroy();
  await eventually(() => gateway.facts("orders").pending === 0, "the queue empty");
  first.socket.resetAndDestroy();
  await eventually(() => gateway.facts("orders").running === 0, "no call runs");
  assert.doesNotMatch(origin.text, /second/);
  await gateway.close();
  await origin.close();
});
