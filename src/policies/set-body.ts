import { z } from "zod";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { sectionMessage } from "../exchange/section-message.ts";
import { bodyFrom } from "../expressions/body-value.ts";
import { liquidTemplate } from "../expressions/liquid-template.ts";

const schema = z.strictObject({
  value: z.unknown().optional(),
  template: z.literal("liquid").optional(),
  "xsi-nil": z.enum(["blank", "null"]).default("blank"),
  "parse-date": z.boolean().default(true),
});

/** Replaces a body; see docs. */
export const setBody: Policy = definePolicy({
  name: "set-body",
  group: "transformation",
  summary: "Replaces the body: of the request in inbound and backend, of the reply in outbound and on-error.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`value\` | required | text, JSON or an expression; the bare value stands for it |
| \`template\` | none | \`liquid\`: the value is a Liquid template |
| \`xsi-nil\` | \`blank\` | with a template over an XML body: an element with \`xsi:nil="true"\` is an empty text, or with \`null\` nothing |
| \`parse-date\` | true | taken from documents of the catalogue; dates of a body always stay texts as they came, which the filter \`date\` reads |

Text is sent as it is (UTF-8); a literal or a result that is no text becomes JSON. The gateway sets the length; \`Content-Type\` and \`Content-Encoding\` stay as they are: use \`set-header\`.

A template sees \`body\` (parsed where \`Content-Type\` says JSON or XML, else text), \`request\`, \`response\`, \`caller\`, \`api\`, \`operation\`, \`variables\` with the members that expressions know, and has 100 ms.
It reads no file: \`include\` and \`render\` find nothing. Braces in it are Liquid's: a named value reaches it by \`set-variable\`.`,
  sections: ["inbound", "backend", "outbound", "on-error"],
  schema,
  shorthand: "value",
  examples: [
    { title: "Text", config: "gone" },
    {
      title: "JSON of an expression",
      config: { value: "={'organization': caller.organization, 'path': request.path}" },
    },
    { title: "A JSON literal", config: { value: { ok: true } } },
    {
      title: "A template",
      config: { template: "liquid", value: '{"name": {{ body.customer.name | upcase | json }}}' },
    },
  ],
  build: (config, tools) => {
    if (config.value === undefined) tools.mistake(".value", "a value is needed");
    const message = sectionMessage(tools.section);
    if (config.template === "liquid") {
      const template = liquidTemplate(config.value, tools, { isNilNull: config["xsi-nil"] === "null" });
      return async (x) => {
        const target = message(x);
        if (target !== null) target.body.replace(await template.render(x, target));
      };
    }
    const value = tools.value(config.value ?? "", "any", ".value");
    const literal = value.constant === undefined ? undefined : bodyFrom(value.constant);
    return (x) => {
      message(x)?.body.replace(literal ?? bodyFrom(value.of(x)));
    };
  },
});
