import assert from "node:assert/strict";
import { test } from "node:test";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { choose } from "./choose.ts";
import { sendRequest } from "./send-request.ts";
import { wait } from "./wait.ts";

const call = (name: string) => ({
  "send-request": { "response-variable-name": name, "set-url": `http://${name}.test/` },
});

/** Calls that are answered when the test says so. */
const calls = () => {
  const open = new Map<
    string,
    PromiseWithResolvers<{ status: number; headers: Map<string, string>; body: Uint8Array }>
  >();
  const tools = testTools({
    policies: [sendRequest, choose],
    fetch: (url) => {
      const one = Promise.withResolvers<{ status: number; headers: Map<string, string>; body: Uint8Array }>();
      open.set(new URL(url).hostname, one);
      return one.promise;
    },
  });
  const settle = (name: string, status: number): void =>
    open.get(`${name}.test`)?.resolve({ status, headers: new Map(), body: new Uint8Array() });
  return { tools, open, settle };
};
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("all: every step is begun at once, and the call goes on when the last is done", async () => {
  const { tools, open, settle } = calls();
  const x = testExchange();
  let isDone = false;
  const done = Promise.resolve(buildPolicy(wait, { steps: [call("a"), call("b")] }, tools).step(x)).then(() => {
    isDone = true;
  });
  await turn();
  assert.equal(open.size, 2);
  settle("b", 200);
  await turn();
  assert.equal(isDone, false);
  settle("a", 201);
  await done;
  assert.deepEqual([...x.variables.keys()].sort(), ["a", "b"]);
});

test("any: the call goes on with the first", async () => {
  const { tools, settle } = calls();
  const x = testExchange();
  const done = buildPolicy(wait, { for: "any", steps: [call("a"), call("b")] }, tools).step(x);
  await turn();
  settle("b", 200);
  await done;
  assert.deepEqual([...x.variables.keys()], ["b"]);
  settle("a", 200);
});

test("a failing step is a fault; with any only when all fail", async () => {
  for (const [mode, fails] of [
    ["all", true],
    ["any", false],
  ] as const) {
    const { tools, open, settle } = calls();
    const done = Promise.resolve(
      buildPolicy(wait, { for: mode, steps: [call("a"), call("b")] }, tools).step(testExchange()),
    );
    await turn();
    open.get("a.test")?.reject(new Error("no"));
    settle("b", 200);
    if (fails) await assert.rejects(done, { code: "backend.call_failed" });
    else await done;
  }
  const { tools, open } = calls();
  const done = Promise.resolve(buildPolicy(wait, { for: "any", steps: [call("a")] }, tools).step(testExchange()));
  await turn();
  open.get("a.test")?.reject(new Error("no"));
  await assert.rejects(done, { code: "backend.call_failed" });
});

test("a step that replies ends the section", async () => {
  const { tools } = calls();
  const refusing = { choose: { when: { condition: true, steps: [{ "refuse-test": 403 }] } } };
  const reply = await buildPolicy(wait, { steps: [refusing] }, tools).step(testExchange());
  assert.equal(reply?.status, 403);
});

test("mistakes are named with their path", () => {
  const tools = testTools({ policies: [sendRequest, choose] });
  assert.equal(mistakesOf(wait, {}, tools)[0]?.path, ".steps");
  const other = testTools({ policies: [sendRequest, choose] });
  assert.match(JSON.stringify(mistakesOf(wait, { steps: [{ "set-header": {} }] }, other)), /one of send-request/);
});
