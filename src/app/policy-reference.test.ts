import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { testTools } from "../exchange/testing-tools.ts";
import { laterPolicies } from "../policies/later.ts";
import { policyJsonSchema, policyReference } from "./policy-reference.ts";
import { availablePolicies, standardBackends, standardPolicies } from "./standard.ts";

const file = new URL("../../docs/policies.md", import.meta.url);

test("docs/policies.md is what the definitions say (UPDATE_GOLDEN=1 rewrites it)", () => {
  const text = policyReference(availablePolicies, laterPolicies);
  if (process.env.UPDATE_GOLDEN) writeFileSync(file, text);
  assert.equal(
    readFileSync(file, "utf8"),
    text,
    "UPDATE_GOLDEN=1 node --test src/app/policy-reference.test.ts rewrites it",
  );
});

test("every example of every policy compiles, in each of its sections", () => {
  let compiled = 0;
  for (const policy of availablePolicies) {
    assert.ok(policy.examples.length > 0, `${policy.name} has no example`);
    for (const section of policy.sections)
      for (const example of policy.examples) {
        if (example.sections?.includes(section) === false) continue;
        const tools = testTools({
          section,
          policies: standardPolicies,
          target: { backends: ["main", "fast", "orders", "orders-next", "orders-west"] },
        });
        const built = policy.compile(example.config, tools);
        assert.deepEqual(tools.mistakes, [], `${policy.name}: ${example.title}`);
        assert.ok(built, `${policy.name}: ${example.title}`);
        compiled += 1;
      }
  }
  assert.ok(compiled > 60, String(compiled));
});

test("names are unique, and every policy has a JSON Schema", () => {
  const names = standardPolicies.map((policy) => policy.name);
  assert.equal(new Set(names).size, names.length);
  assert.equal(new Set(standardBackends.map((backend) => backend.kind)).size, standardBackends.length);
  for (const policy of availablePolicies) {
    const schema = policyJsonSchema(policy);
    assert.match(JSON.stringify(schema), /"type":"object"/, policy.name);
  }
});

test("an unknown attribute is refused by every policy, by its name", () => {
  for (const policy of availablePolicies) {
    const tools = testTools({ policies: standardPolicies });
    const config = policy.examples.find((example) => example.config !== null && typeof example.config === "object");
    if (!config) continue;
    policy.compile({ ...(config.config as object), "no-such-attribute": 1 }, tools);
    assert.match(JSON.stringify(tools.mistakes), /no-such-attribute/, policy.name);
  }
});

test("every name of the catalogue is available, or refused by its name", () => {
  const catalogue = readFileSync(new URL("./policy-names.txt", import.meta.url), "utf8")
    .trim()
    .split("\n");
  assert.ok(catalogue.length > 110, String(catalogue.length));
  const names = new Set(standardPolicies.map((policy) => policy.name));
  assert.deepEqual(
    catalogue.filter((name) => !names.has(name)),
    [],
  );
  for (const policy of laterPolicies) {
    const tools = testTools();
    policy.compile({ anything: 1 }, tools);
    assert.deepEqual(tools.mistakes, [{ path: "", message: `\`${policy.name}\` is not available in this version` }]);
  }
});
