import { z } from "zod";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { bodyFrom } from "../expressions/body-value.ts";

const schema = z.strictObject({
  value: z.unknown().optional(),
  template: z.unknown().optional(),
  "xsi-nil": z.unknown().optional(),
  "parse-date": z.unknown().optional(),
});

/** Replaces a body; see docs. */
export const setBody: Policy = definePolicy({
  name: "set-body",
  group: "transformation",
  summary: "Replaces the body: of the request in inbound and backend, of the reply in outbound and on-error.",
  docs: `\`set-body: "text"\`, \`set-body: "=expression"\`, or \`set-body: { value: ... }\`. Text is sent as it is (UTF-8); a literal or a result that is no text becomes JSON. The gateway sets the length; \`Content-Type\` and
\`Content-Encoding\` stay as they are: use \`set-header\`.

\`template: liquid\` with \`xsi-nil\` and \`parse-date\` is not available in this version.`,
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
  ],
  build: (config, tools) => {
    for (const name of ["template", "xsi-nil", "parse-date"] as const)
      if (config[name] !== undefined)
        tools.mistake(
          `.${name}`,
          `\`${name}\` (Liquid templates) is not available in this version: write an expression`,
        );
    if (config.value === undefined) tools.mistake(".value", "a value is needed");
    const value = tools.value(config.value ?? "", "any", ".value");
    const isOnReply = tools.section === "outbound" || tools.section === "on-error";
    const literal = value.constant === undefined ? undefined : bodyFrom(value.constant);
    return (x) => {
      const message = isOnReply ? x.reply : x.request;
      message?.body.replace(literal ?? bodyFrom(value.of(x)));
    };
  },
});
