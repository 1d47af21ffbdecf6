import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { rmSync, statSync } from "node:fs";
import { Agent, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { PolicyStep } from "../../model/policy-document.ts";
import type { ApiUnit, SubscriptionEntry } from "../../model/snapshot.ts";
import { testOperation, testUnit } from "../testing-unit.ts";
import type { GatewayProcess } from "./gateway-process.ts";
import { startTestControl, type TestControl } from "./testing-control.ts";
import { call, newHome, startTestGateway, until } from "./testing-gateway.ts";

const token = "test-token";
const digest = (key: string): string => createHash("sha256").update(key).digest("hex").slice(0, 32);

const unitAt = (api: string, inbound: readonly PolicyStep[] = [], more: Partial<Omit<ApiUnit, "hash">> = {}): ApiUnit =>
  testUnit({
    api,
    path: `/${api}`,
    policies: {
      products: {},
      operations: {},
      api: { document: { inbound: [...inbound] }, file: `apis/${api}/policy.yaml` },
    },
    ...more,
  });

interface Scene {
  readonly control: TestControl;
  readonly gateway: GatewayProcess;
  readonly dataDir: string;
  readonly tokenFile: string;
}

const cleanUps: (() => Promise<void>)[] = [];
after(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
});

const scene = async (more: Partial<Parameters<typeof startTestGateway>[0]> = {}): Promise<Scene> => {
  const control = await startTestControl(token);
  cleanUps.push(() => control.close());
  const { dataDir, tokenFile } = newHome(token);
  cleanUps.push(async () => rmSync(dataDir, { recursive: true, force: true }));
  control.change({ a: unitAt("a", [{ "tell-thread": {} }, { "die-when-asked": {} }, { "pause-when-asked": {} }]) });
  const gateway = await startTestGateway({ dataDir, source: { control: { url: control.url, tokenFile } }, ...more });
  cleanUps.push(() => gateway.stop());
  return { control, gateway, dataDir, tokenFile };
};

describe("delivery", () => {
  test("what control sends is served by every thread, and reported with its revision", async () => {
    const { control, gateway } = await scene();
    const report = await control.applied(1);
    assert.deepEqual([report.threads, report.labels, report.unitErrors], [2, ["eu"], []]);
    assert.equal((await call(gateway.port, "/a/items")).status, 200);
    const revision = control.change({ b: unitAt("b", [{ tag: "new" }]), a: null });
    await control.applied(revision);
    for (let i = 0; i < 20; i++) {
      assert.equal((await call(gateway.port, "/b/items")).headers["x-tag"], `new ${revision}`);
      assert.equal((await call(gateway.port, "/a/items")).status, 404);
    }
  });

  test("a unit that does not compile keeps its last good version and is reported; the others go live", async () => {
    const { control, gateway, dataDir, tokenFile } = await scene();
    await control.applied(control.change({ b: unitAt("b", [{ tag: "good" }]) }));
    const revision = control.change({ b: unitAt("b", [{ tga: "bad" }]), c: unitAt("c") });
    const report = await control.applied(revision);
    assert.deepEqual(
      report.unitErrors.map((error) => error.findings.map((one) => one.message)),
      [['unknown policy "tga"; did you mean "tag"?']],
    );
    assert.match(String((await call(gateway.port, "/b/items")).headers["x-tag"]), /^good/);
    assert.equal((await call(gateway.port, "/c/items")).status, 200);
    // The same over a restart without control.
    await gateway.stop();
    const again = await startTestGateway({ dataDir, source: { control: { url: "http://127.0.0.1:9", tokenFile } } });
    assert.match(String((await call(again.port, "/b/items")).headers["x-tag"]), /^good/);
    const state = JSON.parse((await call(again.opsPort, "/revision")).body);
    assert.deepEqual([state.revision, state.unitErrors.length, state.isConnected], [revision, 1, false]);
    await again.stop();
  });

  test("two APIs that ask for one place: the second is refused and named, and takes the place when it is free", async () => {
    const { control, gateway } = await scene();
    const report = await control.applied(control.change({ z: unitAt("z", [{ tag: "z" }], { path: "/a" }) }));
    assert.match(report.unitErrors[0]?.message ?? "", /API z asks for any host, path \/a, which API a serves/);
    const later = await control.applied(control.change({ a: null }));
    assert.deepEqual(later.unitErrors, []);
    assert.match(String((await call(gateway.port, "/a/items")).headers["x-tag"]), /^z/);
  });

  test("keys take effect and are revoked without a swap, also after the table has moved", async () => {
    const { control, gateway } = await scene();
    const subscription: SubscriptionEntry = {
      id: "s1",
      state: "active",
      product: "gold",
      plan: "big",
      application: "app",
      organization: "org",
    };
    const open = unitAt("k", [], {
      operations: [testOperation("GET", "/items", { protect: ["key"] })],
      products: { gold: { big: {} } },
    });
    const keys = [{ digest: digest("key-1"), subscription: "s1", expiresAtMs: 0 }];
    await control.applied(control.change({ k: open }, { subscriptions: [subscription], keys }));
    const answer = async (): Promise<number> => (await call(gateway.port, "/k/items", { "x-api-key": "key-1" })).status;
    assert.equal(await answer(), 200);
    assert.equal((await call(gateway.port, "/k/items", { "x-api-key": "key-2" })).status, 401);
    await control.applied(control.change({}, { subscriptions: [{ ...subscription, state: "suspended" }] }));
    assert.equal(await answer(), 403);
    const many = Array.from({ length: 3000 }, (_, i) => ({
      digest: digest(`m${i}`),
      subscription: "s1",
      expiresAtMs: 0,
    }));
    await control.applied(control.change({}, { subscriptions: [subscription], keys: many }));
    for (let i = 0; i < 10; i++) assert.equal(await answer(), 200);
    await control.applied(control.change({}, { revoked: [digest("key-1")] }));
    for (let i = 0; i < 10; i++) assert.equal(await answer(), 401);
  });

  test("without control and without a snapshot calls get 503 and the gateway is not ready; it becomes so when control comes", async () => {
    const { dataDir, tokenFile } = newHome(token);
    const probe = await startTestControl(token);
    const port = Number(new URL(probe.url).port);
    await probe.close();
    const gateway = await startTestGateway({
      dataDir,
      source: { control: { url: `http://127.0.0.1:${port}`, tokenFile } },
    });
    assert.equal((await call(gateway.opsPort, "/readyz")).status, 503);
    assert.equal((await call(gateway.opsPort, "/healthz")).status, 200);
    const refused = await call(gateway.port, "/a/items");
    assert.deepEqual([refused.status, JSON.parse(refused.body).code], [503, "gateway.not_ready"]);
    const control = await startTestControl(token, port);
    control.change({ a: unitAt("a") });
    await until(
      () => call(gateway.opsPort, "/readyz"),
      (answer) => answer.status === 200,
      10_000,
    );
    assert.equal((await call(gateway.port, "/a/items")).status, 200);
    await gateway.stop();
    await control.close();
    rmSync(dataDir, { recursive: true });
  });

  test("under overload calls are refused by priority and counted; health checks are not refused", async () => {
    const { dataDir, tokenFile } = newHome(token);
    const control = await startTestControl(token);
    const gateway = await startTestGateway({
      dataDir,
      source: { control: { url: control.url, tokenFile } },
      // One call is more than nine tenths of one.
      overload: { inFlightMax: 1 },
    });
    await control.applied(control.change({ a: unitAt("a"), b: unitAt("b", [], { priority: "high" }) }));
    const refused = await call(gateway.port, "/a/items");
    assert.deepEqual([refused.status, JSON.parse(refused.body).code], [503, "gateway.overloaded"]);
    assert.equal(refused.headers["retry-after"], "1");
    assert.equal((await call(gateway.port, "/b/items")).status, 200);
    assert.equal((await call(gateway.opsPort, "/healthz")).status, 200);
    const metrics = await until(
      () => call(gateway.opsPort, "/metrics"),
      ({ body }) => body.includes("gateway.overloaded"),
    );
    assert.match(metrics.body, /^portico_refusals_total\{code="gateway.overloaded"\} 1$/m);
    await gateway.stop();
    await control.close();
    rmSync(dataDir, { recursive: true });
  });

  test("while control is away calls go on, and afterwards only what changed is sent", async () => {
    const { control, gateway } = await scene();
    await control.applied(1);
    const port = Number(new URL(control.url).port);
    await control.close();
    assert.equal((await call(gateway.port, "/a/items")).status, 200);
    const back = await startTestControl(token, port);
    back.change({ n: unitAt("n") });
    await back.applied(1);
    assert.deepEqual(Object.keys(back.hellos[0]?.held as object), ["a"]);
    assert.equal((await call(gateway.port, "/n/items")).status, 200);
    assert.equal((await call(gateway.port, "/a/items")).status, 404);
    await back.close();
  });

  test("200 changes under load: no call fails", { timeout: 60_000 }, async () => {
    const { control, gateway } = await scene();
    await control.applied(1);
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    let isOver = false;
    let calls = 0;
    const failures: string[] = [];
    const load = async (): Promise<void> => {
      while (!isOver) {
        try {
          const { status } = await call(gateway.port, "/a/items", {}, agent);
          if (status !== 200) failures.push(String(status));
        } catch (thrown) {
          failures.push(String(thrown));
        }
        calls += 1;
      }
    };
    const loads = Array.from({ length: 8 }, load);
    for (let i = 0; i < 200; i++) {
      control.change({
        a: unitAt("a", [{ tag: `t${i}` }]),
        [`extra${i % 10}`]: i % 3 === 0 ? null : unitAt(`extra${i % 10}`, [{ note: String(i) }]),
      });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await control.applied(control.revision);
    isOver = true;
    await Promise.all(loads);
    agent.destroy();
    assert.deepEqual(failures, []);
    assert.ok(calls > 200, `${calls} calls`);
    assert.equal((await call(gateway.port, "/a/items")).headers["x-tag"], `t199 ${control.revision}`);
  });
});

describe("threads", () => {
  for (const how of ["exit", "throw", "spin"]) {
    test(`a thread that ends by ${how} is replaced within a second or so, and the others serve meanwhile`, {
      timeout: 30_000,
    }, async () => {
      const { control, gateway } = await scene();
      await control.applied(1);
      const threadOf = async (): Promise<string> => String((await call(gateway.port, "/a/items")).headers["x-thread"]);
      await until(threadOf, (thread) => thread === "0");
      await until(threadOf, (thread) => thread === "1");
      const victim = call(gateway.port, "/a/items", { die: how }).catch(() => undefined);
      const from = performance.now();
      // Calls on new connections: those of the dead thread's share fail at most until it is gone, the others at no time.
      let served = 0;
      const state = await until(
        async () => {
          served += await Promise.race([
            call(gateway.port, "/a/items").then(
              (answer) => (answer.status === 200 ? 1 : 0),
              () => 0,
            ),
            new Promise<number>((resolve) => setTimeout(() => resolve(0), 50)),
          ]);
          return JSON.parse((await call(gateway.opsPort, "/revision")).body);
        },
        () => performance.now() - from > 100 && served > 0,
      );
      assert.ok(state);
      await until(
        async () => (await call(gateway.opsPort, "/metrics")).body,
        (text) => /portico_thread_restarts_total 1\n/.test(text),
      );
      await until(
        async () => JSON.parse((await call(gateway.opsPort, "/revision")).body).threads,
        (threads: readonly { readonly isListening: boolean; readonly revision: number }[]) =>
          threads.length === 2 && threads.every((one) => one.isListening && one.revision === 1),
      );
      const tookMs = performance.now() - from;
      console.log(`ended by ${how}: whole again after ${tookMs.toFixed(0)} ms`);
      await victim;
      for (let i = 0; i < 20; i++) assert.equal((await call(gateway.port, "/a/items")).status, 200);
    });
  }

  test("a port that another program has is refused by name", async () => {
    const { dataDir, tokenFile } = newHome(token);
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    const source = { control: { url: "http://127.0.0.1:9", tokenFile } };
    await assert.rejects(startTestGateway({ dataDir, source, port }), /Port \d+ is in use/);
    const { gateway } = await scene();
    await assert.rejects(startTestGateway({ dataDir, source, port: gateway.port }), /Port \d+ is in use/);
    other.close();
    rmSync(dataDir, { recursive: true });
  });

  test("draining lets a running call end, refuses new connections, and is not ready", async () => {
    const { control, gateway } = await scene();
    await control.applied(1);
    const slow = call(gateway.port, "/a/items", { "pause-ms": "500" });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const stopped = gateway.stop();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal((await call(gateway.opsPort, "/readyz")).status, 503);
    await assert.rejects(call(gateway.port, "/a/items"));
    assert.equal((await slow).status, 200);
    await stopped;
  });
});

describe("telemetry", () => {
  test("usage reaches control once a minute is over or the gateway stops, under the same id however often it is sent", async () => {
    const { control, gateway, dataDir, tokenFile } = await scene();
    await control.applied(1);
    for (let i = 0; i < 5; i++) await call(gateway.port, "/a/items");
    control.usageStatus = 503;
    await gateway.stop();
    assert.deepEqual(control.usage, []);
    control.usageStatus = 204;
    const again = await startTestGateway({ dataDir, source: { control: { url: control.url, tokenFile } } });
    const usage = await until(
      () => control.usage,
      (batches) => batches.length > 0,
      10_000,
    );
    const rows = usage.flatMap((batch) => batch.rows);
    assert.equal(
      rows.reduce((sum, row) => sum + Number(row.calls), 0),
      5,
    );
    assert.deepEqual([rows[0]?.api, rows[0]?.operation, rows[0]?.status], ["a", "get /items", 200]);
    await again.stop();
  });

  test("recent calls go to control for those who watch", async () => {
    const { control, gateway } = await scene();
    await control.applied(1);
    await call(gateway.port, "/a/items?secret=hunter2");
    const records = await until(
      () => control.requests,
      (list) => list.length > 0,
    );
    assert.deepEqual([records[0]?.api, records[0]?.query, records[0]?.status], ["a", ["secret"], 200]);
  });

  test("the metrics of all threads are one text, and the snapshot's files are for their owner only", async () => {
    const { control, gateway, dataDir } = await scene();
    await control.applied(1);
    for (let i = 0; i < 10; i++) await call(gateway.port, "/a/items");
    await call(gateway.port, "/nothing");
    await call(gateway.port, "/a/../b").catch(() => undefined);
    // The last call is counted after its last byte, which the client may have before.
    await until(
      async () => (await call(gateway.opsPort, "/metrics")).body,
      (text) =>
        /portico_requests_total\{api="a",method="GET",status="2xx"\} 10\n/.test(text) &&
        /portico_revision 1\n/.test(text) &&
        /portico_refusals_total\{code="route.not_found"\} 1\n/.test(text) &&
        /portico_refusals_total\{code="request.path_invalid"\} 1\n/.test(text),
    );
    const manifest = join(dataDir, "gateway", "snapshot", "manifest.json");
    await until(
      () => {
        try {
          return statSync(manifest).mode & 0o777;
        } catch {
          return 0;
        }
      },
      (mode) => mode === 0o600,
    );
    assert.equal(statSync(join(dataDir, "gateway")).mode & 0o077, 0);
  });
});
