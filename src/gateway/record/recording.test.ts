import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { manualClock } from "../../base/clock.ts";
import { silentLog } from "../../base/log.ts";
import { type TestExchange, type TestExchangeOptions, testExchange } from "../../exchange/testing-exchange.ts";
import { explainPublicKeyText, explainSigningKey, signExplainToken } from "../../model/explain-token.ts";
import type { Explanation } from "../../model/explanation.ts";
import type { ApiUnit } from "../../model/snapshot.ts";
import type { EngineExchange } from "../engine.ts";
import { createRun } from "../run/run.ts";
import { createUrlBackends } from "../run/url-backends.ts";
import { createSwap } from "../swap.ts";
import { testBackends, testCompileTools, testUnit } from "../testing-unit.ts";
import { createRecording, type RecordingSettings } from "./recording.ts";

const key = explainSigningKey(randomBytes(32));
const nowMs = 1_750_000_000_000;
const nothing: RecordingSettings = { sampleRate: 0, failuresPerMinute: 0, traceRate: null };

const tokenFor = (api: string, more: { exp?: number; bodies?: number } = {}, by = key): string =>
  signExplainToken({ api, iat: nowMs / 1000 - 5, exp: nowMs / 1000 + 600, bodies: 0, ...more }, by);

interface Recorded {
  readonly explanations: Explanation[];
  readonly clock: ReturnType<typeof manualClock>;
  call(options: TestExchangeOptions): Promise<TestExchange>;
  /** Calls with a token for the API `orders` and answers its explanation. */
  explain(options: TestExchangeOptions): Promise<Explanation>;
}

const recordedGateway = async (
  unit: ApiUnit,
  settings: RecordingSettings = nothing,
  more: Parameters<typeof testCompileTools>[0] = {},
): Promise<Recorded> => {
  const clock = manualClock(nowMs);
  const swap = createSwap(testCompileTools({ clock, ...more }));
  assert.deepEqual(await swap.apply({ revision: 7, hash: "h", units: [unit], removed: [] }), []);
  const recording = createRecording(settings, clock, () => {});
  recording.takeKey(explainPublicKeyText(key));
  const urlBackends = createUrlBackends({ kinds: testBackends(), upstream: () => assert.fail() });
  const run = createRun({
    deliver: () => assert.fail(),
    askBeside: () => assert.fail(),
    table: swap.table,
    urlBackends,
    log: silentLog,
    recording,
  });
  const explanations: Explanation[] = [];
  const call = async (options: TestExchangeOptions): Promise<TestExchange> => {
    const x = testExchange({ revision: 0, ...options });
    const engine = x as unknown as EngineExchange;
    run.dispatch(engine);
    for (let turns = 0; x.sent === null && turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve));
    const outcome = { status: x.sent?.status ?? 0, isAborted: false, requestBytes: 1, responseBytes: 2, durationMs: 3 };
    recording.finished(engine, outcome, run.apiOf(engine));
    run.finished(engine, outcome);
    for (const line of recording.take().split("\n")) if (line !== "") explanations.push(JSON.parse(line));
    return x;
  };
  return {
    explanations,
    clock,
    call,
    explain: async (options) => {
      const headers = { ...options.headers, "portico-explain": tokenFor("orders") };
      await call({ ...options, headers });
      const [explanation] = explanations.splice(0);
      assert.ok(explanation !== undefined, "the call was not recorded");
      return explanation;
    },
  };
};

const withPolicies = (document: object, more: Partial<Omit<ApiUnit, "hash">> = {}): ApiUnit =>
  testUnit({ policies: { products: {}, operations: {}, api: { document, file: "apis/orders/policy.yaml" } }, ...more });

const get = { path: "/orders/items" };
const outline = (steps: Explanation["steps"]): unknown[] =>
  steps.map((step) => [step.policy, step.decision.kind, ...(step.steps.length === 0 ? [] : [outline(step.steps)])]);

test("a call without a token is not recorded, and takes the plain lists", async () => {
  const gateway = await recordedGateway(withPolicies({ inbound: [{ note: "a" }] }));
  const x = await gateway.call(get);
  assert.equal(x.record, null);
  assert.deepEqual(gateway.explanations, []);
});

test("a token makes every step visible: where it stands, what it decided, what it changed", async () => {
  const gateway = await recordedGateway(
    withPolicies({ inbound: [{ note: "a" }, { wait: "b" }], outbound: [{ note: "c" }] }),
  );
  const explanation = await gateway.explain(get);
  assert.deepEqual(outline(explanation.steps), [
    ["note", "went-on"],
    ["wait", "went-on"],
    ["forward-request", "forwarded"],
    ["note", "went-on"],
  ]);
  const [first, second] = explanation.steps;
  assert.deepEqual(
    [first?.file, first?.path, first?.scope, first?.section],
    ["apis/orders/policy.yaml", "inbound[0].note", "api", "inbound"],
  );
  assert.deepEqual(second?.changes, [{ what: "variable", name: "trail", before: "a", after: "a b" }]);
  assert.deepEqual(
    explanation.steps[2]?.changes.find((change) => change.what === "status"),
    {
      what: "status",
      name: "",
      after: "200",
    },
  );
  assert.deepEqual([explanation.route.outcome, explanation.route.operation], ["found", "get /items"]);
  assert.deepEqual([explanation.reason, explanation.isComplete, explanation.revision], ["asked", true, 7]);
  assert.ok((second?.startUs ?? 0) >= (first?.startUs ?? 0));
});

test("the reply to an explained call names the explanation's id; a token that does not count says why", async () => {
  const gateway = await recordedGateway(testUnit());
  const late = async (token: string): Promise<(string | undefined)[]> => {
    const x = await gateway.call({ ...get, id: "r-1", headers: { "portico-explain": token } });
    return [x.lateHeaders.get("portico-explain-id"), x.lateHeaders.get("portico-explain-refused")];
  };
  assert.deepEqual(await late(tokenFor("orders")), ["r-1", undefined]);
  gateway.explanations.length = 0;
  assert.deepEqual(await late(tokenFor("orders", { exp: nowMs / 1000 - 1 })), [undefined, "expired"]);
  assert.deepEqual(await late(tokenFor("other")), [undefined, "other-api"]);
  assert.deepEqual(await late(tokenFor("orders", {}, explainSigningKey(randomBytes(32)))), [undefined, "invalid"]);
  assert.deepEqual(await late(`${tokenFor("orders")}x`), [undefined, "invalid"]);
  assert.deepEqual(await late("abc"), [undefined, "invalid"]);
  const [head, claims] = tokenFor("orders").split(".");
  assert.deepEqual(await late(`${head}.${claims}.`), [undefined, "invalid"]);
  assert.deepEqual(gateway.explanations, []);
});

test("a caller on the loopback needs a token like any other", async () => {
  const gateway = await recordedGateway(testUnit());
  for (const clientIp of ["127.0.0.1", "::1"]) {
    await gateway.call({ ...get, clientIp, headers: { "portico-explain": "true" } });
  }
  assert.deepEqual(gateway.explanations, []);
});

test("more than 20 calls a second are not recorded although the token counts", async () => {
  const gateway = await recordedGateway(testUnit());
  const headers = { "portico-explain": tokenFor("orders") };
  for (let at = 0; at < 30; at++) await gateway.call({ ...get, headers });
  assert.equal(gateway.explanations.length, 20);
  const x = await gateway.call({ ...get, headers });
  assert.equal(x.lateHeaders.get("portico-explain-refused"), "too-many");
  gateway.clock.advance(1000);
  assert.equal((await gateway.call({ ...get, headers })).lateHeaders.has("portico-explain-refused"), false);
});

test("steps of blocks lie within their step, also where they wait", async () => {
  const inner = [{ note: "b" }, { wait: "c" }, { block: { steps: [{ note: "d" }] } }];
  const gateway = await recordedGateway(
    withPolicies({
      inbound: [{ note: "a" }, { block: { steps: inner } }],
      backend: [{ block: { steps: [{ "forward-request": {} }] } }],
    }),
  );
  const explanation = await gateway.explain({ ...get, headers: { later: "1" } });
  assert.deepEqual(outline(explanation.steps), [
    ["note", "went-on"],
    [
      "block",
      "went-on",
      [
        ["note", "went-on"],
        ["wait", "went-on"],
        ["block", "went-on", [["note", "went-on"]]],
      ],
    ],
    ["block", "went-on", [["forward-request", "forwarded"]]],
  ]);
});

test("refusals, replies and faults say so, and on-error is part of it", async () => {
  const gateway = await recordedGateway(
    withPolicies({ inbound: [{ refuse: "limit.rate_exceeded" }], "on-error": [{ note: "e" }, { reply: 299 }] }),
  );
  const refused = await gateway.explain(get);
  assert.deepEqual(
    refused.steps.map((step) => [step.decision.kind, step.decision.status, step.decision.code, step.section]),
    [
      ["refused", 429, "limit.rate_exceeded", "inbound"],
      ["went-on", undefined, undefined, "on-error"],
      ["replied", 299, undefined, "on-error"],
    ],
  );
  assert.equal(refused.fault?.code, "limit.rate_exceeded");
  assert.equal(refused.outcome.status, 299);
  for (const name of ["throw", "throw-later"]) {
    const failing = await recordedGateway(withPolicies({ inbound: [{ [name]: "boom" }] }));
    const failed = await failing.explain(get);
    assert.deepEqual(failed.steps[0]?.decision, { kind: "failed", code: "policy.fault", message: "boom" });
    assert.equal(failed.outcome.status, 500);
  }
  const forgiving = await recordedGateway(withPolicies({ inbound: [{ forgive: "boom" }] }));
  assert.deepEqual((await forgiving.explain(get)).steps[0]?.notes, [{ name: "failed", value: "boom" }]);
});

test("a backend that refuses is forward-request's refusal, and the client sees the same as when nobody looks", async () => {
  const gateway = await recordedGateway(testUnit());
  for (const later of [{}, { later: "1" }]) {
    const options = { ...get, headers: { want: "refusal", ...later } };
    const plain = await gateway.call(options);
    const explanation = await gateway.explain(options);
    assert.deepEqual(
      [explanation.steps[0]?.decision.kind, explanation.steps[0]?.decision.code, explanation.outcome.status],
      ["refused", "backend.unreachable", plain.sent?.status],
    );
    assert.deepEqual(explanation.fault?.source, "forward-request");
  }
});

test("what a policy of inbound left for the reply is shown with the place of that policy", async () => {
  const gateway = await recordedGateway(withPolicies({ inbound: [{ later: "a" }] }));
  const explanation = await gateway.explain(get);
  assert.deepEqual(
    explanation.steps.map((step) => [step.policy, step.section, step.path]),
    [
      ["later", "inbound", "inbound[0].later"],
      ["forward-request", "backend", ""],
      ["later", "outbound", "inbound[0].later"],
    ],
  );
});

test("calls that reach no operation are recorded with the reason", async () => {
  const gateway = await recordedGateway(
    testUnit({ version: { value: "1", scheme: "header", parameter: "v", isDefault: false } as never }),
  );
  assert.equal((await gateway.explain({ path: "/nothing" })).route.outcome, "no-api");
  assert.equal((await gateway.explain({ path: "/orders/items", headers: { v: "9" } })).route.outcome, "no-version");
  const plain = await recordedGateway(testUnit());
  assert.equal((await plain.explain({ path: "/orders/none" })).route.outcome, "no-operation");
  const wrong = await plain.explain({ path: "/orders/items", method: "DELETE" });
  assert.deepEqual([wrong.route.outcome, wrong.route.message], ["wrong-method", "GET, HEAD, OPTIONS"]);
});

test("a share of all calls is recorded where the settings ask for it, within its budget", async () => {
  const gateway = await recordedGateway(testUnit(), { ...nothing, sampleRate: 0.25 });
  for (let at = 0; at < 16; at++) await gateway.call(get);
  assert.deepEqual(
    gateway.explanations.map(({ reason }) => reason),
    ["sampled", "sampled", "sampled", "sampled"],
  );
  for (let at = 0; at < 200; at++) await gateway.call(get);
  assert.equal(gateway.explanations.length, 10);
});

test("failed calls keep their outcome within a budget, though nobody asked", async () => {
  const gateway = await recordedGateway(withPolicies({ inbound: [{ throw: "boom" }] }), {
    ...nothing,
    failuresPerMinute: 3,
  });
  for (let at = 0; at < 5; at++) await gateway.call({ ...get, headers: { authorization: "Bearer abcdefgh-secret" } });
  assert.equal(gateway.explanations.length, 3);
  const [first] = gateway.explanations;
  assert.deepEqual(
    [first?.reason, first?.isComplete, first?.fault?.source, first?.route.outcome],
    ["failed", false, "throw", "found"],
  );
  assert.doesNotMatch(JSON.stringify(first), /abcdefgh-secret/);
});

test("after a failure the next calls of the operation are recorded, and kept in full where one fails again", async () => {
  const document = { inbound: [{ note: "a" }], backend: [{ "forward-request": {} }] };
  const gateway = await recordedGateway(withPolicies(document), { ...nothing, failuresPerMinute: 10 });
  const failing = { ...get, headers: { want: "refusal" } };
  await gateway.call(failing);
  for (let at = 0; at < 5; at++) await gateway.call(get);
  await gateway.call(failing);
  const [first, second, ...more] = gateway.explanations;
  assert.deepEqual([first?.isComplete, first?.steps.length, more], [false, 0, []]);
  assert.deepEqual([second?.isComplete, second?.reason, second?.outcome.status], [true, "failed", 502]);
  assert.deepEqual(outline(second?.steps ?? []), [
    ["note", "went-on"],
    ["forward-request", "refused"],
  ]);
  // Calls that go well are not watched for ever.
  await gateway.call(failing);
  for (let at = 0; at < 60; at++) await gateway.call(get);
  assert.equal((await gateway.call(get)).record, null);
  await gateway.call(failing);
  gateway.clock.advance(60_000);
  assert.equal((await gateway.call(get)).record, null);
});

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

test("traces follow the caller's decision, else the share, and carry no changes", async () => {
  const gateway = await recordedGateway(withPolicies({ inbound: [{ note: "a" }] }), { ...nothing, traceRate: 0.5 });
  await gateway.call({ ...get, headers: { traceparent } });
  await gateway.call({ ...get, headers: { traceparent: traceparent.replace(/01$/, "00") } });
  for (let at = 0; at < 4; at++) await gateway.call(get);
  assert.equal(gateway.explanations.length, 3);
  const [first, second] = gateway.explanations;
  assert.deepEqual(
    [first?.trace?.traceId, first?.trace?.parentSpanId],
    [traceparent.slice(3, 35), traceparent.slice(36, 52)],
  );
  assert.match(first?.trace?.spanId ?? "", /^[0-9a-f]{16}$/);
  assert.equal(second?.trace?.parentSpanId, "");
  assert.deepEqual([first?.reason, first?.steps[0]?.changes], ["traced", []]);
});

test("a call that another API's token asks for is not shown, whatever the call was", async () => {
  const gateway = await recordedGateway(testUnit());
  await gateway.call({ path: "/orders/none", headers: { "portico-explain": tokenFor("other") } });
  assert.deepEqual(gateway.explanations, []);
});

test("a record that grows too long keeps its decisions", async () => {
  const many = Array.from({ length: 190 }, (_, at) => ({ note: `${"x".repeat(400)}${at}` }));
  const gateway = await recordedGateway(
    withPolicies({ inbound: [{ block: { steps: many } }, { block: { steps: many } }, { block: { steps: many } }] }),
  );
  const explanation = await gateway.explain(get);
  assert.ok(explanation.leftOut > 0);
  assert.ok(JSON.stringify(explanation).length < 256 * 1024);
  assert.equal(explanation.steps.at(-1)?.policy, "forward-request");
});
