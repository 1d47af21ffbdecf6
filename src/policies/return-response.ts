import { z } from "zod";
import type { Exchange } from "../exchange/exchange.ts";
import { headerEdit, headerEditSchema } from "../exchange/header-edit.ts";
import { fieldValuePattern, plainHeaders } from "../exchange/headers.ts";
import { heldBytes } from "../exchange/held-response.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { numberValue, oneOrMany, variableNameAttribute } from "../exchange/policy-schema.ts";
import { bodyFrom, bodySource, mediaTypeOf } from "../expressions/body-value.ts";

const schema = z.strictObject({
  "set-status": z
    .union([numberValue, z.strictObject({ code: numberValue, reason: z.string().max(200).optional() })])
    .optional(),
  "set-header": oneOrMany(headerEditSchema, 100).optional(),
  "set-body": z.unknown().optional(),
  "response-variable-name": variableNameAttribute.optional(),
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
With \`response-variable-name\` the reply begins as what that variable holds (the answer of \`send-request\`): its status, fields and body, which the other attributes change.`,
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
    const variable = config["response-variable-name"];
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
    const heldIn = (x: Exchange): ReturnType<typeof heldBytes> => {
      if (variable === undefined) return undefined;
      const held = heldBytes(x.variables.get(variable));
      if (held === undefined) throw new RangeError(`the variable ${variable} holds no answer of send-request`);
      return held;
    };
    return (x) => {
      const from = heldIn(x);
      const status = from !== undefined && config["set-status"] === undefined ? from.held.status : code.of(x);
      if (!isStatus(status)) throw new RangeError(`${status} is not a status from 200 to 599`);
      const headers = plainHeaders(from === undefined ? [] : passable(from.held.headers));
      for (const edit of edits) edit.apply(x, headers);
      const content = body === undefined ? from?.body : body.of(x);
      // RFC 9110 section 15: these statuses have no content.
      const hasBody = content !== undefined && status !== 204 && status !== 304;
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

/** Fields of an answer that was received whole and decoded: its framing and coding are gone, the connection was another. */
const passable = (headers: ReadonlyMap<string, string>): readonly (readonly [string, string])[] =>
  [...headers].filter(
    ([name]) =>
      !/^(?:connection|content-encoding|content-length|keep-alive|set-cookie|transfer-encoding|upgrade)$/.test(name),
  );

const isStatus = (status: number): boolean => Number.isInteger(status) && status >= 200 && status <= 599;
