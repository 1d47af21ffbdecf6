import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { after, before, describe, test } from "node:test";
import { eventually, type Platform, startPlatform } from "./testing-platform.ts";

const document = (title: string): string =>
  JSON.stringify({
    openapi: "3.1.0",
    info: { title, version: "1" },
    paths: {
      "/thing": {
        get: {
          operationId: "getThing",
          responses: { 200: { description: "A thing.", content: { "application/json": { example: { title } } } } },
        },
      },
    },
  });

const importApi = async (platform: Platform, name: string): Promise<Response> =>
  platform.manage("POST", "/apis:import?wait=applied", {
    name,
    path: `/${name}`,
    protect: "none",
    backend: "mock",
    document: { fileName: "openapi.json", contentBase64: Buffer.from(document(name)).toString("base64") },
  });

describe("changes while calls are running", () => {
  let platform: Platform;
  before(async () => {
    platform = await startPlatform({ args: ["--empty"] });
  });
  after(async () => {
    await platform.stop();
  });

  test("200 configuration changes during load fail no request", async () => {
    const imported = await importApi(platform, "steady");
    assert.ok(imported.ok, await imported.text());
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    let isOver = false;
    let calls = 0;
    const failures: string[] = [];
    const once = (): Promise<void> =>
      new Promise((resolve) => {
        request(`${platform.gateway}/steady/thing`, { agent }, (response) => {
          calls += 1;
          if (response.statusCode !== 200) failures.push(String(response.statusCode));
          response.resume().once("close", resolve);
        })
          .once("error", (error) => {
            failures.push(error.message);
            resolve();
          })
          .end();
      });
    const load = Array.from({ length: 8 }, async () => {
      while (!isOver && failures.length < 100) await once();
    });
    try {
      for (let i = 0; i < 200; i += 1) {
        const changed = await platform.manage("PUT", "/policies/apis/steady", {
          outbound: ["base", { "set-header": { name: "x-change", value: String(i) } }],
        });
        assert.ok(changed.ok, await changed.text());
      }
      await eventually(
        async () => (await fetch(`${platform.gateway}/steady/thing`)).headers.get("x-change") === "199",
        5000,
        "the last change is live",
      );
    } finally {
      isOver = true;
      await Promise.all(load);
      agent.destroy();
    }
    assert.deepEqual(failures, []);
    assert.ok(calls > 200, `${calls} calls were made meanwhile`);
  });

  test("`wait=applied` answers when the gateway runs the change", async () => {
    for (let i = 0; i < 10; i += 1) {
      const changed = await platform.manage("PUT", "/policies/apis/steady?wait=applied", {
        outbound: ["base", { "set-header": { name: "x-change", value: `applied-${i}` } }],
      });
      assert.ok(changed.ok);
      const reply = await fetch(`${platform.gateway}/steady/thing`);
      assert.equal(reply.headers.get("x-change"), `applied-${i}`);
    }
  });

  test("a policy that does not compile is refused with its path, and the last good version serves", async () => {
    const refused = await platform.manage("PUT", "/policies/apis/steady", {
      inbound: [{ "rate-limit": { calls: 0, window: "60s" } }],
    });
    assert.equal(refused.status, 422);
    assert.match(await refused.text(), /rate-limit/);
    assert.equal((await fetch(`${platform.gateway}/steady/thing`)).status, 200);
  });

  test("a revoked key is refused at once", async () => {
    const post = async (path: string, body: unknown): Promise<Record<string, unknown>> => {
      const response = await platform.manage("POST", path, body);
      assert.ok(response.ok, `${path}: ${response.status}`);
      return (await response.json()) as Record<string, unknown>;
    };
    await importApi(platform, "guarded");
    assert.ok(
      (
        await platform.manage(
          "PATCH",
          "/apis/guarded",
          { protect: "key" },
          { "content-type": "application/merge-patch+json" },
        )
      ).ok,
    );
    assert.ok((await platform.manage("PUT", "/products/guarded", { apis: ["guarded"], plans: { free: {} } })).ok);
    const organization = await post("/organizations", { name: "acme" });
    const application = await post("/applications", { name: "robot", organizationId: organization.id });
    const subscription = await post("/subscriptions", {
      applicationId: application.id,
      product: "guarded",
      plan: "free",
    });
    const key = await post(`/subscriptions/${subscription.id}/keys?wait=applied`, { slot: "primary" });
    const call = (): Promise<Response> =>
      fetch(`${platform.gateway}/guarded/thing`, { headers: { "x-api-key": String(key.key) } });
    assert.equal((await call()).status, 200);
    assert.ok((await platform.manage("DELETE", `/keys/${key.id}?wait=applied`)).ok);
    assert.equal((await call()).status, 401);
  });
});
