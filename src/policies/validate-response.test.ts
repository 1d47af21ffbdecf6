import assert from "node:assert/strict";
import { test } from "node:test";
import type { Policy } from "../exchange/policy.ts";
import { testContract } from "../exchange/testing-contract.ts";
import { type TestExchangeOptions, testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, type TestTools, testTools } from "../exchange/testing-tools.ts";
import { validateHeaders } from "./validate-headers.ts";
import { validateResponse } from "./validate-response.ts";
import { validateStatusCode } from "./validate-status-code.ts";

const contract = testContract({
  "/o": {
    get: {
      operationId: "o",
      responses: {
        200: {
          description: "ok",
          headers: { "X-Rate": { required: true, schema: { type: "integer" } } },
          content: {
            "application/json": {
              schema: {
                type: "object",
                required: ["id"],
                properties: { id: { type: "integer" }, password: { writeOnly: true } },
              },
            },
          },
        },
        "4XX": { description: "bad" },
      },
    },
  },
});

const good = { status: 200, headers: { "content-type": "application/json", "x-rate": "1" }, body: '{"id":1}' };
const newTools = () => testTools({ contract, section: "outbound", target: { operation: "" } });
const run = async (
  policy: Policy,
  config: unknown,
  reply: TestExchangeOptions["reply"],
  tools: TestTools = newTools(),
) => {
  const x = testExchange({ reply: { ...good, ...reply }, route: { operation: "o" } });
  const refused = await buildPolicy(policy, config, tools).step(x);
  return { x, status: refused?.status, code: refused?.problem?.code, errors: refused?.problem?.errors };
};

test("a reply that the document promises passes with its bytes, any other is a 502 that says nothing", async () => {
  const passed = await run(validateResponse, {}, {});
  assert.deepEqual([passed.status, await passed.x.reply?.body.text()], [undefined, good.body]);
  for (const reply of [
    { body: "{}" },
    { body: "not json" },
    { status: 500 },
    { headers: { "content-type": "text/html", "x-rate": "1" } },
    { headers: { "content-type": "application/json" } },
    { headers: { "content-type": "application/json", "x-rate": "x" } },
  ]) {
    const refused = await run(validateResponse, {}, reply);
    assert.deepEqual(
      [refused.status, refused.code, refused.errors],
      [502, "backend.reply_unexpected", undefined],
      JSON.stringify(reply),
    );
  }
});

test("drift is counted each time and told once: statuses, media types, fields", async () => {
  const tools = newTools();
  const { step } = buildPolicy(validateResponse, { mode: "detect" }, tools);
  const pass = async (reply: TestExchangeOptions["reply"]) =>
    assert.equal(await step(testExchange({ reply: { ...good, ...reply }, route: { operation: "o" } })), undefined);
  for (let turn = 0; turn < 3; turn++) {
    await pass({ body: '{"id":1,"more":{"x":1}}' });
    await pass({ status: 503 });
    await pass({ headers: { "content-type": "text/html", "x-rate": "1" } });
  }
  const drifts = tools.measured
    .filter(({ metric }) => metric === "contract_drift_total")
    .map(({ labels }) => labels.kind);
  assert.deepEqual(drifts.slice(0, 3), ["field", "status", "media-type"]);
  assert.equal(drifts.length, 9);
  const told = tools.lines.filter((line) => line.what !== undefined).map((line) => line.what);
  assert.deepEqual(told, ["/more", "503", "text/html"]);
});

test("an undocumented field is refused where only documented ones may leave", async () => {
  assert.equal((await run(validateResponse, { fields: "documented" }, { body: '{"id":1,"more":1}' })).status, 502);
});

test("statuses: ranges count, exceptions have their action", async () => {
  const config = { "unspecified-status-code-action": "prevent", "status-code": { code: 503, action: "ignore" } };
  for (const [status, want] of [
    [200, undefined],
    [404, undefined],
    [503, undefined],
    [500, 502],
  ] as const)
    assert.equal((await run(validateStatusCode, config, { status })).status, want, String(status));
  assert.equal(
    (await run(validateStatusCode, { "unspecified-status-code-action": "detect" }, { status: 500 })).status,
    undefined,
  );
  assert.match(mistakesOf(validateStatusCode, {})[0]?.path ?? "", /unspecified-status-code-action/);
});

test("headers: those of the document are checked, others need leave, HTTP's own pass", async () => {
  const config = { "specified-header-action": "prevent", "unspecified-header-action": "prevent" };
  const headers = { ...good.headers, date: "x", etag: '"a"', "access-control-allow-origin": "*" };
  assert.equal((await run(validateHeaders, config, { headers })).status, undefined);
  assert.equal((await run(validateHeaders, config, { headers: { ...headers, "x-internal": "1" } })).status, 502);
  assert.equal((await run(validateHeaders, config, { headers: { "content-type": "application/json" } })).status, 502);
  const lax = { ...config, header: [{ name: "X-Internal", action: "detect" }] };
  assert.equal((await run(validateHeaders, lax, { headers: { ...headers, "x-internal": "1" } })).status, undefined);
  assert.match(mistakesOf(validateHeaders, {})[0]?.path ?? "", /specified-header-action/);
});
