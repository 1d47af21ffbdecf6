import { z } from "zod";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { oneOrMany, textValue } from "../exchange/policy-schema.ts";
import { isSecretName, redacted, withoutCredentials } from "../exchange/secret-text.ts";

const metadataMax = 20;
const charactersMax = 1_000;
const severities = { verbose: "debug", information: "info", error: "error" } as const;

const schema = z.strictObject({
  source: z.string().min(1).max(200),
  severity: z.enum(["verbose", "information", "error"]).default("verbose"),
  message: textValue,
  metadata: oneOrMany(z.strictObject({ name: z.string().min(1).max(100), value: textValue }), metadataMax).optional(),
});

/** Adds a message to the call's explanation, its trace and the log; see docs. */
export const tracePolicy: Policy = definePolicy({
  name: "trace",
  group: "logging",
  summary: "Adds a message to the call's explanation, to its trace, and to the gateway's log.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`source\` | required | who speaks: a constant |
| \`message\` | required | text; literal or expression |
| \`severity\` | \`verbose\` | \`verbose\`, \`information\` or \`error\`: in the log \`debug\`, \`info\` and \`error\` |
| \`metadata\` | none | further values: a list of \`name\` and \`value\` |

In an explanation and in an exported trace the message stands as a note of this step. The log gets it by its level whether the call is explained or not;
Values under names that speak of a secret, and text that looks like a credential, are redacted. When an expression fails the call goes on without the message.`,
  sections: ["inbound", "backend", "outbound", "on-error"],
  schema,
  onFault: "continue",
  examples: [
    {
      title: "What the partner was asked for",
      config: {
        source: "partner",
        severity: "information",
        message: "='asked for ' + request.path",
        metadata: [{ name: "plan", value: "=caller.plan" }],
      },
    },
  ],
  build: (config, tools) => {
    const message = tools.value(config.message, "string", ".message");
    const metadata = (config.metadata ?? []).map(({ name, value }, index) => ({
      name,
      value: tools.value(value, "string", `.metadata[${index}].value`),
    }));
    const level = severities[config.severity];
    return (x) => {
      const text = safe("", message.of(x));
      const values = metadata.map(({ name, value }) => [name, safe(name, value.of(x))] as const);
      x.record?.note(config.source, text);
      for (const [name, value] of values) x.record?.note(`${config.source} ${name}`, value);
      tools.log[level](text, {
        source: config.source,
        requestId: x.id,
        traceId: x.traceId,
        api: x.route.api,
        operation: x.route.operation,
        ...(values.length === 0 ? {} : { metadata: Object.fromEntries(values) }),
      });
    };
  },
});

const safe = (name: string, text: string): string => {
  if (name !== "" && text !== "" && isSecretName(name)) return redacted;
  return withoutCredentials(text.length > charactersMax ? `${text.slice(0, charactersMax)}...` : text);
};
