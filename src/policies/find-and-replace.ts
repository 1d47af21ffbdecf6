import { z } from "zod";
import { changeBody, plainStream } from "../exchange/changed-body.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { replacedText } from "../exchange/replaced-text.ts";
import { sectionMessage } from "../exchange/section-message.ts";

const charactersMax = 4096;
const schema = z.strictObject({
  from: z.string().min(1).max(charactersMax),
  to: z.string().max(charactersMax),
});

/** Replaces a text in a body while it passes; see docs. */
export const findAndReplace: Policy = definePolicy({
  name: "find-and-replace",
  group: "transformation",
  summary: "Replaces every occurrence of a text in the body, while it passes.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`from\` | required | the text to find; literal or expression; compared byte by byte as UTF-8 |
| \`to\` | required | what stands there instead; literal or expression; may be empty |

Acts on the request in inbound and backend, on the reply in outbound and on-error. The body is not held: an event stream goes on flowing. A body in gzip, deflate, br or zstd is decoded and goes on
without coding; one in an unknown coding passes unchanged. The message loses its length, \`Content-MD5\` and digests, and a strong \`ETag\` becomes weak.`,
  sections: ["inbound", "backend", "outbound", "on-error"],
  schema,
  examples: [{ title: "A name that has changed", config: { from: "http://old.example", to: "https://new.example" } }],
  build: (config, tools) => {
    const from = tools.value(config.from, "string", ".from");
    const to = tools.value(config.to, "string", ".to");
    const message = sectionMessage(tools.section);
    return (x) => {
      const target = message(x);
      const search = from.of(x);
      if (target === null || target.body.isEmpty || search === "") return;
      const stream = plainStream(target);
      if (stream !== undefined) changeBody(target, replacedText(stream, [{ from: search, to: to.of(x) }]));
    };
  },
});
