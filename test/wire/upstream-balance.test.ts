import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { ClusterConfig } from "../../src/exchange/backend.ts";
import {
  answering,
  clusterOf,
  type Origin,
  okReply,
  startOrigin,
  startTestWire,
  type TestWire,
  targetOf,
} from "./testing-wire.ts";

const origins: Origin[] = [];
const named = async (count: number): Promise<readonly Origin[]> => {
  while (origins.length < count) origins.push(await startOrigin(answering(okReply(`target-${origins.length}`))));
  return origins.slice(0, count);
};
after(async () => {
  for (const origin of origins) await origin.close();
});

const get = (headers = "", path = "/a"): string =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${headers}\r\n`;
const targetIn = (text: string): string => /target-(\d)/.exec(text)?.[1] ?? "none";

const sequence = async (
  gateway: TestWire,
  count: number,
  request: (at: number) => string = () => get(),
): Promise<string> => {
  let text = "";
  for (let at = 0; at < count; at++) text += targetIn(await gateway.ask(request(at)));
  return text;
};

const withWeights = (list: readonly Origin[], weights: readonly number[]): ClusterConfig["targets"] =>
  list.map((origin, at) => ({ target: targetOf(origin), weight: weights[at] ?? 1, priority: 0, zone: "" }));

/** A generator with a fixed seed (mulberry32): the same draws in each run. */
const seeded = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

test("round robin gives each target its weight, smoothly", async () => {
  const list = await named(3);
  const gateway = await startTestWire({ cluster: clusterOf(list, { targets: withWeights(list, [5, 1, 1]) }) });
  assert.equal(await sequence(gateway, 14), "00102000010200");
  await gateway.close();
});

test("a target of weight 0 gets nothing", async () => {
  const list = await named(2);
  const gateway = await startTestWire({ cluster: clusterOf(list, { targets: withWeights(list, [0, 1]) }) });
  assert.equal(await sequence(gateway, 4), "1111");
  await gateway.close();
});

test("random follows the weights", async () => {
  const list = await named(2);
  const gateway = await startTestWire({
    cluster: clusterOf(list, { balance: { kind: "random" }, targets: withWeights(list, [3, 1]) }),
    upstreams: { random: seeded(7) },
  });
  const first = (await sequence(gateway, 200)).replaceAll("1", "").length;
  assert.ok(first > 130 && first < 170, String(first));
  await gateway.close();
});

test("least requests avoids the target whose calls hang", async () => {
  const [, fast] = await named(2);
  const slow = await startOrigin(() => {});
  assert.ok(fast);
  const gateway = await startTestWire({
    cluster: clusterOf([slow, fast], { balance: { kind: "least-requests" } }),
    upstreams: { random: seeded(1) },
  });
  const clients = [];
  for (let at = 0; at < 8; at++) {
    const client = await gateway.connect();
    client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    clients.push(client);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  // The first call to it hangs; with one running it loses every comparison.
  assert.ok(slow.requestLines.length <= 1, String(slow.requestLines.length));
  for (const client of clients) client.socket.destroy();
  await gateway.close();
  await slow.close();
});

test("a hashed header keeps its target; when that goes away only its own keys move", async () => {
  const list = await named(3);
  const config = (some: readonly Origin[]): ClusterConfig =>
    clusterOf(some, { balance: { kind: "hash", keyOf: (x) => x.request.headers.get("user"), loadFactor: 0 } });
  const users = Array.from({ length: 60 }, (_, at) => `User: user-${at}\r\n`);
  const map = async (some: readonly Origin[]): Promise<readonly string[]> => {
    const gateway = await startTestWire({ cluster: config(some) });
    const targets = [...(await sequence(gateway, users.length, (at) => get(users[at])))];
    const again = [...(await sequence(gateway, users.length, (at) => get(users[at])))];
    assert.deepEqual(again, targets);
    await gateway.close();
    return targets;
  };
  const three = await map(list);
  assert.deepEqual([...new Set(three)].sort(), ["0", "1", "2"]);
  const two = await map(list.slice(0, 2));
  for (const [at, target] of three.entries()) if (target !== "2") assert.equal(two[at], target);
});

test("with a bounded load a hot key spills over", async () => {
  const hanging = await Promise.all([0, 1].map(() => startOrigin(() => {})));
  const gateway = await startTestWire({
    cluster: clusterOf(hanging, { balance: { kind: "hash", keyOf: () => "hot", loadFactor: 1.25 } }),
  });
  const clients = [];
  for (let at = 0; at < 10; at++) {
    const client = await gateway.connect();
    client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    clients.push(client);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const counts = hanging.map((origin) => origin.requestLines.length).sort();
  assert.ok(Number(counts[0]) >= 3, counts.join());
  for (const client of clients) client.socket.destroy();
  await gateway.close();
  for (const origin of hanging) await origin.close();
});

test("lower priorities are used when none of the first can be", async () => {
  const list = await named(2);
  const dead = await startOrigin(() => {});
  await dead.close();
  const targets = [
    { target: targetOf(dead, { connectTimeoutMs: 500 }), weight: 1, priority: 0, zone: "" },
    ...withWeights(list.slice(1, 2), [1]).map((target) => ({ ...target, priority: 1 })),
  ];
  const gateway = await startTestWire({
    cluster: clusterOf([], {
      targets,
      outlier: {
        consecutive: 1,
        ratio: 0,
        callsMin: 1,
        intervalMs: 1_000,
        ejectionMs: 60_000,
        ejectionMsMax: 60_000,
        ejectedShareMax: 1,
        statuses: new Set(),
      },
    }),
  });
  assert.match(await gateway.ask(get()), /backend\.unreachable/);
  assert.equal(await sequence(gateway, 3), "111");
  await gateway.close();
});

test("targets of the own zone are preferred", async () => {
  const list = await named(3);
  const zones = ["eu-1", "eu-2", "eu-2"];
  const targets = list.map((origin, at) => ({
    target: targetOf(origin),
    weight: 1,
    priority: 0,
    zone: zones[at] ?? "",
  }));
  const gateway = await startTestWire({ cluster: clusterOf([], { targets }), upstreams: { zone: "eu-2" } });
  assert.equal(await sequence(gateway, 4), "1212");
  await gateway.close();
});

test("affinity keeps a client with its target, says nothing about it, and adds to the backend's own cookies", async () => {
  const list = await Promise.all(
    [0, 1].map((at) => startOrigin(answering(okReply(`target-${at}`, "Set-Cookie: own=1\r\n")))),
  );
  for (const secret of ["", "a-secret-of-the-operator"]) {
    const gateway = await startTestWire({
      cluster: clusterOf(list, { affinity: { cookie: "kept", secret, maxAge: 60 } }),
    });
    const first = await gateway.ask(get());
    const cookie = /Set-Cookie: (kept=[A-Za-z0-9_-]{22}); Path=\/; HttpOnly; SameSite=Lax; Max-Age=60\r\n/i.exec(
      first,
    )?.[1];
    assert.ok(cookie, first);
    assert.match(first, /Set-Cookie: own=1\r\n/);
    const kept = targetIn(first);
    for (let at = 0; at < 5; at++) {
      const text = await gateway.ask(get(`Cookie: x=1; ${cookie}\r\n`));
      assert.equal(targetIn(text), kept);
      assert.doesNotMatch(text, /Set-Cookie: kept/i);
    }
    // A cookie that nobody made is replaced.
    assert.match(await gateway.ask(get("Cookie: kept=x\r\n")), /Set-Cookie: kept=/i);
    await gateway.close();
  }
  for (const origin of list) await origin.close();
});
