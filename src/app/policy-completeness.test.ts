import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { availablePolicies } from "./standard.ts";

// That every policy is explained is held by explain-contract.test.ts, that its examples run by policy-reference.test.ts.
const folder = fileURLToPath(new URL("../policies/", import.meta.url));

test("every available policy has docs, an example, and a test that feeds it bad configuration", async () => {
  const tests = globSync("*.test.ts", { cwd: folder }).map((file) => readFileSync(`${folder}${file}`, "utf8"));
  assert.ok(tests.length > 30, `only ${tests.length} tests were read`);
  const identifiers = new Map<unknown, string>();
  for (const file of globSync("*.ts", { cwd: folder, exclude: ["*.test.ts"] }))
    for (const [name, value] of Object.entries(await import(`${folder}${file}`))) identifiers.set(value, name);
  const lacking: string[] = [];
  for (const policy of availablePolicies) {
    const identifier = identifiers.get(policy) ?? assert.fail(`${policy.name} is not exported from src/policies`);
    if (policy.docs.trim().length < 40) lacking.push(`${policy.name}: docs`);
    if (policy.examples.length === 0) lacking.push(`${policy.name}: an example`);
    const named = new RegExp(`\\b${identifier}\\b`);
    if (!tests.some((text) => named.test(text) && text.includes("mistakesOf(")))
      lacking.push(`${policy.name}: a test with mistakesOf`);
  }
  assert.deepEqual(lacking, []);
});
