import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, test } from "node:test";
import { startTestControl } from "../../src/gateway/process/testing-control.ts";
import { newHome, startTestGateway, until } from "../../src/gateway/process/testing-gateway.ts";
import { testOperation, testUnit } from "../../src/gateway/testing-unit.ts";
import type { ApiUnit } from "../../src/model/snapshot.ts";
import { type Load, type LoadOptions, startLoad, startStreamOrigin } from "./testing-streams.ts";

/** How long the load runs; `PORTICO_LOAD_SECONDS=60` for the long one. */
const seconds = Number(process.env.PORTICO_LOAD_SECONDS ?? 4);
const token = "test-token";
const cleanUps: (() => Promise<void>)[] = [];
after(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
});

const unitAt = (port: number, n: number, more: Partial<Omit<ApiUnit, "hash">> = {}): ApiUnit =>
  testUnit({
    api: "load",
    path: "/load",
    operations: ["/items", "/events", "/chat"].map((path) => testOperation("GET", path)),
    backends: { main: { kind: "http", url: `http://127.0.0.1:${port}` } },
    policies: {
      products: {},
      operations: {},
      api: { document: { inbound: [{ tag: `n${n}` }] }, file: "apis/load/policy.yaml" },
    },
    ...more,
  });

const start = async (more: Partial<Omit<ApiUnit, "hash">> = {}) => {
  const origin = await startStreamOrigin();
  cleanUps.push(() => origin.close());
  const control = await startTestControl(token);
  cleanUps.push(() => control.close());
  const { dataDir, tokenFile } = newHome(token);
  cleanUps.push(async () => rmSync(dataDir, { recursive: true, force: true }));
  const change = (n: number): number => control.change({ load: unitAt(origin.port, n, more) });
  change(0);
  const gateway = await startTestGateway({ dataDir, source: { control: { url: control.url, tokenFile } } });
  cleanUps.push(() => gateway.stop());
  await control.applied(1);
  return { origin, control, gateway, change };
};

const load = { path: "/load", keptClients: 3, freshClients: 2, webSockets: 6, eventStreams: 6 };

/** A load whose long connections are all open. */
const startLoaded = async (options: LoadOptions): Promise<Load> => {
  const running = startLoad(options);
  cleanUps.push(() => running.stop());
  await until(
    () => running.figures.opened,
    (count) => count >= options.webSockets + options.eventStreams,
  );
  return running;
};

test("100 changes a second under calls, WebSockets and events: nothing fails, long connections live on", {
  timeout: (seconds + 60) * 1_000,
}, async () => {
  const { control, gateway, change } = await start();
  const running = await startLoaded({ ...load, port: gateway.port });
  const startedAt = performance.now();
  let changes = 0;
  while (changes < seconds * 100) {
    // A machine that is late makes up for it: it is always 100 in a second.
    while (changes < (performance.now() - startedAt) / 10) change(++changes);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await control.applied(control.revision);
  await running.stop();
  const { failures, ...counts } = running.figures;
  if (process.env.PORTICO_LOAD_SECONDS) console.log(JSON.stringify({ seconds, changes, ...counts }));
  assert.deepEqual(failures, []);
  assert.equal(counts.reopened, 0);
  assert.ok(counts.calls > 0 && counts.messages > 0 && counts.events > 0);
});

test("with `drain` a change moves long connections to the new table: each is closed properly and opened again", async () => {
  const { control, gateway, change } = await start({ streams: { drain: "100ms" } });
  const running = await startLoaded({ ...load, port: gateway.port });
  await control.applied(change(1));
  await until(
    () => running.figures.reopened,
    (count) => count >= load.webSockets + load.eventStreams,
  );
  await running.stop();
  assert.deepEqual(running.figures.failures, []);
});

test("an API that is removed closes its long connections properly", async () => {
  const { control, gateway } = await start();
  const running = await startLoaded({
    ...load,
    keptClients: 0,
    freshClients: 0,
    webSockets: 3,
    eventStreams: 0,
    port: gateway.port,
  });
  const seen = running.figures.messages;
  await control.applied(control.change({ load: null }));
  // Closed with 1001; opened again it finds no route.
  await until(
    () => running.figures.failures.length,
    (count) => count >= 3,
  );
  assert.ok(running.figures.failures.every((failure) => /404/.test(failure) || /1006/.test(failure)));
  assert.ok(running.figures.reopened >= 3 && seen > 0);
  control.change({ load: null });
  await running.stop();
});

// Who connects in the very moment in which a listener closes is reset by the kernel unless `net.ipv4.tcp_migrate_req` is 1: by hand.
const freshDuringRestart = Number(process.env.PORTICO_RESTART_FRESH ?? 0);

test("all threads are replaced one after the other under load: nothing fails", { timeout: 90_000 }, async () => {
  const { gateway } = await start();
  const running = await startLoaded({ ...load, freshClients: freshDuringRestart, port: gateway.port });
  const before = JSON.parse(await (await fetch(`http://127.0.0.1:${gateway.opsPort}/revision`)).text());
  await gateway.restartThreads();
  const { calls } = running.figures;
  await until(
    () => running.figures.calls,
    (count) => count > calls + 20,
  );
  await running.stop();
  const then = JSON.parse(await (await fetch(`http://127.0.0.1:${gateway.opsPort}/revision`)).text());
  assert.deepEqual(running.figures.failures, []);
  assert.ok(running.figures.reopened >= load.webSockets);
  assert.equal(then.threads.length, 2);
  assert.notDeepEqual(
    then.threads.map((one: { thread: number }) => one.thread),
    before.threads.map((one: { thread: number }) => one.thread),
  );
  const metrics = await (await fetch(`http://127.0.0.1:${gateway.opsPort}/metrics`)).text();
  assert.match(metrics, /portico_thread_restarts_total 0\n/);
});

test("the gateway ends under load: every call that was taken is answered, long connections end properly", {
  timeout: 60_000,
}, async () => {
  for (let round = 0; round < 3; round++) {
    const { gateway } = await start();
    const running = await startLoaded({ ...load, freshClients: 6, port: gateway.port, mayRefuse: true });
    await gateway.stop();
    await running.stop();
    assert.deepEqual(running.figures.failures, []);
    // The moment between the last look at the queue and the end of the listener: one for each thread at the most, as a rule none.
    assert.ok(running.figures.unaccepted <= 2, `${running.figures.unaccepted} connections were reset`);
    assert.ok(running.figures.calls > 0);
  }
});
