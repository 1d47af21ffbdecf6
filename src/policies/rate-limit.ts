import { z } from "zod";
import { callerKey } from "../exchange/caller-key.ts";
import type { Admission, Admit } from "../exchange/counters.ts";
import type { Exchange, StepResult } from "../exchange/exchange.ts";
import {
  type AnnouncedLimit,
  announceDetails,
  announcedLimit,
  announceLimit,
  limitAnnouncement,
  retryAfterSeconds,
} from "../exchange/limit-headers.ts";
import { definePolicy, type Policy, type PolicyTools } from "../exchange/policy.ts";
import { durationAttribute, oneOrMany } from "../exchange/policy-schema.ts";
import { refuse } from "../exchange/refuse.ts";

const renewalPeriodMsMax = 300_000;
const amount = {
  calls: z.int().min(1).max(1_000_000_000),
  "renewal-period": durationAttribute.optional(),
  window: durationAttribute.optional(),
};
const partName = { name: z.string().min(1).max(200).optional(), id: z.string().min(1).max(200).optional() };
const operationSchema = z.strictObject({ ...partName, ...amount });
const apiSchema = z.strictObject({
  ...partName,
  ...amount,
  calls: amount.calls.optional(),
  operation: oneOrMany(operationSchema, 200).optional(),
});
const schema = z.strictObject({
  ...amount,
  /** Counted by this instead of the subscription. */
  key: z.string().max(4096).optional(),
  ...limitAnnouncement,
  api: oneOrMany(apiSchema, 100).optional(),
  operation: oneOrMany(operationSchema, 200).optional(),
});
type Config = z.infer<typeof schema>;

/** Calls per window and caller; see docs. Costs one admission per limit that applies. */
export const rateLimit: Policy = definePolicy({
  name: "rate-limit",
  group: "limits",
  summary: "Admits a number of calls per subscription in any window of time; answers 429 beyond it.",
  docs: `The window slides: in no stretch of time as long as the window are more than \`calls\` admitted, over all threads of the gateway. Refused calls do not count.
Counted by subscription; where the caller has none, by the token's subject, and without that by the client's address (IPv6 by its first 64 bits).

| attribute | default | meaning |
| --- | --- | --- |
| \`calls\` | required | calls admitted per window |
| \`window\` or \`renewal-period\` | one is required | length of the window, \`60s\` or bare seconds; \`renewal-period\` at most 300 s |
| \`key\` | the subscription | literal or expression to count by instead |
| \`retry-after-header-name\` | \`Retry-After\` | header with the seconds to wait, on 429 |
| \`retry-after-variable-name\` | – | variable with the same |
| \`remaining-calls-header-name\`, \`remaining-calls-variable-name\` | – | calls left |
| \`total-calls-header-name\` | – | the value of \`calls\` |
| \`api\`, \`operation\` | – | further limits for one API or operation (by \`name\` or \`id\`), each with its own \`calls\` and window; all that apply must admit |

Every reply carries \`RateLimit-Policy\` and \`RateLimit\` (draft-ietf-httpapi-ratelimit-headers-11). A client that waits as \`Retry-After\` says is admitted, unless others used the budget meanwhile.
The counter belongs to the place where the policy is written: at the product it counts over all APIs of the product.`,
  sections: ["inbound"],
  schema,
  examples: [
    { title: "100 calls a minute for each subscription", config: { calls: 100, window: "60s" } },
    { title: "By organization", config: { calls: 1000, "renewal-period": 300, key: "=caller.organization" } },
    {
      title: "One operation of one API is dearer",
      config: {
        calls: 100,
        window: "1m",
        api: { name: "orders", calls: 50, window: "1m", operation: [{ id: "createOrder", calls: 5, window: "1m" }] },
      },
    },
  ],
  build: (config, tools) => {
    const overall = limitOf(config, "", "", tools);
    const { apis, operations } = nestedLimits(config, tools);
    const key = config.key === undefined ? undefined : tools.value(config.key, "string", ".key");
    const nothingNested = apis.size === 0 && operations.size === 0;
    return (x) => {
      const by = key === undefined ? callerKey(x) : key.of(x);
      if (nothingNested) return single(x, overall, by, config, tools);
      return several(x, applying(x, overall, apis, operations), by, config, tools);
    };
  },
});

interface Limit {
  readonly calls: number;
  readonly admit: Admit;
  readonly announced: AnnouncedLimit;
}

const single = (x: Exchange, limit: Limit, by: string, config: Config, tools: PolicyTools): StepResult => {
  const admission = limit.admit(by, 1, tools.clock.nowMs());
  return settle(x, limit, admission, config);
};

/** Asks all before it takes from any, so that a call that one limit refuses costs nothing of the others. */
const several = (x: Exchange, limits: readonly Limit[], by: string, config: Config, tools: PolicyTools): StepResult => {
  const nowMs = tools.clock.nowMs();
  for (const limit of limits) {
    if (limit.admit(by, 0, nowMs).remaining >= 1) continue;
    const refused = settle(x, limit, limit.admit(by, 1, nowMs), config);
    if (refused) return refused;
  }
  for (const limit of limits) {
    const refused = settle(x, limit, limit.admit(by, 1, nowMs), config);
    if (refused) return refused;
  }
  return undefined;
};

const settle = (x: Exchange, limit: Limit, admission: Admission, config: Config): StepResult => {
  announceLimit(x, limit.announced, admission);
  announceDetails(x, config, admission);
  if (admission.isAdmitted) return undefined;
  return refuse("limit.rate_exceeded", {
    headers: [[config["retry-after-header-name"] ?? "Retry-After", String(retryAfterSeconds(admission))]],
  });
};

const applying = (
  x: Exchange,
  overall: Limit,
  apis: ReadonlyMap<string, Limit>,
  operations: ReadonlyMap<string, Limit>,
): readonly Limit[] => {
  const limits = [overall];
  const api = apis.get(x.route.api);
  if (api) limits.push(api);
  const operation = operations.get(`${x.route.api} ${x.route.operation}`) ?? operations.get(` ${x.route.operation}`);
  if (operation) limits.push(operation);
  return limits;
};

const nestedLimits = (config: Config, tools: PolicyTools) => {
  const apis = new Map<string, Limit>();
  const operations = new Map<string, Limit>();
  for (const [index, api] of (config.api ?? []).entries()) {
    const path = `.api[${index}]`;
    const name = nameOf(api, path, tools);
    if (api.calls !== undefined) apis.set(name, limitOf({ ...api, calls: api.calls }, ` api ${name}`, path, tools));
    for (const [at, operation] of (api.operation ?? []).entries()) {
      const below = `${path}.operation[${at}]`;
      const id = nameOf(operation, below, tools);
      operations.set(`${name} ${id}`, limitOf(operation, ` operation ${name} ${id}`, below, tools));
    }
  }
  for (const [at, operation] of (config.operation ?? []).entries()) {
    const below = `.operation[${at}]`;
    const id = nameOf(operation, below, tools);
    operations.set(` ${id}`, limitOf(operation, ` operation ${id}`, below, tools));
  }
  return { apis, operations };
};

const nameOf = (
  part: { name?: string | undefined; id?: string | undefined },
  path: string,
  tools: PolicyTools,
): string => {
  const name = part.id ?? part.name;
  if (name === undefined) tools.mistake(path, "give its `name` or `id`");
  return name ?? "";
};

const limitOf = (
  config: {
    readonly calls: number;
    readonly "renewal-period"?: number | undefined;
    readonly window?: number | undefined;
  },
  suffix: string,
  path: string,
  tools: PolicyTools,
): Limit => {
  const windowMs = config.window ?? config["renewal-period"] ?? 0;
  if ((config.window === undefined) === (config["renewal-period"] === undefined))
    tools.mistake(path, "give either `window` or `renewal-period`");
  else if (windowMs < 1) tools.mistake(`${path}.window`, "a window of no time limits nothing");
  if ((config["renewal-period"] ?? 0) > renewalPeriodMsMax)
    tools.mistake(`${path}.renewal-period`, "at most 300 seconds; `window` may be longer");
  return {
    calls: config.calls,
    admit: tools.counters.slidingWindow(`rate-limit ${tools.at}${suffix}`, config.calls, Math.max(1, windowMs)),
    announced: announcedLimit(
      suffix === "" ? "rate-limit" : `rate-limit${suffix.replaceAll(" ", "-")}`,
      config.calls,
      windowMs,
    ),
  };
};
