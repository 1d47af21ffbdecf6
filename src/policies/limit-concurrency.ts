import { z } from "zod";
import type { StepResult } from "../exchange/exchange.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { refuse } from "../exchange/refuse.ts";

const schema = z.strictObject({
  key: z.string().min(1).max(4096),
  "max-count": z.int().min(1).max(1_000_000),
  steps: z.array(z.unknown()).max(200).optional(),
});

/** Bounds how many calls run a block at once; see docs. */
export const limitConcurrency: Policy = definePolicy({
  name: "limit-concurrency",
  group: "limits",
  summary: "Lets at most a number of calls run a block of steps at once; answers 429 to others at once.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`key\` | required | what is bounded; literal or expression. The same key in several places is one bound |
| \`max-count\` | required | calls at once, over all threads of the gateway |
| \`steps\` | the rest of the call | the enclosed block; the place is given back when its last step has ended |

Without \`steps\` the place is held until the call's last byte. Around \`forward-request\` it is held until the head of the backend's reply. Nothing waits: who finds no place is answered 429
\`limit.concurrency_exceeded\`. Places of a thread that dies are given back.`,
  sections: ["inbound", "backend", "outbound", "on-error"],
  schema,
  examples: [
    {
      title: "Three calls of the backend at once",
      config: { key: "reports", "max-count": 3, steps: [{ "forward-request": { timeout: 60 } }] },
    },
    { title: "Two calls of each subscription at once", config: { key: "=caller.subscription", "max-count": 2 } },
  ],
  build: (config, tools) => {
    const key = tools.value(config.key, "string", ".key");
    const counter = tools.counters.concurrency("limit-concurrency", config["max-count"]);
    const block = config.steps === undefined ? undefined : tools.block(config.steps, ".steps");
    const refusal = refuse("limit.concurrency_exceeded", { headers: [["Retry-After", "1"]] });
    return (x) => {
      const by = key.of(x);
      x.record?.note("limit", config["max-count"]);
      if (!counter.enter(by)) return refusal;
      if (block === undefined) {
        x.onDone(() => counter.leave(by));
        return undefined;
      }
      let result: StepResult | Promise<StepResult>;
      try {
        result = block(x);
      } catch (thrown) {
        counter.leave(by);
        throw thrown;
      }
      if (result instanceof Promise) return result.finally(() => counter.leave(by));
      counter.leave(by);
      return result;
    };
  },
});
