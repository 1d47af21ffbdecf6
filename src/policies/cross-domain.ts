import { z } from "zod";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { replyWith } from "../exchange/reply.ts";

const schema = z.strictObject({
  xml: z
    .string()
    .max(64 * 1024)
    .regex(/<cross-domain-policy[\s>]/, "the text of a <cross-domain-policy>"),
});

/** Answers the policy file that Flash and Silverlight ask for; see docs. */
export const crossDomain: Policy = definePolicy({
  name: "cross-domain",
  group: "cross-domain",
  summary: "Answers `/crossdomain.xml` and `/clientaccesspolicy.xml` for clients that ask for such a file.",
  docs: `\`xml\` (or the bare text) is the \`<cross-domain-policy>\` that is answered, as it is. The API must have an operation for the path that is asked for; browsers use \`cors\`.`,
  sections: ["inbound"],
  schema,
  shorthand: "xml",
  examples: [
    {
      title: "One domain",
      config: { xml: '<cross-domain-policy><allow-access-from domain="apps.example" /></cross-domain-policy>' },
    },
  ],
  build: (config) => (x) =>
    /\/(?:crossdomain|clientaccesspolicy)\.xml$/.test(x.request.path)
      ? replyWith(200, "text/x-cross-domain-policy; charset=utf-8", config.xml)
      : undefined,
});
