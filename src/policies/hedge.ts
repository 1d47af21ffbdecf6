import { hedgeRuleOf, hedgeSchema } from "../exchange/cluster-schema.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";

/** Sends a slow call a second time; see docs. */
export const hedge: Policy = definePolicy({
  name: "hedge",
  group: "routing",
  summary: "Sends a call a second time when the first is slow, and takes the answer that comes first.",
  docs: `Stands before \`forward-request\`. For short tails where a backend has several targets: the second try prefers another one.

| attribute | default | meaning |
| --- | --- | --- |
| \`after\` | required | how long the first try may take before the second begins; near the 95th percentile of the backend |
| \`attempts\` | \`1\` | tries beside the first, 1 to 3, each \`after\` the one before |
| \`idempotent\` | \`methods\` | which calls: GET, HEAD, OPTIONS, PUT, DELETE; \`key\`: also those with \`Idempotency-Key\`; \`always\` |
| \`body-max\` | \`65536\` | a request with a body is hedged only up to this length, and waits for its body first |

The other tries are cut off as soon as one is answered. A try that fails is no answer while others run. Hedges count against the budget of \`retry\`.`,
  sections: ["inbound", "backend"],
  schema: hedgeSchema,
  shorthand: "after",
  examples: [{ title: "A second try after 200 ms", config: { after: "200ms" } }],
  build: (config, tools) => {
    const rule = hedgeRuleOf(config);
    if (rule.afterMs === 0) tools.mistake(".after", "hedging at once would double every call");
    return (x) => {
      x.forwarding = { ...x.forwarding, hedge: rule };
    };
  },
});
