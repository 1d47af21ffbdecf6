import { z } from "zod";
import type { Exchange } from "../exchange/exchange.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { oneOrMany, textValue } from "../exchange/policy-schema.ts";
import { isSecretName } from "../exchange/secret-text.ts";

const dimensionsMax = 10;
const nameSchema = z.string().min(1).max(100);

/** Dimensions whose value is known without being told, as Azure API Management names them. */
const knownDimensions: Readonly<Record<string, (x: Exchange) => string>> = {
  "API ID": (x) => x.route.api,
  "Operation ID": (x) => x.route.operation,
  "Product ID": (x) => x.caller?.product ?? "",
  "Subscription ID": (x) => x.caller?.subscription ?? "",
  "User ID": (x) => x.caller?.subject ?? "",
  "Client IP address": (x) => x.request.clientIp,
};

const schema = z.strictObject({
  name: nameSchema,
  namespace: nameSchema.default("portico"),
  value: z.union([z.number(), z.string().regex(/^=/, "a number or an expression")]).default(1),
  dimension: oneOrMany(z.strictObject({ name: nameSchema, value: textValue.optional() }), dimensionsMax).optional(),
});

/** Adds to a metric of one's own; see docs. */
export const emitMetric: Policy = definePolicy({
  name: "emit-metric",
  group: "logging",
  summary: "Adds to a metric of your own, with bounded label sets.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`name\` | required | the metric's name |
| \`namespace\` | \`portico\` | stands before the name |
| \`value\` | 1 | a number, literal or expression |
| \`dimension\` | none | up to ${dimensionsMax}: \`name\` and \`value\`; \`API ID\`, \`Operation ID\`, \`Product ID\`, \`Subscription ID\`, \`User ID\` and \`Client IP address\` need no value |

The metric is a count and a sum of values: \`NAMESPACE_NAME_count\` and \`NAMESPACE_NAME_sum\` at \`/metrics\`, a histogram without buckets over OTLP. Characters that Prometheus does not allow in names become \`_\`.
A metric has at most 500 label sets; what comes beyond is counted with \`other\` in every dimension. Values are cut at 100 characters. A value that is no finite number adds nothing. When an expression fails the call goes on.`,
  sections: ["inbound", "backend", "outbound", "on-error"],
  schema,
  onFault: "continue",
  examples: [
    {
      title: "Orders by organization",
      config: {
        name: "orders",
        namespace: "shop",
        dimension: [{ name: "organization", value: "=caller.organization" }],
      },
    },
    {
      title: "Lengths of paths by API",
      config: { name: "path-length", value: "=size(request.path)", dimension: [{ name: "API ID" }] },
    },
  ],
  build: (config, tools) => {
    const given = config.dimension ?? [];
    const dimensions = given.map(({ name, value }, index) => {
      const known = Object.hasOwn(knownDimensions, name) ? knownDimensions[name] : undefined;
      if (isSecretName(name)) tools.mistake(`.dimension[${index}].name`, "a label must not hold a secret");
      if (value === undefined) {
        if (known === undefined)
          tools.mistake(`.dimension[${index}]`, "`value` is needed: the name is none that is known");
        return known ?? (() => "");
      }
      const built = tools.value(value, "string", `.dimension[${index}].value`);
      return (x: Exchange) => built.of(x);
    });
    const labels = given.map(({ name }) => labelName(name));
    if (new Set(labels).size < labels.length) tools.mistake(".dimension", "two dimensions have the same name");
    const value = tools.value(config.value, "number", ".value");
    const metric = `${labelName(config.namespace)}_${labelName(config.name)}`;
    const add = tools.metrics.metric(metric, `${config.name}, emitted by policies.`, labels);
    return (x) => {
      const amount = Number(value.of(x));
      add(
        dimensions.map((of) => of(x)),
        amount,
      );
      x.record?.note(metric, amount);
    };
  },
});

/** What Prometheus allows in the name of a label: `[a-zA-Z_][a-zA-Z0-9_]*`. */
const labelName = (name: string): string => {
  const text = name
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9_]/g, "_");
  return /^[0-9]/.test(text) ? `_${text}` : text;
};
