import { z } from "zod";
import { increment, incrementAttributes } from "../exchange/increment.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { textValue } from "../exchange/policy-schema.ts";
import {
  chargeVolume,
  firstPeriodStartMsDefault,
  hasVolumeLeft,
  volumeAttributes,
  volumeLimit,
} from "../exchange/volume-limit.ts";

const schema = z.strictObject({
  "counter-key": textValue,
  ...volumeAttributes,
  ...incrementAttributes,
  "first-period-start": z.iso.datetime({ offset: true }).optional(),
});

/** Calls and kilobytes per period and any key; see docs. */
export const quotaByKey: Policy = definePolicy({
  name: "quota-by-key",
  group: "limits",
  summary: "Allows any key a volume of calls or kilobytes per period; answers 403 when it is used up.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`counter-key\` | required | literal or expression; the same key in several places, at any scope, is one counter |
| \`calls\`, \`bandwidth\` | one is required | calls, and KB (1024 bytes) of requests and replies, per period |
| \`renewal-period\` | required | \`30d\` or bare seconds; 0 never renews |
| \`first-period-start\` | 0001-01-01T00:00:00Z | when periods begin to be counted; with an offset |
| \`increment-condition\` | \`true\` | whether the call counts; an expression is asked after the reply |
| \`increment-count\` | 1 | how much it counts, asked together with the condition |

Refusals are 403 \`quota.exceeded\` with \`Retry-After\` unless the quota never renews.`,
  sections: ["inbound"],
  schema,
  examples: [
    { title: "By client address", config: { "counter-key": "=request.ip", calls: 10_000, "renewal-period": "1d" } },
    {
      title: "Only what succeeded, from the first of a month",
      config: {
        "counter-key": "=caller.organization",
        calls: 1_000_000,
        bandwidth: 1_000_000,
        "renewal-period": "30d",
        "increment-condition": "=response.status < 400",
        "first-period-start": "2026-01-01T00:00:00Z",
      },
    },
  ],
  build: (config, tools) => {
    const key = tools.value(config["counter-key"], "string", ".counter-key");
    const start = config["first-period-start"];
    const startMs = start === undefined ? firstPeriodStartMsDefault : Date.parse(start);
    const limit = volumeLimit(config, "quota-by-key", "quota-by-key", startMs, "", tools);
    const counting = increment(config, false, tools);
    return (x) => {
      const by = key.of(x);
      if (!counting.isLate) return chargeVolume(x, limit, by, counting.costOf(x), tools);
      const refused = hasVolumeLeft(x, limit, by, tools);
      if (refused) return refused;
      x.onDone((outcome) => {
        const cost = counting.lateCostOf(x);
        if (cost === 0) return;
        const nowMs = tools.clock.nowMs();
        limit.calls?.add(by, cost, nowMs);
        limit.bytes?.add(by, outcome.requestBytes + outcome.responseBytes, nowMs);
      });
      return undefined;
    };
  },
});
