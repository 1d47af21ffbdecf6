import assert from "node:assert/strict";
import { test } from "node:test";
import { callerOf } from "../../exchange/exchange.ts";
import { plainHeaders } from "../../exchange/headers.ts";
import type { PolicyDocument } from "../../model/policy-document.ts";
import type { ApiUnit, UnitPolicy } from "../../model/snapshot.ts";
import { testCompileTools, testOperation, testUnit } from "../testing-unit.ts";
import { checkUnit } from "./check-unit.ts";
import { compileAtOnce } from "./compile-unit.ts";
import { pipelineFor } from "./compiled-api.ts";
import { namedValuesOf } from "./named-values.ts";

const { lists } = testCompileTools();

const findings = (unit: ApiUnit): readonly string[] =>
  (checkUnit(unit, lists)?.findings ?? []).map((one) => `${one.file} ${one.path}: ${one.message}`);

const apiPolicy = (document: PolicyDocument): Pick<ApiUnit, "policies"> => ({
  policies: { products: {}, operations: {}, api: { document, file: "apis/orders/policy.yaml" } },
});

/** The `at` of each step that a caller of the product meets in inbound. */
const inboundOf = (unit: ApiUnit, product: string): readonly string[] => {
  const { api, error } = compileAtOnce(unit, testCompileTools());
  assert.equal(error, undefined, JSON.stringify(error));
  const route = api?.operations.find("GET", "/items", "");
  assert.ok(route);
  const pipeline = pipelineFor(route, product === "" ? null : callerOf({ kind: "key", product, plan: "p" }));
  return (pipeline?.inbound ?? []).map((step) => step.at.split(" ")[0] ?? "");
};

// Which scopes say anything, and how; and the order in which their notes run. P platform, W workspace, R product, A api, O operation.
const baseTable: readonly (readonly [documents: Readonly<Record<string, PolicyDocument>>, order: string])[] = [
  [{}, ""],
  [{ P: { inbound: [{ note: "x" }] } }, "P"],
  [{ P: { inbound: [{ note: "x" }] }, A: {} }, "P"],
  [{ P: { inbound: [{ note: "x" }] }, A: { inbound: [] } }, ""],
  [{ P: { inbound: [{ note: "x" }] }, A: { inbound: [{ note: "x" }] } }, "A"],
  [{ P: { inbound: [{ note: "x" }] }, A: { inbound: ["base", { note: "x" }] } }, "PA"],
  [{ P: { inbound: [{ note: "x" }] }, A: { inbound: [{ note: "x" }, "base"] } }, "AP"],
  [{ P: { inbound: [{ note: "x" }] }, O: { inbound: ["base", { note: "x" }] } }, "PO"],
  [{ P: { inbound: [{ note: "x" }] }, A: { inbound: [{ note: "x" }] }, O: { inbound: ["base", { note: "x" }] } }, "AO"],
  [{ P: { inbound: [{ note: "x" }] }, A: { inbound: ["base"] }, O: { outbound: [{ note: "x" }] } }, "P"],
  [Object.fromEntries([..."PWRAO"].map((scope) => [scope, { inbound: ["base", { note: "x" }] }])), "PWRAO"],
  [Object.fromEntries([..."PWRAO"].map((scope) => [scope, { inbound: [{ note: "x" }, "base"] }])), "OARWP"],
  [{ W: { inbound: [{ note: "x" }] }, R: { inbound: [{ note: "x" }, "base", { note: "x" }] } }, "RWR"],
];

for (const [documents, order] of baseTable) {
  test(`base: ${JSON.stringify(documents)} runs as '${order}'`, () => {
    const at = (scope: string): UnitPolicy | undefined => {
      const document = documents[scope];
      return document && { document, file: scope };
    };
    const [platform, workspace, product, api, operation] = [..."PWRAO"].map(at);
    const unit = testUnit({
      products: { gold: { p: {} } },
      policies: {
        products: product ? { gold: product } : {},
        operations: operation ? { "get /items": operation } : {},
        ...(platform ? { platform } : {}),
        ...(workspace ? { workspace } : {}),
        ...(api ? { api } : {}),
      },
    });
    assert.equal(inboundOf(unit, "gold").join(""), order);
  });
}

test("all mistakes are found at once, each with its file and path", () => {
  const unit = testUnit({
    operations: [
      testOperation("GET", "/items", { backend: "nowhere" }),
      testOperation("GET", "/{", {}),
      testOperation("GET", "/items/"),
    ],
    ...apiPolicy({
      inbound: [
        { noet: "x" },
        { note: { text: "x", more: 1 } },
        { block: { steps: [{ note: "=1 +" }, { nothing: 1 }, "base"] } },
        "base",
        "base",
      ],
      outbound: [{ pre: "x" }, { note: "{{nmae}}" }],
    }),
    namedValues: { name: { value: "v", secret: false } },
  });
  assert.deepEqual(
    findings(unit).map((line) => line.replace(/expression.*/, "expression")),
    [
      'apis/orders/policy.yaml inbound[0].noet: unknown policy "noet"; did you mean "note"?',
      "apis/orders/policy.yaml inbound[1].note: unknown field 'more'. Known: text.",
      "apis/orders/policy.yaml inbound[2].block.steps[0].note.text: expression",
      'apis/orders/policy.yaml inbound[2].block.steps[1].nothing: unknown policy "nothing"',
      "apis/orders/policy.yaml inbound[2].block.steps: `base` stands only in a section itself, not inside a step",
      "apis/orders/policy.yaml inbound: `base` stands at most once in a section",
      'apis/orders/policy.yaml outbound[0].pre: policy "pre" may not stand in outbound; it belongs in inbound',
      "apis/orders/policy.yaml outbound[1].note: unknown named value {{nmae}}; did you mean {{name}}?",
      'apis/orders/api.yaml operations.get /items.backend: unknown backend "nowhere"',
      "apis/orders/openapi operations.get /{: the path /{ has a '{' without '}'",
    ],
  );
});

test("operations that ask for the same requests are named together", () => {
  const unit = testUnit({ operations: [testOperation("GET", "/a/{x}"), testOperation("GET", "/a/{y}")] });
  assert.match(findings(unit).join(), /GET \/a\/\{y\} \(get \/a\/\{y\}\) asks for the same requests as \/a\/\{x\}/);
});

test("named values are put into any string of policies and backends, and \\{{ stays", () => {
  const { api } = compileAtOnce(
    testUnit({
      ...apiPolicy({ inbound: [{ note: "\\{{a}} {{ a }}-{{b}}" }] }),
      namedValues: { a: { value: "1", secret: false }, b: { value: "2", secret: true } },
      backends: { main: { kind: "http", url: "{{url}}" } },
    }),
    testCompileTools(),
  );
  assert.equal(api, undefined, "the backend's named value is unknown");
  const { api: good } = compileAtOnce(
    testUnit({
      ...apiPolicy({ inbound: [{ note: "\\{{a}} {{ a }}-{{b}}" }] }),
      namedValues: { a: { value: "1", secret: false }, b: { value: "2", secret: true } },
    }),
    testCompileTools(),
  );
  const variables = new Map<string, unknown>();
  const x = { variables, request: { headers: plainHeaders() } };
  good?.operations.find("GET", "/items", "")?.pipeline.inbound[0]?.step(x as never);
  assert.equal(variables.get("trail"), "{{a}} 1-2");
});

test("secret values never stand in a mistake", () => {
  const unit = testUnit({
    ...apiPolicy({ inbound: [{ "secret-mistake": "{{token}}" }, { note: "={{token}} +" }] }),
    namedValues: { token: { value: "hunter2hunter2", secret: true } },
  });
  const text = JSON.stringify(checkUnit(unit, lists));
  assert.doesNotMatch(text, /hunter2/);
  assert.match(text, /not accepted: \[secret\]/);
});

test("fragments are taken in, also by fragments; circles, strangers and base are refused", () => {
  const include = (id: string) => ({ "include-fragment": { "fragment-id": id } });
  const fragments = {
    one: [{ note: "1" }, include("two")],
    two: [{ note: "2" }],
    round: [include("trip")],
    trip: [include("round")],
  };
  const good = testUnit({
    fragments,
    ...apiPolicy({ inbound: [include("one"), { block: { steps: [{ "include-fragment": "two" }] } }] }),
  });
  assert.deepEqual(inboundOf(good, ""), ["policies/one.yaml", "policies/two.yaml", "apis/orders/policy.yaml"]);
  const bad = testUnit({
    fragments: { ...fragments, based: ["base" as const] },
    ...apiPolicy({
      inbound: [include("round"), include("tow"), include("based"), { "include-fragment": { id: "x" } }],
    }),
  });
  assert.deepEqual(findings(bad), [
    "policies/trip.yaml steps[0].include-fragment: fragments include each other: round -> trip -> round",
    'apis/orders/policy.yaml inbound[1].include-fragment: unknown fragment "tow"; did you mean "two"?',
    "policies/based.yaml steps: `base` stands only in a section itself, not inside a step",
    "apis/orders/policy.yaml inbound[3].include-fragment: `include-fragment` needs `fragment-id`, and nothing else",
  ]);
});

test("fragments that multiply are stopped", () => {
  const fragments = Object.fromEntries(
    Array.from({ length: 9 }, (_, i) => [
      `f${i}`,
      Array.from({ length: 9 }, () => ({ "include-fragment": `f${i + 1}` })),
    ]),
  );
  const unit = testUnit({
    fragments: { ...fragments, f9: [{ note: "x" }] },
    ...apiPolicy({ inbound: [{ "include-fragment": "f0" }] }),
  });
  assert.match(findings(unit).join(), /more than 20000 steps/);
});

test("policies of operations that do not exist are mistakes", () => {
  const unit = testUnit({
    policies: { products: {}, operations: { nope: { document: {}, file: "apis/orders/policy.yaml" } } },
  });
  assert.deepEqual(findings(unit), ['apis/orders/policy.yaml operations.nope: the API has no operation "nope"']);
});

test("a unit with a mistake leaves nothing behind", () => {
  const life = { built: 0, disposed: 0 };
  return import("../testing-unit.ts").then(({ testBackends, testPolicies }) => {
    const tools = testCompileTools({ lists: { ...lists, policies: testPolicies(life), backends: testBackends(life) } });
    const result = compileAtOnce(testUnit(apiPolicy({ inbound: [{ note: "a" }, { nothing: 1 }] })), tools);
    assert.ok(result.error);
    assert.deepEqual(life, { built: 2, disposed: 2 });
  });
});

test("braces of a Liquid template are Liquid's, beside it they are named values", () => {
  const named = namedValuesOf({ a: { value: "1", secret: false } });
  const config = [{ "set-body": { template: "liquid", value: "{{ body.name }}" } }, { "set-body": { value: "{{a}}" } }];
  assert.deepEqual(
    named.substitute(config, () => assert.fail()),
    [config[0], { "set-body": { value: "1" } }],
  );
});
