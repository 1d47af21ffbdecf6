import { z } from "zod";
import { convertBody } from "../exchange/changed-body.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { oneOrMany, textValue } from "../exchange/policy-schema.ts";
import { sectionMessage } from "../exchange/section-message.ts";
import { rootOf } from "../exchange/xml-value.ts";
import { type Transformer, xslTransformer } from "../exchange/xsl-transformer.ts";

const schema = z.strictObject({
  stylesheet: z
    .string()
    .min(1)
    .max(512 * 1024),
  parameter: oneOrMany(
    z.strictObject({ name: z.string().regex(/^[A-Za-z_][\w.-]*$/), value: textValue }),
    50,
  ).optional(),
});

/** Transforms an XML body by XSLT; see docs. */
export const xslTransform: Policy = definePolicy({
  name: "xsl-transform",
  group: "transformation",
  summary: "Transforms an XML body by an XSLT 1.0 stylesheet.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`stylesheet\` | required | the text of the \`<xsl:stylesheet>\`; the bare text stands for it |
| \`parameter\` | none | \`name\` and \`value\` (literal or expression) of a top-level \`xsl:param\`, or a list of them; always a string |

Runs libxslt in a thread of its own with 2 s for each body: a stylesheet that does not end costs its call, nothing else. It reads no file and no URL (\`document()\`, \`xsl:import\` and \`xsl:include\` find
nothing), and a body with a document type declaration is refused. The body is held as a whole (8 MiB at most). \`Content-Type\` becomes \`application/xml\`, \`text/html\` or \`text/plain\` as \`xsl:output\` says.`,
  sections: ["inbound", "outbound"],
  schema,
  shorthand: "stylesheet",
  examples: [
    {
      title: "Only the titles",
      config: {
        stylesheet:
          '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:template match="/"><titles><xsl:copy-of select="//title" /></titles></xsl:template></xsl:stylesheet>',
      },
    },
  ],
  build: (config, tools) => {
    const fault = xslFault(config.stylesheet);
    if (fault !== undefined) tools.mistake(".stylesheet", fault);
    const parameters = (config.parameter ?? []).map(({ name, value }, index) => ({
      name,
      value: tools.value(value, "string", `.parameter[${index}].value`),
    }));
    const transformer = tools.shared<Transformer>("xsl-transform", xslTransformer);
    const message = sectionMessage(tools.section);
    const mediaType =
      mediaTypes[/<xsl:output\b[^>]*\bmethod\s*=\s*["'](html|text)["']/.exec(config.stylesheet)?.[1] ?? "xml"];
    return async (x) => {
      const target = message(x);
      if (target === null || target.body.isEmpty) return;
      const values = Object.fromEntries(parameters.map(({ name, value }) => [name, value.of(x)]));
      await convertBody(target, mediaType ?? "application/xml", (text) =>
        transformer.transform(config.stylesheet, text, values),
      );
    };
  },
});

const mediaTypes: Readonly<Record<string, string>> = {
  xml: "application/xml; charset=utf-8",
  html: "text/html; charset=utf-8",
  text: "text/plain; charset=utf-8",
};

/** What can be seen of a stylesheet without running it. */
const xslFault = (stylesheet: string): string | undefined => {
  if (/<!DOCTYPE/i.test(stylesheet)) return "a document type declaration is not taken";
  const root = rootOf(stylesheet);
  if (root === undefined) return "the stylesheet is not well-formed XML";
  const isStylesheet = /^(?:stylesheet|transform)$/.test(root.localName ?? "");
  if (!isStylesheet || root.namespaceURI !== "http://www.w3.org/1999/XSL/Transform")
    return "the root is no <xsl:stylesheet> of XSLT 1.0";
  return undefined;
};
