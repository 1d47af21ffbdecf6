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

const rendered = async (
  value: string,
  options: Parameters<typeof testExchange>[0] = {},
  more = {},
): Promise<unknown> => {
  const x = testExchange(options);
  await buildPolicy(setBody, { template: "liquid", value, ...more }, testTools()).step(x);
  return x.request.body.content;
};

test("a Liquid template sees the parsed body, the call's nouns and variables", async () => {
  const json = { headers: { "content-type": "application/json" }, body: '{"name":"a","n":3,"tags":["x","y"]}' };
  assert.equal(
    await rendered("{{ body.name | upcase }}{% for tag in body.tags %}-{{ tag }}{% endfor %}", json),
    "A-x-y",
  );
  assert.equal(
    await rendered('{"n": {{ body.n | plus: 1 }}, "b": {{ body | json }}}', json),
    '{"n": 4, "b": {"name":"a","n":3,"tags":["x","y"]}}',
  );
  const xml = {
    headers: { "content-type": "text/xml" },
    body: '<o xmlns:p="urn:p"><p:id a="1">7</p:id><i>1</i><i>2</i></o>',
  };
  assert.equal(await rendered('{{ body.o.id["#text"] }}/{{ body.o.id.a }}/{{ body.o.i | join: "+" }}', xml), "7/1/1+2");
  assert.equal(
    await rendered('{{ request.method }} {{ request.headers["x-a"] }} {{ variables.v }} {{ api.name }}', {
      method: "PUT",
      headers: { "X-A": "b" },
      variables: { v: "w" },
    }),
    "PUT b w orders",
  );
});

test("a Liquid template reaches no file and no prototype, and ends", async () => {
  assert.equal(await rendered("{{ request.constructor }}{{ body.__proto__ }}{{ variables.toString }}"), "");
  await assert.rejects(async () => rendered("{% render 'package.json' %}"), /package\.json/);
  await assert.rejects(
    async () => rendered("{% for a in (1..100000) %}{% for b in (1..100000) %}{{ a }}{% endfor %}{% endfor %}"),
    /limit/,
  );
});

test("mistakes are named with their path", () => {
  const table: readonly (readonly [unknown, RegExp])[] = [
    [{}, /^\.value a value is needed/],
    [{ value: "{{ a", template: "liquid" }, /^\.value output "\{\{ a" not closed/],
    [{ value: "{{ a | nothing }}", template: "liquid" }, /^\.value undefined filter: nothing/],
    [{ value: 7, template: "liquid" }, /^\.value a template is a text/],
    [{ value: "x", template: "razor" }, /^\.template/],
    [{ value: "x", "xsi-nil": "none" }, /^\.xsi-nil/],
    ["=nope", /^\.value expression 1:2/],
  ];
  for (const [config, message] of table) {
    const [first] = mistakesOf(setBody, config);
    assert.match(`${first?.path} ${first?.message}`, message, JSON.stringify(config));
  }
});
