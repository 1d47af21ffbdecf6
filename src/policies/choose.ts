import { z } from "zod";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { booleanValue, oneOrMany } from "../exchange/policy-schema.ts";

const steps = z.array(z.unknown()).max(200);
const schema = z.strictObject({
  when: oneOrMany(z.strictObject({ condition: booleanValue, steps }), 100),
  otherwise: steps.optional(),
});

/** Runs the first branch whose condition is true; see docs. */
export const choose: Policy = definePolicy({
  name: "choose",
  group: "control",
  summary: "Runs the steps of the first `when` whose condition is true, else those of `otherwise`.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`when\` | required | a list of branches, each with \`condition\` (an expression that gives a bool) and \`steps\`; asked in order |
| \`otherwise\` | nothing | steps where no condition is true |

Branches may hold every policy of the section, \`choose\` itself included. A reply of a step ends the section. A condition that fails (an absent header) is a fault of the policy: 500 and \`on-error\`,
never "false".`,
  sections: ["inbound", "backend", "outbound", "on-error"],
  schema,
  examples: [
    {
      title: "Writes need a known organization",
      config: {
        when: [
          {
            condition: "=request.method in ['POST', 'PUT', 'DELETE'] && caller.organization == ''",
            steps: [{ "return-response": { "set-status": { code: 403 } } }],
          },
        ],
        otherwise: [{ "set-variable": { name: "checked", value: true } }],
      },
    },
  ],
  build: (config, tools) => {
    if (config.when.length === 0) tools.mistake(".when", "at least one `when`");
    const branches = config.when.map((branch, index) => ({
      condition: tools.value(branch.condition, "boolean", `.when[${index}].condition`),
      run: tools.block(branch.steps, `.when[${index}].steps`),
    }));
    const otherwise = config.otherwise === undefined ? undefined : tools.block(config.otherwise, ".otherwise");
    return (x) => {
      for (const [index, branch] of branches.entries()) {
        const isTrue = branch.condition.of(x);
        x.record?.note(`when[${index}].condition`, isTrue);
        if (!isTrue) continue;
        x.record?.note("branch", `when[${index}]`);
        return branch.run(x);
      }
      x.record?.note("branch", otherwise === undefined ? "none" : "otherwise");
      return otherwise?.(x);
    };
  },
});
