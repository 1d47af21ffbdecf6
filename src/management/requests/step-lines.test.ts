import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExplainedStep } from "../../model/explanation.ts";
import { withLines } from "./step-lines.ts";

const step = (file: string, path: string, steps: readonly ExplainedStep[] = []): ExplainedStep => ({
  policy: "p",
  section: "inbound",
  scope: "api",
  file,
  path,
  startUs: 0,
  durationUs: 0,
  decision: { kind: "went-on" },
  changes: [],
  notes: [],
  attempts: [],
  steps,
});

const sources: Readonly<Record<string, string>> = {
  "api-policy/orders": `inbound:
  - choose:
      when:
        - condition: "=true"
          steps:
            - set-header: { name: a, value: b }
operations:
  "get.odd id":
    inbound:
      - base
      - log: { message: hi }
`,
  "settings/platform": "policies:\n  platform:\n    inbound:\n      - log: { message: hi }\n",
  "fragment/common": "steps:\n  - log: { message: hi }\n",
};

const lineOf = (file: string, path: string): number | undefined =>
  withLines([step(file, path)], (kind, name) => sources[`${kind}/${name}`])[0]?.line;

test("a step has the line at which its policy's name stands, in every kind of file", () => {
  const file = "apis/orders/policy.yaml";
  assert.equal(lineOf(file, "inbound[0].choose"), 2);
  assert.equal(lineOf(file, "inbound[0].choose.when[0].steps[0].set-header"), 6);
  assert.equal(lineOf(file, "operations.get.odd id.inbound[1].log"), 11);
  assert.equal(lineOf("portico.yaml", "policies.platform.inbound[0].log"), 4);
  assert.equal(lineOf("policies/common.yaml", "steps[0].log"), 2);
});

test("steps within steps have theirs too", () => {
  const file = "apis/orders/policy.yaml";
  const inner = step(file, "inbound[0].choose.when[0].steps[0].set-header");
  const [outer] = withLines([step(file, "inbound[0].choose", [inner])], (kind, name) => sources[`${kind}/${name}`]);
  assert.deepEqual([outer?.line, outer?.steps[0]?.line], [2, 6]);
});

test("a step whose file or place is not known has none", () => {
  assert.equal(lineOf("", ""), undefined);
  assert.equal(lineOf("products/none.yaml", "policy.inbound[0].log"), undefined);
  assert.equal(lineOf("apis/orders/policy.yaml", "inbound[9].log"), undefined);
  assert.equal(lineOf("../../etc/passwd", "inbound[0].log"), undefined);
});
