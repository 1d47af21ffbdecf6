import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { manualClock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import { callerOf } from "../exchange/exchange.ts";
import { testExchange } from "../exchange/testing-exchange.ts";
import { compileValue } from "../expressions/value.ts";
import type { EngineExchange } from "../gateway/engine.ts";
import { createRecording } from "../gateway/record/recording.ts";
import { createRun } from "../gateway/run/run.ts";
import { createUrlBackends } from "../gateway/run/url-backends.ts";
import { createSwap } from "../gateway/swap.ts";
import { testCompileTools, testOperation, testUnit } from "../gateway/testing-unit.ts";
import { explainPublicKeyText, explainSigningKey, signExplainToken } from "../model/explain-token.ts";
import type { ExplainedStep, Explanation } from "../model/explanation.ts";
import type { PolicyDocument } from "../model/policy-document.ts";
import { availablePolicies, standardBackends, standardPolicies } from "./standard.ts";

/*
 * Every policy is explained, and no explanation shows a secret: each example runs in a pipeline that is full of planted ones.
 */

const key = explainSigningKey(randomBytes(32));
const nowMs = 1_750_000_000_000;
const plan = (what: string): string => `planted ${what} &"1`;
const planted = {
  authorization: Buffer.from("alice:planted-password-1").toString("base64"),
  password: "planted-password-1",
  cookie: "planted-cookie-1",
  keyHeader: "planted-key-header-1",
  keyParameter: "planted-key-parameter-1",
  named: plan("named value"),
  claim: "planted-claim@example.org",
  session: "planted-session-1",
} as const;

/** Every form in which one of them could be seen. */
const forms = Object.values(planted).flatMap((secret) => [
  secret,
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1),
  Buffer.from(secret).toString("base64").replace(/=+$/, ""),
]);

const surroundings = {
  inbound: [
    { "set-header": { name: "x-partner", value: "{{partner}}" } },
    { "set-query-parameter": { name: "partner", value: "{{partner}}" } },
    { "set-variable": { name: "copied", value: "=request.headers['x-shop-key']" } },
    { "set-variable": { name: "whole", value: "=request.headers" } },
    { "set-variable": { name: "claims", value: "=caller.claims" } },
  ],
  outbound: [
    { "set-header": { name: "set-cookie", value: `s=${planted.session}` } },
    { "set-header": { name: "x-session", value: planted.session } },
  ],
};

/** Undefined where the document may not stand so: an example may need another section. */
const explain = async (document: PolicyDocument): Promise<Explanation | undefined> => {
  const clock = manualClock(nowMs);
  const swap = createSwap(
    testCompileTools({
      clock,
      lists: { policies: standardPolicies, backends: standardBackends, compileValue },
      upstream: () => ({
        send: (_x, _options, settled) => settled({ status: 200, headers: [], body: "{}" }),
        dispose: () => {},
      }),
    }),
  );
  const unit = testUnit({
    operations: [
      testOperation("POST", "/items/{id}", { mocks: [{ status: 200, mediaType: "application/json", body: "{}" }] }),
    ],
    keyHeaders: ["x-shop-key"],
    keyQueryParameters: ["shopkey"],
    // Those that the policies' examples name.
    backends: Object.fromEntries(
      ["main", "fast", "orders", "orders-next", "orders-west"].map((name) => [name, { kind: "mock" as const }]),
    ),
    namedValues: { partner: { value: planted.named, secret: true } },
    fragments: { common: [] },
    policies: { products: {}, operations: {}, api: { document, file: "apis/orders/policy.yaml" } },
  });
  const mistakes = await swap.apply({ revision: 7, hash: "h", units: [unit], removed: [] });
  if (mistakes.length > 0) return undefined;
  const recording = createRecording({ sampleRate: 0, failuresPerMinute: 0, traceRate: null }, clock, () => {});
  recording.takeKey(explainPublicKeyText(key));
  const urlBackends = createUrlBackends({
    kinds: standardBackends,
    log: silentLog,
    upstream: () => assert.fail(),
  } as never);
  const run = createRun({
    deliver: (_x, _backend, _options, _named, settled) => settled({ status: 200, headers: [], body: "{}" }),
    askBeside: () => assert.fail(),
    table: swap.table,
    urlBackends,
    log: silentLog,
    recording,
  });
  const x = testExchange({
    method: "POST",
    path: `/orders/items/7?shopkey=${planted.keyParameter}&page=2`,
    headers: {
      authorization: `Basic ${planted.authorization}`,
      cookie: `sid=${planted.cookie}`,
      "x-shop-key": planted.keyHeader,
      "content-type": "application/json",
      "portico-explain": signExplainToken(
        { api: "orders", iat: nowMs / 1000, exp: nowMs / 1000 + 60, bodies: 4096 },
        key,
      ),
    },
    body: JSON.stringify({ secret: planted.named }),
    caller: callerOf({ kind: "jwt", subject: "u-1", claims: { sub: "u-1", email: planted.claim } }),
  });
  const engine = x as unknown as EngineExchange;
  run.dispatch(engine);
  const endsAtMs = performance.now() + 10_000;
  while (x.sent === null && performance.now() < endsAtMs) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.ok(x.sent !== null, "the call was answered");
  const outcome = { status: x.sent.status, isAborted: false, requestBytes: 1, responseBytes: 2, durationMs: 3 };
  recording.finished(engine, outcome, run.apiOf(engine));
  run.finished(engine, outcome);
  swap.dispose();
  return JSON.parse(recording.take()) as Explanation;
};

const flat = (steps: readonly ExplainedStep[]): readonly ExplainedStep[] =>
  steps.flatMap((step) => [step, ...flat(step.steps)]);

const assertNoSecret = (explanation: Explanation, what: string): void => {
  const text = JSON.stringify(explanation);
  for (const form of forms)
    assert.ok(
      !text.includes(form),
      `${what} shows ${form} in ${text.slice(Math.max(0, text.indexOf(form) - 200), text.indexOf(form) + 100)}`,
    );
};

test("the planted secrets are really there: a variable that is none is shown", async () => {
  const explanation = await explain({
    ...surroundings,
    inbound: [{ "set-variable": { name: "plain", value: "seen" } }],
  });
  assert.match(JSON.stringify(explanation), /"after":"seen"/);
  assert.equal(explanation?.steps.length, 4);
});

for (const policy of availablePolicies) {
  test(`${policy.name} is explained in each of its sections, and shows no secret`, async () => {
    let explained = 0;
    for (const section of policy.sections) {
      for (const { title, config } of policy.examples) {
        const step = { [policy.name]: config };
        const around = surroundings[section as keyof typeof surroundings] ?? [];
        // What stands in on-error must be reached.
        const refusal =
          section === "on-error"
            ? { inbound: [{ "check-header": { name: "x-none", value: "1", "failed-check-httpcode": 403 } }] }
            : {};
        const explanation = await explain({ ...surroundings, ...refusal, [section]: [...around, step] });
        if (explanation === undefined) continue;
        const what = `${policy.name} in ${section} (${title})`;
        const found = flat(explanation.steps).find(
          (one) =>
            one.policy === policy.name && one.section === section && one.path.includes(`${section}[${around.length}].`),
        );
        // A reply or a fault of an earlier section may have ended the call before.
        assert.ok(found !== undefined || section === "outbound", `${what} is not explained`);
        if (found !== undefined) {
          assert.equal(found.file, "apis/orders/policy.yaml");
          assert.notEqual(found.decision.kind, "cut-off", what);
        }
        assertNoSecret(explanation, what);
        explained += 1;
      }
    }
    assert.ok(explained > 0, "no example of it runs");
  });
}
