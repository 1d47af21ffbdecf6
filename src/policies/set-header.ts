import { headerEdit, headerEditSchema } from "../exchange/header-edit.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";

/** Sets a header of the request or of the reply; see docs. */
export const setHeader: Policy = definePolicy({
  name: "set-header",
  group: "transformation",
  summary:
    "Sets, adds or removes a header: of the request in inbound and backend, of the reply in outbound and on-error.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`name\` | required | the header's name; literal or expression |
| \`exists-action\` | \`override\` | what happens where the header is there already: \`override\` replaces all its fields, \`skip\` leaves them, \`append\` adds fields, \`delete\` removes the header (and takes no value) |
| \`value\` | required unless deleting | literal or expression; a list gives several fields |

Not settable: \`Host\` (use the backend's \`preserve-host\` or its URL) and what frames messages or belongs to the connection (\`Content-Length\`, \`Transfer-Encoding\`, \`Connection\`, \`Keep-Alive\`,
\`TE\`, \`Trailer\`, \`Upgrade\`, \`Expect\`): the engine sets these. A value with a line break or another control character is a fault of the policy (500), never sent.`,
  sections: ["inbound", "backend", "outbound", "on-error"],
  schema: headerEditSchema,
  examples: [
    { title: "The caller's organization for the backend", config: { name: "x-tenant", value: "=caller.organization" } },
    {
      title: "Two fields",
      config: { name: "link", "exists-action": "append", value: ["</a>; rel=next", "</b>; rel=prev"] },
    },
    { title: "Remove", config: { name: "server", "exists-action": "delete" } },
  ],
  build: (config, tools) => {
    const edit = headerEdit(config, "", tools);
    const isOnReply = tools.section === "outbound" || tools.section === "on-error";
    return (x) => {
      const headers = isOnReply ? x.reply?.headers : x.request.headers;
      if (headers !== undefined) edit.apply(x, headers);
      // In `on-error` there may be no reply yet; the field then goes to the one that will be made.
      else if (edit.action !== "delete") x.setReplyHeader(edit.name(x), edit.values(x).join(", "));
      return undefined;
    };
  },
});
