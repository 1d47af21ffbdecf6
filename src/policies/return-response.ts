import { z } from "zod";
import { headerEdit, headerEditSchema } from "../exchange/header-edit.ts";
import { fieldValuePattern, plainHeaders } from "../exchange/headers.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { numberValue, oneOrMany } from "../exchange/policy-schema.ts";
import { bodyFrom, mediaTypeOf } from "../expressions/body-value.ts";

const schema = z.strictObject({
  "set-status": z
    .union([numberValue, z.strictObject({ code: numberValue, reason: z.string().max(200).optional() })])
    .optional(),
  "set-header": oneOrMany(headerEditSchema, 100).optional(),
  "set-body": z.unknown().optional(),
  "response-variable-name": z.unknown().optional(),
});

/** Ends the call with a reply made here; see docs. */
export const returnResponse: Policy = definePolicy({
  name: "return-response",
  group: "control",
  summary: "Stops and answers the caller with a reply made here.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`set-status\` | 200 | a code, or \`code\` and \`reason\`; literals or expressions |
| \`set-header\` | none | a header as in the policy \`set-header\`, or a list of them |
| \`set-body\` | empty | text, JSON or an expression, as in the policy \`set-body\` |

Without a \`Content-Type\` among the headers, text is \`text/plain; charset=utf-8\` and anything else \`application/json\`. Nothing that stands after it in the section runs; \`outbound\` does not run either.
\`response-variable-name\` is not available in this version.`,
  sections: ["inbound", "backend", "outbound", "on-error"],
  schema,
  examples: [
    { title: "An empty 200", config: {} },
    {
      title: "Moved",
      config: { "set-status": 308, "set-header": { name: "location", value: "='https://new.example' + request.path" } },
    },
    {
      title: "JSON",
      config: {
        "set-status": { code: 503, reason: "Maintenance" },
        "set-header": [{ name: "retry-after", value: "3600" }],
        "set-body": { message: "Back at noon." },
      },
    },
  ],
  build: (config, tools) => {
    if (config["response-variable-name"] !== undefined)
      tools.mistake(".response-variable-name", "`response-variable-name` is not available in this version");
    const given = config["set-status"] ?? 200;
    const { code: codeSource, reason: reasonSource } =
      typeof given === "object" ? given : { code: given, reason: undefined };
    const codePath = typeof given === "object" ? ".set-status.code" : ".set-status";
    const code = tools.value(codeSource, "number", codePath);
    if (code.constant !== undefined && !isStatus(code.constant))
      tools.mistake(codePath, "a whole number from 200 to 599");
    const reason = reasonSource === undefined ? undefined : tools.value(reasonSource, "string", ".set-status.reason");
    if (reason?.constant !== undefined && !fieldValuePattern.test(reason.constant))
      tools.mistake(".set-status.reason", "no control characters and nothing beyond latin1");
    const edits = (config["set-header"] ?? []).map((edit, index) => headerEdit(edit, `.set-header[${index}]`, tools));
    const body =
      config["set-body"] === undefined ? undefined : tools.value(bodySource(config["set-body"]), "any", ".set-body");
    return (x) => {
      const status = code.of(x);
      if (!isStatus(status)) throw new RangeError(`${status} is not a status from 200 to 599`);
      const headers = plainHeaders();
      for (const edit of edits) edit.apply(x, headers);
      const content = body?.of(x);
      // RFC 9110 section 15: these statuses have no content.
      const hasBody = body !== undefined && status !== 204 && status !== 304;
      if (hasBody && !headers.has("content-type")) headers.set("content-type", mediaTypeOf(content));
      return {
        status,
        ...(reason === undefined ? {} : { reason: reason.of(x) }),
        headers: headers.entries(),
        body: hasBody ? bodyFrom(content) : null,
      };
    };
  },
});

/** `set-body` within another policy is written as the policy itself is: bare, or with `value`. */
const bodySource = (source: unknown): unknown => {
  if (source === null || typeof source !== "object" || Array.isArray(source)) return source;
  const keys = Object.keys(source);
  return keys.length === 1 && keys[0] === "value" ? Reflect.get(source, "value") : source;
};

const isStatus = (status: number): boolean => Number.isInteger(status) && status >= 200 && status <= 599;
