import { z } from "zod";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { numberValue, textValue } from "../exchange/policy-schema.ts";

const schema = z.strictObject({
  percentage: numberValue,
  by: textValue.optional(),
  steps: z.array(z.unknown()).min(1).max(200),
});

/** Runs steps for a share of the calls; see docs. */
export const sample: Policy = definePolicy({
  name: "sample",
  group: "logging",
  summary: "Runs its steps for a share of the calls: for logging and measuring what would be too much of all.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`percentage\` | required | 0 to 100, literal or expression |
| \`by\` | the trace id, else the request id | what decides: equal values are always in or always out |
| \`steps\` | required | what runs for the calls that are in |

The decision is a hash, not a die: a call that is sampled at one gateway is sampled at the next one of the same trace, and \`by: "=caller.subscription"\` takes all calls of a share of the callers. Steps may be any
policies of the section; a reply of one ends the section as usual.`,
  sections: ["inbound", "backend", "outbound", "on-error"],
  schema,
  examples: [
    {
      title: "One call of a hundred in the log",
      config: { percentage: 1, steps: [{ log: { message: "='sampled ' + request.path" } }] },
    },
    {
      title: "All calls of a tenth of the callers",
      config: {
        percentage: 10,
        by: "=caller.subscription",
        steps: [{ "set-variable": { name: "trial", value: true } }],
      },
    },
  ],
  build: (config, tools) => {
    const percentage = tools.value(config.percentage, "number", ".percentage");
    const constant = percentage.constant;
    if (constant !== undefined && !(constant >= 0 && constant <= 100)) tools.mistake(".percentage", "0 to 100");
    const by = config.by === undefined ? undefined : tools.value(config.by, "string", ".by");
    const run = tools.block(config.steps, ".steps");
    return (x) => {
      const key = by === undefined ? x.traceId || x.id : by.of(x);
      const isIn = shareOf(key) < percentage.of(x) / 100;
      x.record?.note("sampled", isIn);
      return isIn ? run(x) : undefined;
    };
  },
});

/** A number from 0 up to 1 that the text decides: FNV-1a, finished so that ids which differ in their last digits are far apart. */
const shareOf = (text: string): number => {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000;
};
