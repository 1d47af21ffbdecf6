import { z } from "zod";
import { logLevels } from "../base/log.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { textValue } from "../exchange/policy-schema.ts";
import { isSecretName, redacted, withoutCredentials } from "../exchange/secret-text.ts";
import { plainValue } from "../expressions/plain-value.ts";

const fieldsMax = 50;
const valueCharactersMax = 2_000;
const schema = z.strictObject({
  message: textValue,
  level: z.enum(logLevels).default("info"),
  fields: z
    .record(z.string().min(1).max(100), z.unknown())
    .refine((fields) => Object.keys(fields).length <= fieldsMax, `at most ${fieldsMax} fields`)
    .optional(),
});

/** Writes a line to the gateway's log; see docs. A failing expression costs the line, not the call. */
export const logPolicy: Policy = definePolicy({
  name: "log",
  group: "logging",
  summary: "Writes a structured line to the gateway's log.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`message\` | required | text; literal or expression |
| \`level\` | \`info\` | \`debug\`, \`info\`, \`warn\` or \`error\` |
| \`fields\` | none | further values by name, each a literal or an expression; below \`fields\` in the line |

Each line carries the request id, the API and the operation. Fields whose name speaks of a secret (\`authorization\`, \`cookie\`, \`password\`, \`token\`, \`secret\`, \`api-key\`, ...) are written as \`[redacted]\`, and so is
text that looks like a bearer token, a JWT or a key, wherever it stands. Texts are cut at ${valueCharactersMax} characters. When an expression fails, the call goes on without the line.`,
  sections: ["inbound", "backend", "outbound", "on-error"],
  schema,
  onFault: "continue",
  examples: [
    {
      title: "Slow partner",
      config: {
        message: "='order by ' + caller.organization",
        level: "warn",
        fields: { plan: "=caller.plan", status: "=response.status" },
      },
    },
  ],
  build: (config, tools) => {
    const message = tools.value(config.message, "string", ".message");
    const fields = Object.entries(config.fields ?? {}).map(([name, source]) => ({
      name,
      value: tools.value(source, "any", `.fields.${name}`),
    }));
    const write = tools.log[config.level];
    return (x) => {
      const values: Record<string, unknown> = Object.create(null);
      for (const { name, value } of fields) values[name] = safe(name, plainValue(value.of(x)));
      write(cut(message.of(x)), {
        requestId: x.id,
        api: x.route.api,
        operation: x.route.operation,
        ...(fields.length === 0 ? {} : { fields: values }),
      });
    };
  },
});

/** A value without what looks like a secret; plain values have no cycles and a bounded depth. */
const safe = (name: string, value: unknown): unknown => {
  if (isSecretName(name) && value !== null && value !== "") return redacted;
  if (typeof value === "string") return cut(value);
  if (Array.isArray(value)) return value.map((entry) => safe(name, entry));
  if (value !== null && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, safe(key, entry)]));
  return value;
};

const cut = (text: string): string => {
  const short = text.length > valueCharactersMax ? `${text.slice(0, valueCharactersMax)}...` : text;
  return withoutCredentials(short);
};
