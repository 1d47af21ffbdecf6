import assert from "node:assert/strict";
import { test } from "node:test";
import { type ManualClock, manualClock } from "../../src/base/clock.ts";
import type { BreakerRule, OutlierRule } from "../../src/exchange/delivery-rules.ts";
import {
  answering,
  clusterOf,
  eventually,
  type OriginHandler,
  okReply,
  retryRule,
  startOrigin,
  startTestWire,
  type TestWire,
} from "./testing-wire.ts";

const get = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const serverErrors = new Set([500, 502, 503]);
const breaker = (more: Partial<BreakerRule> = {}): BreakerRule => ({
  failures: 3,
  ratio: 0,
  callsMin: 10,
  intervalMs: 10_000,
  openMs: 5_000,
  openMsMax: 60_000,
  halfOpenCalls: 1,
  statuses: serverErrors,
  acceptsRetryAfter: false,
  ...more,
});
const outlier = (more: Partial<OutlierRule> = {}): OutlierRule => ({
  consecutive: 2,
  ratio: 0,
  callsMin: 10,
  intervalMs: 10_000,
  ejectionMs: 10_000,
  ejectionMsMax: 40_000,
  ejectedShareMax: 0.5,
  statuses: serverErrors,
  ...more,
});

/** Time passes, and the gateway notices: what begins afterwards begins then. */
const advance = (clock: ManualClock, gateway: TestWire, ms: number): void => {
  clock.advance(ms);
  gateway.wheel.turn();
};

/** A backend whose health a test switches. */
const switched = (): { isGood: boolean; handler: OriginHandler } => {
  const state: { isGood: boolean; handler: OriginHandler } = {
    isGood: true,
    handler: ({ socket }) =>
      void socket.write(state.isGood ? okReply() : "HTTP/1.1 503 No\r\nRetry-After: 20\r\nContent-Length: 0\r\n\r\n"),
  };
  return state;
};

test("failures in a row open it; calls are refused at once with Retry-After; a good trial closes it, a bad one doubles the wait", async () => {
  const clock = manualClock();
  const backend = switched();
  const origin = await startOrigin(backend.handler);
  const gateway = await startTestWire({ clock, cluster: clusterOf([origin], { breaker: breaker() }) });
  const status = async (): Promise<string> => (await gateway.ask(get)).slice(9, 12);
  backend.isGood = false;
  for (let at = 0; at < 3; at++) await status();
  assert.equal(origin.requestLines.length, 3);
  const refused = await gateway.ask(get);
  assert.match(refused, /^HTTP\/1\.1 503 [\s\S]*Retry-After: 5\r\n[\s\S]*backend\.circuit_open/);
  assert.equal(origin.requestLines.length, 3);
  advance(clock, gateway, 5_001);
  assert.equal(await status(), "503");
  assert.equal(origin.requestLines.length, 4);
  assert.match(await gateway.ask(get), /Retry-After: 10\r\n/);
  advance(clock, gateway, 10_001);
  backend.isGood = true;
  assert.equal(await status(), "200");
  assert.equal(gateway.facts("orders").state, 0);
  assert.equal(gateway.facts("orders").openings, 2);
  assert.equal(gateway.facts("orders").openRefusals, 2);
  await gateway.close();
  await origin.close();
});

test("half-open lets only its trials through, and one that nobody waits for any more gives its place back", async () => {
  const clock = manualClock();
  let isSilent = false;
  const origin = await startOrigin(({ socket }) => {
    if (!isSilent) socket.write("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
  });
  const gateway = await startTestWire({ clock, cluster: clusterOf([origin], { breaker: breaker({ failures: 1 }) }) });
  await gateway.ask(get);
  advance(clock, gateway, 5_001);
  isSilent = true;
  const trial = await gateway.connect();
  trial.send("GET /trial HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => origin.requestLines.length === 2);
  assert.match(await gateway.ask(get), /backend\.circuit_open/);
  trial.socket.resetAndDestroy();
  await eventually(() => gateway.facts("orders").permits === 0, "the trial's place");
  const next = await gateway.connect();
  next.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => origin.requestLines.length === 3, "the next trial");
  next.socket.resetAndDestroy();
  await gateway.close();
  await origin.close();
});

test("a share of failures opens it, but not before there are enough calls", async () => {
  const backend = switched();
  const origin = await startOrigin(backend.handler);
  const gateway = await startTestWire({
    cluster: clusterOf([origin], { breaker: breaker({ failures: 0, ratio: 0.5, callsMin: 8, intervalMs: 60_000 }) }),
  });
  for (let at = 0; at < 8; at++) {
    assert.doesNotMatch(await gateway.ask(get), /circuit_open/);
    backend.isGood = !backend.isGood;
  }
  assert.match(await gateway.ask(get), /circuit_open/);
  await gateway.close();
  await origin.close();
});

test("Retry-After of a failure says how long it is open, where the rule accepts it", async () => {
  const clock = manualClock();
  const backend = switched();
  backend.isGood = false;
  const origin = await startOrigin(backend.handler);
  const gateway = await startTestWire({
    clock,
    cluster: clusterOf([origin], { breaker: breaker({ failures: 1, acceptsRetryAfter: true }) }),
  });
  await gateway.ask(get);
  assert.match(await gateway.ask(get), /Retry-After: 20\r\n[\s\S]*circuit_open/);
  await gateway.close();
  await origin.close();
});

test("a target that fails in a row is ejected, comes back after its time, and goes twice as long the next time", async () => {
  const clock = manualClock();
  const backend = switched();
  const bad = await startOrigin(backend.handler);
  const good = await startOrigin(answering(okReply()));
  const gateway = await startTestWire({ clock, cluster: clusterOf([bad, good], { outlier: outlier() }) });
  const asked = async (count: number): Promise<number> => {
    const before = bad.requestLines.length;
    for (let at = 0; at < count; at++) await gateway.ask(get);
    return bad.requestLines.length - before;
  };
  backend.isGood = false;
  assert.equal(await asked(10), 2);
  advance(clock, gateway, 9_000);
  assert.equal(await asked(4), 0);
  advance(clock, gateway, 1_100);
  assert.equal(await asked(10), 2);
  advance(clock, gateway, 10_100);
  assert.equal(await asked(4), 0);
  advance(clock, gateway, 10_000);
  backend.isGood = true;
  assert.equal(await asked(10), 5);
  assert.equal(gateway.facts(`:${bad.port}`).openings, 2);
  await gateway.close();
  await bad.close();
  await good.close();
});

test("no more targets are ejected than the share allows, and an only one never is", async () => {
  const dying: OriginHandler = ({ socket }) => socket.resetAndDestroy();
  const list = await Promise.all([0, 1, 2, 3].map(() => startOrigin(dying)));
  const gateway = await startTestWire({ cluster: clusterOf(list, { outlier: outlier({ consecutive: 1 }) }) });
  for (let at = 0; at < 12; at++) assert.match(await gateway.ask(get), /^HTTP\/1\.1 502 /);
  assert.equal(list.filter((origin) => gateway.facts(`:${origin.port}`).openings > 0).length, 2);
  await gateway.close();
  const alone = await startTestWire({ cluster: clusterOf(list.slice(0, 1), { outlier: outlier({ consecutive: 1 }) }) });
  for (let at = 0; at < 3; at++) assert.match(await alone.ask(get), /^HTTP\/1\.1 502 /);
  assert.equal(alone.facts("orders").openings, 0);
  await alone.close();
  for (const origin of list) await origin.close();
});

test("after an ejection a target begins with a small share", async () => {
  const clock = manualClock();
  const backend = switched();
  const bad = await startOrigin(backend.handler);
  const good = await startOrigin(answering(okReply()));
  const gateway = await startTestWire({
    clock,
    cluster: clusterOf([bad, good], { outlier: outlier({ consecutive: 1 }), slowStartMs: 20_000 }),
  });
  backend.isGood = false;
  for (let at = 0; at < 3; at++) await gateway.ask(get);
  backend.isGood = true;
  const before = bad.requestLines.length;
  advance(clock, gateway, 10_100);
  for (let at = 0; at < 22; at++) await gateway.ask(get);
  assert.ok([1, 2].includes(bad.requestLines.length - before), String(bad.requestLines.length - before));
  advance(clock, gateway, 20_000);
  for (let at = 0; at < 20; at++) await gateway.ask(get);
  assert.ok(bad.requestLines.length - before >= 11);
  await gateway.close();
  await bad.close();
  await good.close();
});

test("a backend that dies in the middle of bodies is ejected as well", async () => {
  const half = await startOrigin(({ socket }) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    setTimeout(() => socket.resetAndDestroy(), 5);
  });
  const good = await startOrigin(answering(okReply()));
  const gateway = await startTestWire({ cluster: clusterOf([half, good], { outlier: outlier() }) });
  for (let at = 0; at < 10; at++) await gateway.ask(get);
  assert.equal(half.requestLines.length, 2);
  await gateway.close();
  await half.close();
  await good.close();
});

test("a retry avoids the target that failed, and an open breaker is not retried", async () => {
  const bad = await startOrigin(({ socket }) => socket.resetAndDestroy());
  const good = await startOrigin(answering(okReply()));
  const gateway = await startTestWire({ cluster: clusterOf([bad, good], { retry: retryRule({ attempts: 1 }) }) });
  for (let at = 0; at < 6; at++) assert.match(await gateway.ask(get), /^HTTP\/1\.1 200 /);
  await gateway.close();
  const open = await startTestWire({
    cluster: clusterOf([bad], { retry: retryRule({ attempts: 5 }), breaker: breaker({ failures: 2 }) }),
  });
  const before = bad.requestLines.length;
  assert.match(await open.ask(get), /circuit_open/);
  assert.ok([1, 2].includes(bad.requestLines.length - before), String(bad.requestLines.length - before));
  await open.close();
  await bad.close();
  await good.close();
});
