import { z } from "zod";
import { callerKey } from "../exchange/caller-key.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { definePolicy, type Policy, type PolicyTools } from "../exchange/policy.ts";
import { oneOrMany } from "../exchange/policy-schema.ts";
import {
  chargeVolume,
  firstPeriodStartMsDefault,
  type VolumeLimit,
  volumeAttributes,
  volumeLimit,
} from "../exchange/volume-limit.ts";

const partName = { name: z.string().min(1).max(200).optional(), id: z.string().min(1).max(200).optional() };
/** A part may take the period of the whole. */
const partVolume = { ...volumeAttributes, "renewal-period": volumeAttributes["renewal-period"].optional() };
const operationSchema = z.strictObject({ ...partName, ...partVolume });
const apiSchema = z.strictObject({ ...partName, ...partVolume, operation: oneOrMany(operationSchema, 200).optional() });
const schema = z.strictObject({
  ...volumeAttributes,
  api: oneOrMany(apiSchema, 100).optional(),
  operation: oneOrMany(operationSchema, 200).optional(),
});
type Config = z.infer<typeof schema>;
type Part = z.infer<typeof operationSchema>;

/** Calls and kilobytes per period and subscription; see docs. */
export const quota: Policy = definePolicy({
  name: "quota",
  group: "limits",
  summary: "Allows each subscription a volume of calls or kilobytes per period; answers 403 when it is used up.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`calls\` | – | calls per period |
| \`bandwidth\` | – | KB (1024 bytes) of requests and replies per period; counted when a call has ended, so that the call during which the volume runs out is still served |
| \`renewal-period\` | required | length of the period, \`30d\` or bare seconds; 0 never renews |
| \`api\`, \`operation\` | – | further quotas for one API or operation (by \`name\` or \`id\`); all that apply must have room |

\`calls\`, \`bandwidth\`, or both. Periods begin at 0001-01-01T00:00:00Z plus whole periods: days at midnight UTC, weeks on Monday. Volumes survive changes of the configuration. Counted by subscription; where the
caller has none, by the token's subject, and without that by the client's address. Refusals are 403 \`quota.exceeded\` with \`Retry-After\` unless the quota never renews. The counter belongs to the place where the
policy is written: at the product it counts over all APIs of the product.`,
  sections: ["inbound"],
  schema,
  examples: [
    { title: "A month", config: { calls: 100_000, "renewal-period": "30d" } },
    {
      title: "A gigabyte a day, and few orders",
      config: {
        bandwidth: 1_048_576,
        "renewal-period": 86_400,
        api: [{ name: "orders", operation: { id: "createOrder", calls: 100, "renewal-period": "1d" } }],
      },
    },
  ],
  build: (config, tools) => {
    const overall = volumeLimit(config, `quota ${tools.at}`, "quota", firstPeriodStartMsDefault, "", tools);
    const { apis, operations } = nestedLimits(config, tools);
    return (x) => {
      const key = callerKey(x);
      for (const limit of applying(x, overall, apis, operations)) {
        const refused = chargeVolume(x, limit, key, 1, tools);
        if (refused) return refused;
      }
      return undefined;
    };
  },
});

/** The narrowest first: a refusal there leaves the wider volumes untouched. */
const applying = (
  x: Exchange,
  overall: VolumeLimit,
  apis: ReadonlyMap<string, VolumeLimit>,
  operations: ReadonlyMap<string, VolumeLimit>,
): readonly VolumeLimit[] => {
  if (apis.size === 0 && operations.size === 0) return [overall];
  const { api, operation } = x.route;
  const limits = [operations.get(`${api} ${operation}`) ?? operations.get(` ${operation}`), apis.get(api), overall];
  return limits.filter((limit) => limit !== undefined);
};

const nestedLimits = (config: Config, tools: PolicyTools) => {
  const apis = new Map<string, VolumeLimit>();
  const operations = new Map<string, VolumeLimit>();
  const addOperations = (list: readonly Part[], api: string, path: string): void => {
    for (const [at, operation] of list.entries()) {
      const below = `${path}.operation[${at}]`;
      const key = `${api} ${nameOf(operation, below, tools)}`;
      operations.set(key, partLimit(operation, config, `operation ${key}`, below, tools));
    }
  };
  for (const [index, api] of (config.api ?? []).entries()) {
    const path = `.api[${index}]`;
    const name = nameOf(api, path, tools);
    if (api.calls !== undefined || api.bandwidth !== undefined)
      apis.set(name, partLimit(api, config, `api ${name}`, path, tools));
    addOperations(api.operation ?? [], name, path);
  }
  addOperations(config.operation ?? [], "", "");
  return { apis, operations };
};

const partLimit = (part: Part, whole: Config, name: string, path: string, tools: PolicyTools): VolumeLimit =>
  volumeLimit(
    { ...part, "renewal-period": part["renewal-period"] ?? whole["renewal-period"] },
    `quota ${tools.at} ${name}`,
    `quota-${name}`,
    firstPeriodStartMsDefault,
    path,
    tools,
  );

const nameOf = (part: Part, path: string, tools: PolicyTools): string => {
  const name = part.id ?? part.name;
  if (name === undefined) tools.mistake(path, "give its `name` or `id`");
  return name ?? "";
};
