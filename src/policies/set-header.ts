import { z } from "zod";
import type { Exchange } from "../exchange/exchange.ts";
import { type Headers, tokenPattern } from "../exchange/headers.ts";
import { definePolicy, type Policy, type Value } from "../exchange/policy.ts";
import { oneOrMany, textValue } from "../exchange/policy-schema.ts";

const actions = ["override", "skip", "append", "delete"] as const;
const schema = z.strictObject({
  name: z.string().min(1).max(4096),
  "exists-action": z.enum(actions).default("override"),
  value: oneOrMany(textValue, 50).optional(),
});

/** Fields that the engine owns: a policy that set them could split or merge messages (RFC 9112 section 11). */
const refusedNames = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

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
  schema,
  examples: [
    { title: "The caller's organization for the backend", config: { name: "x-tenant", value: "=caller.organization" } },
    {
      title: "Two fields",
      config: { name: "link", "exists-action": "append", value: ["</a>; rel=next", "</b>; rel=prev"] },
    },
    { title: "Remove", config: { name: "server", "exists-action": "delete" } },
  ],
  build: (config, tools) => {
    const name = tools.value(config.name, "string", ".name");
    if (name.constant !== undefined) {
      if (!tokenPattern.test(name.constant)) tools.mistake(".name", "not a legal header name");
      else if (refusedNames.has(name.constant.toLowerCase()))
        tools.mistake(".name", `\`${name.constant}\` belongs to the engine and cannot be set by a policy`);
    }
    const action = config["exists-action"];
    if (action === "delete" && config.value !== undefined) tools.mistake(".value", "`delete` takes no value");
    if (action !== "delete" && (config.value === undefined || config.value.length === 0))
      tools.mistake(".value", `\`${action}\` needs a value`);
    const values = (config.value ?? []).map((value, index) => tools.value(value, "string", `.value[${index}]`));
    const isOnReply = tools.section === "outbound" || tools.section === "on-error";
    return (x) => {
      const headers = isOnReply ? x.reply?.headers : x.request.headers;
      const field = name.constant ?? checkedName(name.of(x));
      if (headers === undefined) return late(x, field, action, values);
      change(x, headers, field, action, values);
      return undefined;
    };
  },
});

const change = (
  x: Exchange,
  headers: Headers,
  name: string,
  action: (typeof actions)[number],
  values: readonly Value<string>[],
): void => {
  if (action === "delete") {
    headers.delete(name);
    return;
  }
  if (action === "skip" && headers.has(name)) return;
  for (const [index, value] of values.entries()) {
    if (index === 0 && action !== "append") headers.set(name, value.of(x));
    else headers.append(name, value.of(x));
  }
};

/** In `on-error` there may be no reply yet; the field then goes to the one that will be made. */
const late = (
  x: Exchange,
  name: string,
  action: (typeof actions)[number],
  values: readonly Value<string>[],
): undefined => {
  if (action !== "delete") x.setReplyHeader(name, values.map((value) => value.of(x)).join(", "));
  return undefined;
};

const checkedName = (name: string): string => {
  if (!tokenPattern.test(name) || refusedNames.has(name.toLowerCase()))
    throw new RangeError(`set-header may not set ${JSON.stringify(name.slice(0, 80))}`);
  return name;
};
