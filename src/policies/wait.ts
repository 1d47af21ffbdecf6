import { z } from "zod";
import type { Step, StepResult } from "../exchange/exchange.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";

const childrenAllowed = ["send-request", "cache-lookup-value", "choose"];
const schema = z.strictObject({
  for: z.enum(["all", "any"]).default("all"),
  steps: z.array(z.unknown()).min(1).max(20),
});

/** Runs steps at the same time; see docs. */
export const wait: Policy = definePolicy({
  name: "wait",
  group: "control",
  summary: "Runs its steps at the same time and waits for all of them, or for the first.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`for\` | \`all\` | \`all\`: the call goes on when every step is done; \`any\`: when the first one is; what the others find is kept when it comes |
| \`steps\` | required | \`send-request\`, \`cache-lookup-value\` and \`choose\`, each begun at once |

A step that replies ends the section with its reply; with \`all\` the first in their order. A step that fails is a fault of this policy; with \`any\` only when every step has failed.`,
  sections: ["inbound", "backend", "outbound"],
  schema,
  examples: [
    {
      title: "Two services at once",
      config: {
        for: "all",
        steps: [
          { "send-request": { "response-variable-name": "stock", "set-url": "https://stock.internal.example/" } },
          { "send-request": { "response-variable-name": "price", "set-url": "https://price.internal.example/" } },
        ],
      },
    },
  ],
  build: (config, tools) => {
    const steps = config.steps.map((child, index): Step => {
      const name = child !== null && typeof child === "object" ? Object.keys(child).join() : "";
      if (!childrenAllowed.includes(name)) tools.mistake(`.steps[${index}]`, `one of ${childrenAllowed.join(", ")}`);
      return tools.block([child], `.steps[${index}]`);
    });
    if (config.for === "any") {
      return (x) => Promise.any(steps.map((step) => begun(() => step(x)))).catch(firstCause);
    }
    return async (x) => {
      const results = await Promise.all(steps.map((step) => begun(() => step(x))));
      return results.find((result) => result !== undefined);
    };
  },
});

/** A step that throws at once fails like one that fails later. */
const begun = async (begin: () => StepResult | Promise<StepResult>): Promise<StepResult> => begin();

const firstCause = (thrown: unknown): never => {
  throw thrown instanceof AggregateError ? thrown.errors[0] : thrown;
};
