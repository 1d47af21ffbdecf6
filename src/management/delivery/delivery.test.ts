import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import type { DeliveryMessage } from "../../model/snapshot.ts";
import { currentRevision } from "../../store/repositories/revisions.ts";
import type { Management } from "../management.ts";
import { importBody, openTestPlatform, type TestPlatform } from "../testing-platform.ts";

interface Hello {
  readonly instance: string;
  readonly labels?: readonly string[];
  readonly held?: Readonly<Record<string, string>>;
  readonly revision?: number;
}

/** A gateway's stream as a test reads it: messages up to a commit. */
interface TestStream {
  untilCommit(atLeast?: number): Promise<DeliveryMessage[]>;
  close(): Promise<void>;
}

const open: TestStream[] = [];

const connect = async (platform: TestPlatform, hello: Hello, management?: Management): Promise<TestStream> => {
  const over = new AbortController();
  const body = { version: "test", labels: [], held: {}, revision: 0, ...hello };
  const request = new Request("http://control.test/gateway/v1/stream", {
    method: "POST",
    headers: { authorization: `Bearer ${platform.gatewayToken}` },
    body: JSON.stringify(body),
    signal: over.signal,
  });
  const response = await (management ?? platform.management).fetch(request);
  assert.equal(response.status, 200);
  const reader = response.body?.getReader();
  assert.ok(reader);
  let rest = "";
  const next = async (): Promise<DeliveryMessage> => {
    for (;;) {
      const end = rest.indexOf("\n");
      if (end >= 0) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 1);
        return JSON.parse(line) as DeliveryMessage;
      }
      const { value, done } = await reader.read();
      assert.ok(!done, "the stream ended");
      rest += new TextDecoder().decode(value);
    }
  };
  const stream: TestStream = {
    untilCommit: async (atLeast = 0) => {
      const messages: DeliveryMessage[] = [];
      for (;;) {
        const message = await next();
        if (message.type === "beat") continue;
        messages.push(message);
        if (message.type === "commit" && message.revision >= atLeast) return messages;
      }
    },
    close: async () => {
      over.abort();
      await reader.cancel();
    },
  };
  open.push(stream);
  return stream;
};

/** What a gateway that connects now gets first: everything, as of the newest revision. */
const begin = async (platform: TestPlatform, hello: Hello, management = platform.management) => {
  const revision = await currentRevision(platform.database.db);
  // A state that was made a moment ago may come first; then the gateway begins with that one.
  await management.whenDelivered(revision);
  const stream = await connect(platform, hello, management);
  return { stream, messages: await stream.untilCommit(revision) };
};

const unitsOf = (messages: readonly DeliveryMessage[]) =>
  messages.flatMap((message) => (message.type === "unit" ? [message.unit] : []));
const commitOf = (messages: readonly DeliveryMessage[]) => {
  const last = messages.at(-1);
  assert.ok(last?.type === "commit");
  return last;
};
const accessOf = (messages: readonly DeliveryMessage[]) =>
  messages.flatMap((message) => (message.type === "access" ? [message] : []));

describe("the stream to a gateway", () => {
  let platform: TestPlatform;
  before(async () => {
    platform = await openTestPlatform();
    await platform.call("POST", "/apis:import", importBody("orders"));
    await platform.call("POST", "/apis:import", importBody("stock"));
  });
  afterEach(async () => {
    for (const stream of open.splice(0)) await stream.close();
  });
  after(() => platform.close());

  test("401 with a wrong token, 404 and 405 for anything else, 422 for a body that is none", async () => {
    const send = (path: string, init: RequestInit) =>
      platform.management.fetch(new Request(`http://control.test/gateway/v1${path}`, init));
    assert.equal((await send("/stream", { method: "POST", body: "{}" })).status, 401);
    const owner = { authorization: `Bearer ${platform.ownerToken}` };
    assert.equal((await send("/stream", { method: "POST", body: "{}", headers: owner })).status, 401);
    assert.equal((await send("/nothing", { method: "POST" })).status, 404);
    assert.equal((await send("/stream", {})).status, 405);
    assert.equal((await platform.gateway("/stream", { instance: "g" })).status, 422);
  });

  test("begins with what the gateway lacks, a manifest of everything, access, and a commit", async () => {
    const { messages: first } = await begin(platform, { instance: "fresh" });
    assert.deepEqual(
      unitsOf(first).map((unit) => unit.api),
      ["orders", "stock"],
    );
    const manifest = first.find((message) => message.type === "manifest");
    assert.deepEqual(manifest?.units, Object.fromEntries(unitsOf(first).map(({ api, hash }) => [api, hash])));
    assert.equal(accessOf(first)[0]?.reset, true);
    assert.ok(
      accessOf(first)
        .slice(1)
        .every((message) => !message.reset),
    );

    const held = { orders: unitsOf(first)[0]?.hash ?? "", stock: "old", gone: "x" };
    const { messages: second } = await begin(platform, { instance: "partly", held });
    assert.deepEqual(
      unitsOf(second).map((unit) => unit.api),
      ["stock"],
    );
    assert.equal(commitOf(second).hash, commitOf(first).hash);
  });

  test("brings each change as a delta with its own commit, and a removal by name", async () => {
    const stream = await connect(platform, { instance: "deltas" });
    await stream.untilCommit();
    const changed = await platform.call("PATCH", "/apis/stock", { title: "Stock, changed" });
    const delta = await stream.untilCommit(Number(changed.headers.get("portico-revision")));
    assert.deepEqual(
      unitsOf(delta).map((unit) => [unit.api, unit.title]),
      [["stock", "Stock, changed"]],
    );
    await platform.call("POST", "/apis:import", importBody("short-lived"));
    const removed = await platform.call("DELETE", "/apis/short-lived");
    const last = await stream.untilCommit(Number(removed.headers.get("portico-revision")));
    const isRemoved = last.some((message) => message.type === "remove-unit" && message.api === "short-lived");
    // Where both changes came as one, the API was never sent.
    assert.ok(isRemoved || !unitsOf(last).some((unit) => unit.api === "short-lived"));
    assert.ok(!last.some((message) => message.type === "manifest"));
  });

  test("holds only what the gateway's labels ask for, and follows when labels of an API change", async () => {
    await platform.call("PATCH", "/apis/stock", { gateways: ["internal"] });
    const { stream: outside, messages: shown } = await begin(platform, { instance: "outside", labels: ["external"] });
    const { stream: inside, messages: all } = await begin(platform, { instance: "inside", labels: ["eu", "internal"] });
    assert.deepEqual(
      unitsOf(shown).map((unit) => unit.api),
      ["orders"],
    );
    assert.deepEqual(
      unitsOf(all).map((unit) => unit.api),
      ["orders", "stock"],
    );
    const moved = await platform.call("PATCH", "/apis/stock", { gateways: ["external"] });
    const revision = Number(moved.headers.get("portico-revision"));
    assert.deepEqual(
      unitsOf(await outside.untilCommit(revision)).map((unit) => unit.api),
      ["stock"],
    );
    const gone = await inside.untilCommit(revision);
    assert.ok(gone.some((message) => message.type === "remove-unit" && message.api === "stock"));
    await platform.call("PATCH", "/apis/stock", { gateways: null });
  });

  test("a gateway that does not read meanwhile gets the newest state once, not every state", async () => {
    const stream = await connect(platform, { instance: "slow" });
    await stream.untilCommit();
    let revision = 0;
    for (let i = 0; i < 50; i += 1) {
      const answer = await platform.call("PATCH", "/apis/orders", { title: `Title ${i}` });
      revision = Number(answer.headers.get("portico-revision"));
    }
    const messages = await stream.untilCommit(revision);
    assert.equal(unitsOf(messages).at(-1)?.title, "Title 49");
    assert.ok(unitsOf(messages).length < 10, `${unitsOf(messages).length} units for 50 changes`);
  });

  test("keys and subscriptions travel as deltas, with digests only; a revoked key by its digest", async () => {
    await platform.call("PUT", "/products/gold", { apis: ["orders"], plans: { free: {} } });
    const organization = await platform.call("POST", "/organizations", { name: "acme" });
    const application = await platform.call("POST", "/applications", {
      name: "robot",
      organizationId: organization.at("id"),
    });
    const stream = await connect(platform, { instance: "keys" });
    await stream.untilCommit();
    const subscription = await platform.call("POST", "/subscriptions", {
      applicationId: application.at("id"),
      product: "gold",
      plan: "free",
    });
    const key = await platform.call("POST", `/subscriptions/${subscription.at("id")}/keys`, {});
    const issued = await stream.untilCommit(Number(key.headers.get("portico-revision")));
    const entries = accessOf(issued);
    assert.equal(
      entries.some((entry) => entry.reset),
      false,
    );
    const subscriptions = entries.flatMap((entry) => entry.subscriptions);
    assert.equal(subscriptions.at(-1)?.organization, "acme");
    assert.equal(subscriptions.at(-1)?.state, "active");
    const keys = entries.flatMap((entry) => entry.keys);
    assert.match(keys.at(-1)?.digest ?? "", /^[0-9a-f]{32}$/);
    assert.ok(!JSON.stringify(issued).includes(String(key.at("key"))));
    assert.equal(unitsOf(issued).length, 0, "no unit changed");
    const revoked = await platform.call("DELETE", `/keys/${key.at("id")}`);
    const gone = accessOf(await stream.untilCommit(Number(revoked.headers.get("portico-revision"))));
    assert.deepEqual(
      gone.flatMap((entry) => entry.revoked),
      [keys.at(-1)?.digest],
    );
    const suspended = await platform.call("PATCH", `/subscriptions/${subscription.at("id")}`, { state: "suspended" });
    const paused = accessOf(await stream.untilCommit(Number(suspended.headers.get("portico-revision"))));
    assert.equal(paused.flatMap((entry) => entry.subscriptions).at(-1)?.state, "suspended");
  });

  test("what another control process writes arrives too, and after a restart the same units have the same hashes", async () => {
    const other = await platform.another();
    const stream = await connect(platform, { instance: "of-the-other" }, other);
    const before = await stream.untilCommit();
    const changed = await platform.call("PATCH", "/apis/orders", { title: "Written elsewhere" });
    const messages = await stream.untilCommit(Number(changed.headers.get("portico-revision")));
    assert.equal(unitsOf(messages)[0]?.title, "Written elsewhere");
    assert.notEqual(commitOf(messages).hash, commitOf(before).hash);
    const third = await platform.another();
    const { messages: again } = await begin(platform, { instance: "restarted" }, third);
    assert.equal(commitOf(again).hash, commitOf(messages).hash);
  });

  test("an API whose secret is not set yet is told as undeliverable, and the others go on", async () => {
    await platform.call("PUT", "/named-values/partner-token", { secret: true });
    const backend = {
      kind: "http",
      url: "http://127.0.0.1:1",
      credentials: { headers: { authorization: "{{partner-token}}" } },
    };
    assert.equal((await platform.call("PUT", "/backends/partner", backend)).status, 201);
    const { stream, messages: before } = await begin(platform, { instance: "secret" });
    const held = unitsOf(before).find((unit) => unit.api === "stock");
    const changed = await platform.call("PATCH", "/apis/stock", { backend: "partner" });
    assert.equal(changed.status, 200, changed.text);
    const messages = await stream.untilCommit(Number(changed.headers.get("portico-revision")));
    assert.deepEqual(
      messages.filter((message) => message.type === "remove-unit" || message.type === "unit"),
      [],
    );
    const gateways = await platform.call("GET", "/gateways");
    assert.equal(gateways.at("undeliverable", 0, "api"), "stock");
    const waited = await platform.call("PUT", "/named-values/other?wait=applied&timeout=1ms", { value: "1" });
    assert.equal(waited.headers.get("portico-undelivered"), "stock");
    // A control process that starts now does not take the last good version away either.
    const fresh = await platform.another();
    const hello = { instance: "secret-2", held: { stock: held?.hash ?? "" } };
    const { messages: rejoined } = await begin(platform, hello, fresh);
    const manifest = rejoined.find((message) => message.type === "manifest");
    assert.ok(held);
    assert.equal(manifest?.units.stock, held?.hash);
    const set = await platform.call("PUT", "/named-values/partner-token", { secret: true, value: "s3cret" });
    const live = await stream.untilCommit(Number(set.headers.get("portico-revision")));
    assert.deepEqual(unitsOf(live)[0]?.namedValues, { "partner-token": { value: "s3cret", secret: true } });
  });
});

describe("?wait=applied", () => {
  let platform: TestPlatform;
  before(async () => {
    platform = await openTestPlatform();
    await platform.call("POST", "/apis:import", importBody("orders"));
  });
  afterEach(async () => {
    for (const stream of open.splice(0)) await stream.close();
  });
  after(() => platform.close());

  const report = (revision: number, instance = "waited") =>
    platform.gateway("/report", {
      instance,
      version: "test",
      labels: [],
      revision,
      hash: "h",
      threads: 1,
      startedAtMs: 0,
      unitErrors: [],
    });

  test("answers at once where no gateway is connected", async () => {
    const answer = await platform.call("PATCH", "/apis/orders?wait=applied", { title: "Alone" });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("portico-applied"), "true");
  });

  test("answers when every connected gateway reports the revision, not before", async () => {
    const streams = [
      await connect(platform, { instance: "waited" }),
      await connect(platform, { instance: "waited-2" }),
    ];
    for (const stream of streams) await stream.untilCommit();
    let isAnswered = false;
    const write = platform
      .call("PATCH", "/apis/orders?wait=applied&timeout=20s", { title: "Waited" })
      .then((answer) => {
        isAnswered = true;
        return answer;
      });
    const revision = Math.max(
      ...(await Promise.all(streams.map(async (stream) => commitOf(await stream.untilCommit()).revision))),
    );
    await report(revision);
    await report(revision - 1, "waited-2");
    const state = await platform.call("GET", "/gateways");
    assert.equal(state.at("items", 0, "isApplied"), true);
    assert.equal(state.at("items", 1, "isApplied"), false);
    assert.equal(isAnswered, false);
    await report(revision, "waited-2");
    const answer = await write;
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("portico-applied"), "true");
    assert.equal(answer.headers.get("portico-revision"), String(revision));
  });

  test("202 with Portico-Applied: false when the time is over; the write stands", async () => {
    await (await connect(platform, { instance: "silent" })).untilCommit();
    const answer = await platform.call("PATCH", "/apis/orders?wait=applied&timeout=300ms", { title: "Late" });
    assert.equal(answer.status, 202);
    assert.equal(answer.headers.get("portico-applied"), "false");
    assert.equal(answer.at("title"), "Late");
    assert.equal((await platform.call("GET", "/apis/orders")).at("title"), "Late");
  });

  test("a gateway that left is not waited for", async () => {
    const stream = await connect(platform, { instance: "leaving" });
    await stream.untilCommit();
    const write = platform.call("PATCH", "/apis/orders?wait=applied&timeout=20s", { title: "Left" });
    await stream.untilCommit();
    await stream.close();
    assert.equal((await write).headers.get("portico-applied"), "true");
  });
});

describe("what gateways tell", () => {
  let platform: TestPlatform;
  before(async () => {
    platform = await openTestPlatform();
  });
  after(() => platform.close());

  const minuteMs = Math.floor(Date.now() / 60_000) * 60_000;
  const row = {
    minuteMs,
    api: "orders",
    operation: "listThings",
    subscription: "",
    status: 200,
    calls: 3,
    requestBytes: 10,
    responseBytes: 20,
    durationMsSum: 12.4,
    durationMsMax: 8.2,
  };

  test("a batch of usage that is sent again counts once; rows of one minute add up", async () => {
    const batch = { id: "b1", instance: "g", rows: [row, row, { ...row, status: 429 }] };
    for (let i = 0; i < 3; i += 1) assert.equal((await platform.gateway("/usage", batch)).status, 204);
    await platform.gateway("/usage", { id: "b2", instance: "g", rows: [row] });
    const byStatus = await platform.call("GET", "/usage?by=api,status");
    const items = byStatus.at("items") as { status: number; calls: number }[];
    assert.deepEqual(
      items.map(({ status, calls }) => [status, calls]),
      [
        [200, 9],
        [429, 3],
      ],
    );
    const byTime = await platform.call("GET", "/usage?by=time&bucket=1m&status=200");
    assert.deepEqual(byTime.at("items", 0, "time"), new Date(minuteMs).toISOString());
    assert.equal(byTime.at("items", 0, "calls"), 9);
    assert.equal((await platform.call("GET", "/usage?by=nonsense")).status, 400);
    assert.equal((await platform.call("GET", "/usage?from=2020-01-01T00:00:00Z&to=2019-01-01T00:00:00Z")).status, 400);
    assert.deepEqual((await platform.call("GET", "/usage?api=other")).at("items"), []);
  });

  test("recent calls are kept and can be followed as events", async () => {
    const records = [
      { api: "orders", status: 200, path: "/orders/1" },
      { api: "orders", status: 404, path: "/orders/2" },
    ];
    assert.equal((await platform.gateway("/requests", { instance: "g", records })).status, 204);
    const all = await platform.call("GET", "/requests");
    assert.deepEqual(
      (all.at("items") as { path: string }[]).map(({ path }) => path),
      ["/orders/2", "/orders/1"],
    );
    const missing = await platform.call("GET", "/requests?status=4xx");
    assert.equal((missing.at("items") as unknown[]).length, 1);
    const over = new AbortController();
    const response = await platform.management.fetch(
      new Request("http://control.test/api/v1/requests?follow=true", {
        headers: { authorization: `Bearer ${platform.ownerToken}` },
        signal: over.signal,
      }),
    );
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    const reader = response.body?.getReader();
    assert.ok(reader);
    await reader.read();
    await platform.gateway("/requests", { instance: "g", records: [{ api: "stock", status: 200 }] });
    const { value } = await reader.read();
    const event = new TextDecoder().decode(value);
    assert.deepEqual(JSON.parse(event.replace(/^data: /, "")), { api: "stock", status: 200, gateway: "g" });
    over.abort();
    await reader.cancel();
  });
});
