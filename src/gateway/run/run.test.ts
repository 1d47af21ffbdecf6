import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonLog } from "../../base/log.ts";
import { type TestExchange, type TestExchangeOptions, testExchange, textOf } from "../../exchange/testing-exchange.ts";
import type { PolicyDocument } from "../../model/policy-document.ts";
import type { ApiUnit } from "../../model/snapshot.ts";
import type { CompileTools } from "../compile/compile-tools.ts";
import type { EngineExchange } from "../engine.ts";
import { createSwap } from "../swap.ts";
import { testBackends, testCompileTools, testOperation, testUnit, trailOf } from "../testing-unit.ts";
import { createOverload } from "./overload.ts";
import { createRun } from "./run.ts";
import { createUrlBackends } from "./url-backends.ts";

interface Gateway {
  readonly lines: Record<string, unknown>[];
  call(options: TestExchangeOptions): Promise<TestExchange>;
  /** Begins a call without waiting for its answer. */
  begin(options: TestExchangeOptions): TestExchange;
  finish(x: TestExchange): void;
  readonly swap: ReturnType<typeof createSwap>;
}

const gatewayOf = async (
  units: readonly ApiUnit[],
  more: Partial<CompileTools> = {},
  overload = createOverload(() => 0),
): Promise<Gateway> => {
  const lines: Record<string, unknown>[] = [];
  const log = jsonLog({ level: "debug", write: (line) => lines.push(JSON.parse(line)) });
  const swap = createSwap(testCompileTools({ log, ...more }));
  const errors = await swap.apply({ revision: 7, hash: "h", units, removed: [] });
  assert.deepEqual(errors, []);
  const urlBackends = createUrlBackends({
    kinds: testBackends(),
    upstream: () => {
      throw new Error("no upstream");
    },
  });
  const run = createRun({
    overload,
    table: swap.table,
    urlBackends,
    deliver: () => assert.fail(),
    askBeside: () => assert.fail(),
    log,
  });
  const begin = (options: TestExchangeOptions): TestExchange => {
    const x = testExchange(options);
    run.dispatch(engine(x));
    return x;
  };
  const finish = (x: TestExchange): void => {
    run.finished(engine(x), {
      status: x.sent?.status ?? 0,
      isAborted: false,
      requestBytes: 0,
      responseBytes: 0,
      durationMs: 0,
    });
  };
  return {
    lines,
    swap,
    begin,
    finish,
    call: async (options) => {
      const x = begin(options);
      for (let turns = 0; x.sent === null && turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve));
      finish(x);
      return x;
    },
  };
};

// The tests' exchange has the engine's fields by design, only its forwarder speaks of itself.
const engine = (x: TestExchange): EngineExchange => x as unknown as EngineExchange;

const withPolicies = (api: PolicyDocument, more: Partial<Omit<ApiUnit, "hash">> = {}): ApiUnit =>
  testUnit({
    policies: { products: {}, operations: {}, api: { document: api, file: "apis/orders/policy.yaml" } },
    ...more,
  });

const get = { path: "/orders/items" };

test("a call passes through inbound, backend and outbound to the reply", async () => {
  const gateway = await gatewayOf([withPolicies({ inbound: [{ note: "in" }], outbound: [{ note: "out" }] })]);
  const x = await gateway.call(get);
  assert.equal(trailOf(x), "in out");
  assert.deepEqual([x.sent?.kind, x.sent?.status, x.revision], ["delivered", 200, 7]);
  assert.equal(await textOf(x.sent?.body ?? null), "backends/main.yaml /items");
  assert.equal(x.route.operation, "get /items");
});

test("without a configuration every call is told that the gateway is not ready", () => {
  const urlBackends = createUrlBackends({ kinds: [], upstream: () => assert.fail() });
  const log = jsonLog({ level: "error", write: () => {} });
  const x = testExchange(get);
  createRun({
    table: () => null,
    urlBackends,
    deliver: () => assert.fail(),
    askBeside: () => assert.fail(),
    log,
  }).dispatch(engine(x));
  assert.equal(x.sent?.problem?.code, "gateway.not_ready");
});

test("an unknown path answers 404, a known one with another method 405 with Allow, OPTIONS 204 with Allow", async () => {
  const gateway = await gatewayOf([testUnit()]);
  assert.equal((await gateway.call({ path: "/nothing" })).sent?.problem?.code, "route.not_found");
  assert.equal((await gateway.call({ path: "/orders/none" })).sent?.problem?.code, "route.not_found");
  const refused = await gateway.call({ ...get, method: "DELETE" });
  assert.equal(refused.sent?.status, 405);
  assert.equal(refused.sent?.headers.get("allow"), "GET, HEAD, OPTIONS");
  const options = await gateway.call({ ...get, method: "OPTIONS" });
  assert.deepEqual([options.sent?.status, options.sent?.headers.get("allow")], [204, "GET, HEAD, OPTIONS"]);
  assert.equal((await gateway.call({ ...get, method: "HEAD" })).sent?.status, 200);
});

test("OPTIONS * is about the gateway: 204, whatever APIs there are", async () => {
  const gateway = await gatewayOf([testUnit({ path: "/" })]);
  const x = await gateway.call({ method: "OPTIONS", path: "*" });
  assert.deepEqual([x.sent?.status, x.sent?.headers.get("allow")], [204, undefined]);
});

test("under overload calls of APIs of lower priority are told 503 with Retry-After, before any policy", async () => {
  const overload = createOverload(() => 9, { inFlightMax: 10 });
  const document = { inbound: [{ note: "in" }] };
  const gateway = await gatewayOf(
    [
      withPolicies(document, { priority: "low" }),
      withPolicies(document, { api: "alarms", path: "/alarms", priority: "high" }),
      withPolicies(document, { api: "carts", path: "/carts" }),
    ],
    {},
    overload,
  );
  const x = await gateway.call(get);
  assert.deepEqual([x.sent?.status, x.sent?.problem?.code], [503, "gateway.overloaded"]);
  assert.deepEqual([x.sent?.headers.get("retry-after"), trailOf(x), x.route.api], ["1", "", "orders"]);
  assert.equal((await gateway.call({ path: "/carts/items" })).sent?.status, 200);
  assert.equal((await gateway.call({ path: "/alarms/items" })).sent?.status, 200);
});

test("a preflight is answered by the policies of the operation that it asks about", async () => {
  const document = { inbound: [{ pre: "yes" }, { refuse: "policy.refused" }] };
  const gateway = await gatewayOf([withPolicies(document)]);
  const headers = { origin: "https://a.example", "access-control-request-method": "GET" };
  const x = await gateway.call({ ...get, method: "OPTIONS", headers });
  assert.deepEqual([x.sent?.status, x.sent?.headers.get("x-preflight")], [204, "yes"]);
  const unknown = await gateway.call({
    ...get,
    method: "OPTIONS",
    headers: { ...headers, "access-control-request-method": "PUT" },
  });
  assert.equal(unknown.sent?.headers.get("x-preflight"), undefined);
  assert.equal(unknown.sent?.status, 204);
});

test("steps that wait and steps that do not run in their order", async () => {
  const gateway = await gatewayOf([
    withPolicies({
      inbound: [
        { note: "1" },
        { wait: "2" },
        { block: { steps: [{ note: "3" }, { wait: "4" }, { note: "5" }] } },
        { note: "6" },
      ],
      outbound: [{ wait: "7" }, { note: "8" }],
    }),
  ]);
  assert.equal(trailOf(await gateway.call({ ...get, headers: { later: "1" } })), "1 2 3 4 5 6 7 8");
});

test("what inbound left for the reply runs after outbound, the last first, and not where the call ended before", async () => {
  const inbound = [{ later: "a" }, { block: { steps: [{ later: "b" }] } }];
  const gateway = await gatewayOf([withPolicies({ inbound, outbound: [{ note: "out" }] })]);
  const x = await gateway.call(get);
  assert.deepEqual([x.sent?.kind, trailOf(x)], ["delivered", "out b a"]);
  const ended = await gatewayOf([withPolicies({ inbound: [...inbound, { reply: 202 }] })]);
  assert.equal(trailOf(await ended.call(get)), "");
  const replaced = await gatewayOf([withPolicies({ inbound, outbound: [{ reply: 299 }] })]);
  assert.equal(trailOf(await replaced.call(get)), "");
});

test("expressions see bodies: the step waits until they are here, and refuses what is too large", async () => {
  async function* parts(text: string): AsyncGenerator<Uint8Array> {
    for (const part of text) yield Buffer.from(part);
  }
  const gateway = await gatewayOf([
    withPolicies({
      inbound: [{ note: "=request.json.name" }, { block: { steps: [{ note: "=request.body" }] } }],
      outbound: [{ note: "=response.body" }],
    }),
  ]);
  const x = await gateway.call({ ...get, body: parts('{"name":"a"}') });
  assert.equal(trailOf(x), 'a {"name":"a"} backends/main.yaml /items');
  const large = await gateway.call({ ...get, body: big() });
  assert.equal(large.sent?.problem?.code, "request.body_too_large");
  async function* big(): AsyncGenerator<Uint8Array> {
    for (let n = 0; n < 17; n++) yield Buffer.alloc(64 * 1024, " ");
  }
});

test("a reply made in inbound ends the call: neither backend nor outbound run", async () => {
  const gateway = await gatewayOf([
    withPolicies({ inbound: [{ reply: 202 }], outbound: [{ note: "out" }], "on-error": [{ note: "error" }] }),
  ]);
  const x = await gateway.call(get);
  assert.deepEqual([x.sent?.kind, x.sent?.status, trailOf(x)], ["answered", 202, ""]);
});

test("a refusal passes through on-error, which sees the fault and may change or replace the reply", async () => {
  const seen = await gatewayOf([
    withPolicies({ inbound: [{ refuse: "limit.rate_exceeded" }], "on-error": [{ note: "=error.code" }] }),
  ]);
  const x = await seen.call(get);
  assert.deepEqual([x.sent?.status, trailOf(x)], [429, "limit.rate_exceeded"]);
  assert.deepEqual([x.fault?.source, x.fault?.section], ["refuse", "inbound"]);
  const replaced = await gatewayOf([
    withPolicies({ inbound: [{ refuse: "limit.rate_exceeded" }], "on-error": [{ reply: 299 }] }),
  ]);
  assert.equal((await replaced.call(get)).sent?.status, 299);
});

for (const name of ["throw", "throw-later"] as const) {
  test(`${name}: a policy that fails refuses the call with 500, logged with the exchange's id`, async () => {
    const gateway = await gatewayOf([withPolicies({ inbound: [{ [name]: "boom" }], outbound: [{ note: "out" }] })]);
    const x = await gateway.call({ ...get, id: "x-1" });
    assert.deepEqual([x.sent?.status, x.sent?.problem?.code, trailOf(x)], [500, "policy.fault", ""]);
    const line = gateway.lines.find((one) => one.message === "a policy failed");
    assert.deepEqual(
      [line?.requestId, line?.policy, line?.at],
      ["x-1", name, `apis/orders/policy.yaml inbound[0].${name}`],
    );
    assert.doesNotMatch(JSON.stringify(x.sent), /boom/);
  });
}

test("a fault inside a block names the policy that failed", async () => {
  const steps = [{ note: "a" }, { block: { steps: [{ "throw-later": "boom" }] } }];
  const gateway = await gatewayOf([
    withPolicies({ inbound: [{ block: { steps } }], "on-error": [{ note: "=error.source" }] }),
  ]);
  const x = await gateway.call(get);
  assert.deepEqual([x.sent?.status, trailOf(x)], [500, "a throw-later"]);
});

test("a policy whose fault rule is to go on does not stop the call", async () => {
  const gateway = await gatewayOf([withPolicies({ inbound: [{ forgive: "x" }, { note: "on" }] })]);
  const x = await gateway.call(get);
  assert.deepEqual([x.sent?.status, trailOf(x)], [200, "on"]);
  assert.ok(gateway.lines.some((line) => line.level === "warn"));
});

test("a fault within on-error leaves the first refusal", async () => {
  const gateway = await gatewayOf([
    withPolicies({ inbound: [{ refuse: "policy.refused" }], "on-error": [{ throw: "again" }] }),
  ]);
  const x = await gateway.call(get);
  assert.equal(x.sent?.problem?.code, "policy.refused");
});

test("a backend that cannot be reached is told to on-error as forward-request's fault", async () => {
  const gateway = await gatewayOf([
    withPolicies({ outbound: [{ note: "out" }], "on-error": [{ note: "=error.source + ' ' + error.code" }] }),
  ]);
  for (const headers of [{ want: "refusal" }, { want: "refusal", later: "1" }]) {
    const x = await gateway.call({ ...get, headers });
    assert.deepEqual([x.sent?.status, trailOf(x)], [502, "forward-request backend.unreachable"]);
  }
});

test("an error status of the backend is a fault only where the policy says so, and its reply stays", async () => {
  const gateway = await gatewayOf([
    withPolicies({
      backend: [{ "forward-request": { "fail-on-error-status-code": true } }],
      outbound: [{ note: "out" }],
      "on-error": [{ note: "error" }],
    }),
  ]);
  const failed = await gateway.call({ ...get, headers: { want: "503" } });
  assert.deepEqual([failed.sent?.status, failed.sent?.kind, trailOf(failed)], [503, "delivered", "error"]);
  assert.equal(trailOf(await gateway.call({ ...get, headers: { want: "204" } })), "out");
});

test("a forward inside a block waits for the backend, and the steps behind it run", async () => {
  const block = { block: { steps: [{ note: "a" }, { "forward-request": {} }, { note: "b" }] } };
  const gateway = await gatewayOf([
    withPolicies({ backend: [block, { note: "c" }], "on-error": [{ note: "=error.code" }] }),
  ]);
  const x = await gateway.call(get);
  assert.deepEqual([x.sent?.status, trailOf(x)], [200, "a b c"]);
  const refused = await gateway.call({ ...get, headers: { want: "refusal" } });
  assert.deepEqual([refused.sent?.status, trailOf(refused)], [502, "a backend.unreachable"]);
});

test("a backend section without a forward answers an empty 200 through outbound", async () => {
  const gateway = await gatewayOf([withPolicies({ backend: [{ note: "none" }], outbound: [{ note: "out" }] })]);
  const x = await gateway.call(get);
  assert.deepEqual([x.sent?.status, trailOf(x)], [200, "none out"]);
});

test("a policy may choose a backend by name or by URL for one call", async () => {
  const gateway = await gatewayOf([testUnit({ backends: { main: { kind: "mock" }, other: { kind: "mock" } } })]);
  const run = async (change: (x: TestExchange) => void): Promise<TestExchange> => {
    const x = testExchange(get);
    change(x);
    const table = gateway.swap.table;
    const urlBackends = createUrlBackends({ kinds: testBackends(), upstream: () => assert.fail() });
    createRun({
      table,
      urlBackends,
      deliver: () => assert.fail(),
      askBeside: () => assert.fail(),
      log: jsonLog({ level: "error", write: () => {} }),
    }).dispatch(engine(x));
    return x;
  };
  const named = await run((x) => {
    x.backend = "other";
  });
  assert.equal(await textOf(named.sent?.body ?? null), "backends/other.yaml /items");
  const byUrl = await run((x) => {
    x.backendUrl = "http://there.example/base";
  });
  assert.equal(await textOf(byUrl.sent?.body ?? null), "http://there.example/base /items");
  const wrong = await run((x) => {
    x.backendUrl = "ftp://there.example";
  });
  assert.equal(wrong.sent?.problem?.code, "backend.not_configured");
});

test("the product's policies and the plan's limits run for its callers only, limits first", async () => {
  const unit = testUnit({
    operations: [testOperation("GET", "/items", { protect: ["key"] })],
    products: {
      gold: {
        big: { "rate-limit": { calls: 9, window: "60s" }, quota: { calls: 5, "renewal-period": "1d" } },
        small: {},
      },
      free: { one: {} },
    },
    policies: {
      platform: { document: { inbound: [{ note: "platform" }] }, file: "portico.yaml" },
      products: { gold: { document: { inbound: [{ note: "gold" }, "base"] }, file: "products/gold.yaml" } },
      api: { document: { inbound: ["base", { note: "api" }] }, file: "apis/orders/policy.yaml" },
      operations: {},
    },
  });
  const gateway = await gatewayOf([unit]);
  const trail = async (key: string): Promise<string> => trailOf(await gateway.call({ ...get, headers: { key } }));
  assert.equal(
    await trail("gold/big"),
    "rate-limit:9@products/gold.yaml plans.big.rate-limit quota:5@products/gold.yaml plans.big.quota gold platform api",
  );
  assert.equal(await trail("gold/small"), "gold platform api");
  assert.equal(await trail("free/one"), "platform api");
  const unknownPlan = await gateway.call({ ...get, headers: { key: "gold/none" } });
  assert.equal(unknownPlan.sent?.problem?.code, "subscription.forbidden");
  const stranger = await gateway.call({ ...get, headers: { key: "iron/one" } });
  assert.equal(stranger.sent?.problem?.code, "subscription.forbidden");
});

test("of several protections any one suffices, and the refusal speaks of the credential that was sent", async () => {
  const gateway = await gatewayOf([
    testUnit({
      operations: [testOperation("GET", "/items", { protect: ["key", "jwt"] })],
      products: { gold: { big: {} } },
    }),
  ]);
  const answer = async (headers: Record<string, string>) => (await gateway.call({ ...get, headers })).sent;
  assert.equal((await answer({ key: "gold/big" }))?.status, 200);
  assert.equal((await answer({ token: "gold/big" }))?.status, 200);
  assert.equal((await answer({ token: "bad" }))?.problem?.code, "token.invalid");
  assert.equal((await answer({ key: "bad" }))?.problem?.code, "key.invalid");
  const none = await answer({});
  assert.deepEqual([none?.status, none?.problem?.code], [401, "key.missing"]);
  assert.deepEqual(none?.headers.getAll("www-authenticate"), ['ApiKey header="X-API-Key"', "Bearer"]);
});

test("an API is disposed only when the last exchange that began on it is done", async () => {
  const life = { built: 0, disposed: 0 };
  const { testPolicies } = await import("../testing-unit.ts");
  const tools = testCompileTools();
  const gateway = await gatewayOf([withPolicies({ inbound: [{ note: "old" }, { wait: "w" }] })], {
    lists: { ...tools.lists, policies: testPolicies(life) },
  });
  const x = gateway.begin(get);
  await gateway.swap.apply({
    revision: 8,
    hash: "i",
    units: [withPolicies({ inbound: [{ note: "new" }] })],
    removed: [],
  });
  assert.deepEqual(life, { built: 2, disposed: 0 });
  for (let turns = 0; x.sent === null && turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([trailOf(x), x.revision, life.disposed], ["old w", 7, 0]);
  gateway.finish(x);
  assert.equal(life.disposed, 1);
  assert.deepEqual([trailOf(await gateway.call(get)), life.disposed], ["new", 1]);
});

test("a call that is broken off while a step waits is not answered, and frees its API when the step ends", async () => {
  const life = { built: 0, disposed: 0 };
  const { testPolicies } = await import("../testing-unit.ts");
  const gateway = await gatewayOf([withPolicies({ inbound: [{ wait: "w" }, { note: "n" }] })], {
    lists: { ...testCompileTools().lists, policies: testPolicies(life) },
  });
  const x = gateway.begin(get);
  gateway.finish(x);
  await gateway.swap.apply({ revision: 8, hash: "i", units: [], removed: ["orders"] });
  for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([x.sent, trailOf(x), life.disposed], [null, "w", 1]);
});

test("parameters of the path are decoded when somebody asks", async () => {
  const unit = testUnit({ operations: [testOperation("GET", "/items/{id}")] });
  const x = await (await gatewayOf([unit])).call({ path: "/orders/items/a%2Fb" });
  assert.deepEqual([x.request.params.id, x.request.upstreamPath], ["a/b", "/items/a%2Fb"]);
});
