import { z } from "zod";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { variableNameAttribute } from "../exchange/policy-schema.ts";

const schema = z.strictObject({ name: variableNameAttribute, value: z.unknown().optional() });

/** Keeps a value for later steps of the call; see docs. */
export const setVariable: Policy = definePolicy({
  name: "set-variable",
  group: "transformation",
  summary: "Keeps a value for later policies and expressions of the same call.",
  docs: `| attribute | meaning |
| --- | --- |
| \`name\` | how expressions read it: \`variables.NAME\` or \`variables["NAME"]\` |
| \`value\` | a literal of any kind, or an expression |

The value lives as long as the call.`,
  sections: ["inbound", "backend", "outbound", "on-error"],
  schema,
  examples: [
    { title: "A decision for later", config: { name: "isInternal", value: "=request.ip.startsWith('10.')" } },
    { title: "A literal", config: { name: "retries", value: 3 } },
  ],
  build: (config, tools) => {
    if (config.value === undefined) tools.mistake(".value", "a value is needed");
    const value = tools.value(config.value ?? null, "any", ".value");
    return (x) => {
      const result = value.of(x);
      // Whole numbers are integers again when an expression reads them; other policies can do more with a number.
      const isExact = typeof result === "bigint" && Number.isSafeInteger(Number(result));
      x.variables.set(config.name, isExact ? Number(result) : result);
    };
  },
});
