import { z } from "zod";
import { accepts, convertBody, isJsonType, isXmlType, mediaTypeOf } from "../exchange/changed-body.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { booleanValue } from "../exchange/policy-schema.ts";
import { sectionMessage } from "../exchange/section-message.ts";
import { xmlValue } from "../exchange/xml-value.ts";

const kinds = ["javascript-friendly", "direct"] as const;
const applies = ["always", "content-type-xml"] as const;
const schema = z.strictObject({
  kind: z.string().max(4096),
  apply: z.string().max(4096),
  "consider-accept-header": booleanValue.default(true),
  "always-array-child-elements": booleanValue.default(false),
});

/** Converts an XML body to JSON; see docs. */
export const xmlToJson: Policy = definePolicy({
  name: "xml-to-json",
  group: "transformation",
  summary: "Converts a body from XML to JSON.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`kind\` | required | \`direct\`: attributes as \`@name\`, a prefix as \`prefix$name\`; \`javascript-friendly\`: local names without namespaces, attributes beside elements |
| \`apply\` | required | \`always\`, or \`content-type-xml\`: only where \`Content-Type\` says XML |
| \`consider-accept-header\` | true | only where the request's \`Accept\` names JSON |
| \`always-array-child-elements\` | false | every child element becomes a list, also where it stands alone |

All attributes take expressions. An element with neither attributes nor children is its text; text beside them is \`#text\`; \`xsi:nil="true"\` is null. The body is held as a whole (8 MiB at most). What is
not well formed, and every document type declaration, is refused with 400 \`request.body_invalid\`; entities are never expanded.`,
  sections: ["inbound", "outbound", "on-error"],
  schema,
  examples: [
    {
      title: "A legacy backend",
      config: { kind: "direct", apply: "content-type-xml", "consider-accept-header": false },
    },
  ],
  build: (config, tools) => {
    const kind = tools.value(config.kind, "string", ".kind");
    if (kind.constant !== undefined && oneOf(kinds, kind.constant) === undefined)
      tools.mistake(".kind", `one of ${kinds.join(", ")}`);
    const apply = tools.value(config.apply, "string", ".apply");
    if (apply.constant !== undefined && oneOf(applies, apply.constant) === undefined)
      tools.mistake(".apply", `one of ${applies.join(", ")}`);
    const considersAccept = tools.value(config["consider-accept-header"], "boolean", ".consider-accept-header");
    const isAlwaysList = tools.value(config["always-array-child-elements"], "boolean", ".always-array-child-elements");
    const message = sectionMessage(tools.section);
    return async (x) => {
      const target = message(x);
      if (target === null || target.body.isEmpty) return;
      if (apply.of(x) !== "always" && !isXmlType(mediaTypeOf(target.headers))) return;
      if (considersAccept.of(x) && !accepts(x, isJsonType)) return;
      const chosen = oneOf(kinds, kind.of(x));
      if (chosen === undefined) throw new RangeError("`kind` is none of the two");
      const options = { kind: chosen, isAlwaysList: isAlwaysList.of(x) };
      await convertBody(target, "application/json", (text) => JSON.stringify(xmlValue(text, options)));
    };
  },
});

const oneOf = <T extends string>(list: readonly T[], text: string): T | undefined => list.find((one) => one === text);
