import assert from "node:assert/strict";
import { test } from "node:test";
import { testContract } from "../exchange/testing-contract.ts";
import { type TestExchangeOptions, testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { validateParameters } from "./validate-parameters.ts";

const contract = testContract({
  "/o": {
    get: {
      operationId: "o",
      parameters: [
        { name: "n", in: "query", schema: { type: "integer", minimum: 1 } },
        { name: "X-Mode", in: "header", required: true, schema: { enum: ["a", "b"] } },
      ],
      responses: { 200: { description: "ok" } },
    },
  },
});
const base = { "specified-parameter-action": "prevent", "unspecified-parameter-action": "prevent" };

const run = async (options: TestExchangeOptions, config: unknown = base) => {
  const x = testExchange({ headers: { "x-mode": "a" }, ...options, route: { operation: "o" } });
  const reply = await buildPolicy(validateParameters, config, testTools({ contract, target: { operation: "" } })).step(
    x,
  );
  return { x, status: reply?.status, code: reply?.problem?.code, errors: reply?.problem?.errors };
};

test("specified parameters are checked, unspecified ones named; what belongs to HTTP passes", async () => {
  const headers = { "x-mode": "b", accept: "*/*", "user-agent": "x", "accept-language": "fi", "if-match": "*" };
  assert.equal((await run({ path: "/o?n=7", headers })).status, undefined);
  const bad = await run({ path: "/o?n=0&m=1", headers: { "x-mode": "c", "x-more": "1" } });
  assert.deepEqual([bad.status, bad.code], [400, "request.parameters_invalid"]);
  assert.deepEqual(
    (bad.errors as { in: string; name: string }[]).map((one) => `${one.in} ${one.name}`),
    ["query n", "header x-mode", "query m", "header x-more"],
  );
});

test("places and single parameters have actions of their own", async () => {
  const config = {
    ...base,
    "errors-variable-name": "v",
    headers: { "unspecified-parameter-action": "ignore", parameter: { name: "X-Mode", action: "detect" } },
    query: { "specified-parameter-action": "ignore", parameter: [{ name: "debug", action: "ignore" }] },
  };
  const passed = await run({ path: "/o?n=0&debug=1", headers: { "x-mode": "c", "x-more": "1" } }, config);
  assert.equal(passed.status, undefined);
  assert.deepEqual(
    (passed.x.variables.get("v") as { name: string }[]).map(({ name }) => name),
    ["x-mode"],
  );
  assert.equal((await run({ path: "/o?m=1" }, config)).status, 400);
});

test("both actions are needed, and others are refused", () => {
  assert.match(mistakesOf(validateParameters, {})[0]?.path ?? "", /^\.specified-parameter-action/);
  assert.match(
    mistakesOf(validateParameters, { ...base, path: { parameter: { name: "a" } } })[0]?.path ?? "",
    /^\.path/,
  );
});
