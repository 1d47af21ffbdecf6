import assert from "node:assert/strict";
import { test } from "node:test";
import type { Reply } from "../exchange/reply.ts";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { choose } from "./choose.ts";
import { setHeader } from "./set-header.ts";

const set = (value: string) => ({ "set-test-variable": { name: "branch", value } });
const config = {
  when: [
    { condition: "=request.method == 'GET'", steps: [set("get")] },
    { condition: "=request.headers['x'] == '1'", steps: [set("x"), { "refuse-test": 418 }, set("never")] },
  ],
  otherwise: [set("otherwise")],
};
const run = (options: object, given: unknown = config): { branch: unknown; reply: Reply | undefined } => {
  const x = testExchange(options);
  const reply = buildPolicy(choose, given, testTools({ policies: [choose, setHeader] })).step(x);
  assert.ok(!(reply instanceof Promise));
  return { branch: x.variables.get("branch"), reply: reply ?? undefined };
};

test("the first true condition decides, later ones are not asked, a reply ends", () => {
  // The second condition would fail here: there is no header x.
  assert.deepEqual(run({ method: "GET" }), { branch: "get", reply: undefined });
  const refused = run({ method: "PUT", headers: { x: "1" } });
  assert.deepEqual([refused.branch, refused.reply?.status], ["x", 418]);
  assert.deepEqual(run({ method: "PUT", headers: { x: "2" } }), { branch: "otherwise", reply: undefined });
});

test("without `otherwise` nothing happens; literals and one `when` may stand alone; blocks nest", () => {
  assert.equal(run({}, { when: { condition: false, steps: [set("no")] } }).branch, undefined);
  assert.equal(run({}, { when: { condition: "true", steps: [set("yes")] } }).branch, "yes");
  assert.equal(run({}, { when: { condition: true, steps: [{ choose: config }] } }).branch, "get");
});

test("a condition that fails is a fault, never false", () => {
  assert.throws(() => run({ method: "PUT" }), { code: "policy.fault" });
});

test("mistakes are named with their path, within branches too", () => {
  const tools = testTools({ policies: [setHeader] });
  mistakesOf(
    choose,
    {
      when: [
        { condition: "=1", steps: [] },
        { condition: true, steps: [{ "set-header": { name: "a b", value: "x" } }, { nope: 1 }] },
      ],
      otherwise: [{ "set-header": { name: "a" } }],
    },
    tools,
  );
  assert.deepEqual(
    tools.mistakes.map((mistake) => mistake.path),
    [".when[0].condition", ".when[1].steps[0].set-header.name", ".when[1].steps[1]", ".otherwise[0].set-header.value"],
  );
  for (const [given, path] of [
    [{}, ".when"],
    [{ when: [] }, ".when"],
    [{ when: [{ steps: [] }] }, ".when"],
  ] as const)
    assert.ok(mistakesOf(choose, given)[0]?.path.startsWith(path), JSON.stringify(given));
});
