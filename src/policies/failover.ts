import { z } from "zod";
import { retryDefaults, statusesOf, statusesSchema } from "../exchange/cluster-schema.ts";
import type { FailoverRule } from "../exchange/delivery-rules.ts";
import { failureNames } from "../exchange/delivery-rules.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";

const schema = z.strictObject({
  to: z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(10)]),
  on: z.array(z.enum(failureNames)).optional(),
  statuses: statusesSchema.optional(),
  idempotent: z.enum(["methods", "key", "always"]).optional(),
  "body-max": z.int().min(0).max(16_777_216).optional(),
});

/** Sends a call to another backend when its own fails; see docs. */
export const failover: Policy = definePolicy({
  name: "failover",
  group: "routing",
  summary: "Sends a call to another backend when its own cannot answer it.",
  docs: `Stands before \`forward-request\`.

| attribute | default | meaning |
| --- | --- | --- |
| \`to\` | required | a file in \`backends/\`, or several: tried in turn, each with its own rules |
| \`on\` | \`[connect, reset, timeout, overloaded]\` | failures that lead to the next one; no usable target and an open circuit breaker always do |
| \`statuses\` | \`[502, 503, 504]\` | replies that do so |
| \`idempotent\`, \`body-max\` | \`methods\`, \`65536\` | as with \`retry\`: what may have reached a backend goes to another one only if it may be sent twice and its body is kept |

The backend's own retries come first. When the last one fails, its failure is the call's. Targets of one backend with a \`priority\` do the same within the backend and cost less.`,
  sections: ["inbound", "backend"],
  schema,
  shorthand: "to",
  examples: [
    { title: "A second region", config: { to: "orders-west" } },
    { title: "Also when it answers 500", config: { to: ["orders-west"], statuses: ["500-599"] } },
  ],
  build: (config, tools) => {
    const backends = typeof config.to === "string" ? [config.to] : config.to;
    for (const [at, name] of backends.entries())
      if (!tools.target.backends.includes(name))
        tools.mistake(
          typeof config.to === "string" ? ".to" : `.to[${at}]`,
          `no backend is called ${JSON.stringify(name)}`,
        );
    const rule: FailoverRule = {
      backends,
      on: new Set(config.on ?? failureNames),
      statuses: statusesOf(config.statuses, retryDefaults.statuses),
      idempotent: config.idempotent ?? "methods",
      bodyBytesMax: config["body-max"] ?? retryDefaults.bodyBytesMax,
    };
    return (x) => {
      x.forwarding = { ...x.forwarding, failover: rule };
    };
  },
});
