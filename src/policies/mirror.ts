import { z } from "zod";
import type { MirrorRule } from "../exchange/delivery-rules.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { durationAttribute } from "../exchange/policy-schema.ts";

const schema = z.strictObject({
  to: z.string().min(1),
  percent: z.number().min(0).max(100).optional(),
  "body-max": z.int().min(0).max(16_777_216).optional(),
  "running-max": z.int().min(1).max(10_000).optional(),
  timeout: durationAttribute.optional(),
});

/** Sends copies of calls to another backend; see docs. */
export const mirror: Policy = definePolicy({
  name: "mirror",
  group: "routing",
  summary: "Sends a copy of the call to another backend and drops its reply.",
  docs: `Stands before \`forward-request\`.

| attribute | default | meaning |
| --- | --- | --- |
| \`to\` | required | a file in \`backends/\` |
| \`percent\` | \`100\` | share of the calls that are copied |
| \`body-max\` | \`65536\` | a call with a longer body is not copied |
| \`running-max\` | \`100\` | copies under way at once, of each thread; more are not made |
| \`timeout\` | \`30s\` | after which a copy is given up |

The call never waits for its copy: a copy goes out beside it, or as soon as the body has passed. It has the same request id and the credentials of the other backend, not of the call's own. Copies are neither retried nor
hedged; copies that were not made are counted in \`/metrics\`. Calls that change the protocol are not copied.`,
  sections: ["inbound", "backend"],
  schema,
  shorthand: "to",
  examples: [{ title: "A tenth of the calls to the next version", config: { to: "orders-next", percent: 10 } }],
  build: (config, tools) => {
    if (!tools.target.backends.includes(config.to))
      tools.mistake(".to", `no backend is called ${JSON.stringify(config.to)}`);
    const rule: MirrorRule = {
      backend: config.to,
      bodyBytesMax: config["body-max"] ?? 65_536,
      runningMax: config["running-max"] ?? 100,
      timeoutMs: config.timeout ?? 30_000,
    };
    const share = (config.percent ?? 100) / 100;
    return (x) => {
      if (share < 1 && Math.random() >= share) return;
      x.forwarding = { ...x.forwarding, mirrors: [...(x.forwarding?.mirrors ?? []), rule] };
    };
  },
});
