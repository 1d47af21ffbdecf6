import assert from "node:assert/strict";
import { test } from "node:test";
import type { Section } from "../exchange/policy.ts";
import { testExchange, textOf } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { setBody } from "./set-body.ts";

const run = (config: unknown, section: Section = "inbound") => {
  const x = testExchange({ body: "old", headers: { n: "1" }, reply: { body: "old reply" } });
  assert.equal(buildPolicy(setBody, config, testTools({ section })).step(x), undefined);
  return x;
};

test("text stays text, everything else becomes JSON", async () => {
  const table: readonly (readonly [unknown, string])[] = [
    ["new", "new"],
    ["", ""],
    ["\\=x", "=x"],
    ["=request.headers.n + '!'", "1!"],
    ["={'n': 1, 'l': [true, null]}", '{"n":1,"l":[true,null]}'],
    ["=1 + 1", "2"],
    [{ value: { ok: true } }, '{"ok":true}'],
    [{ value: [1, "a"] }, '[1,"a"]'],
    [{ value: 7 }, "7"],
  ];
  for (const [config, want] of table)
    assert.equal(await textOf(run(config).request.body.content), want, JSON.stringify(config));
});

test("inbound and backend change the request, outbound and on-error the reply", () => {
  for (const section of ["inbound", "backend"] as const) {
    const x = run("new", section);
    assert.deepEqual([x.request.body.content, x.reply?.body.content], ["new", "old reply"]);
  }
  for (const section of ["outbound", "on-error"] as const) {
    const x = run("new", section);
    assert.deepEqual([x.request.body.content, x.reply?.body.content], ["old", "new"]);
  }
});

test("mistakes are named with their path; Liquid is refused by name", () => {
  const table: readonly (readonly [unknown, RegExp])[] = [
    [{}, /^\.value a value is needed/],
    [{ value: "x", template: "liquid" }, /^\.template `template` \(Liquid templates\) is not available/],
    [{ value: "x", "xsi-nil": "blank" }, /^\.xsi-nil/],
    ["=nope", /^\.value expression 1:2/],
  ];
  for (const [config, message] of table) {
    const [first] = mistakesOf(setBody, config);
    assert.match(`${first?.path} ${first?.message}`, message, JSON.stringify(config));
  }
});
