import { z } from "zod";
import { changeBody, isJsonType, mediaTypeOf, plainText } from "../exchange/changed-body.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";

const schema = z.strictObject({ "callback-parameter-name": z.string().min(1).max(100) });

/** A name that a script may call, and nothing else: `cb`, `jQuery17_1.cb`, `cbs[3]`. */
const callbackPattern = /^[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*|\[\d{1,6}\])*$/;
const callbackCharactersMax = 128;

/** Wraps JSON into a call of a script's function; see docs. */
export const jsonp: Policy = definePolicy({
  name: "jsonp",
  group: "cross-domain",
  summary: "Wraps a JSON reply into a call of the function that a query parameter names (JSONP).",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`callback-parameter-name\` | required | the query parameter that names the function; without it the reply stays as it is |

Only for JSON replies to GET. A name that is no JavaScript name (letters, digits, \`_\`, \`$\`, \`.\`, \`[n]\`; 128 characters) leaves the reply as it is. The reply becomes \`application/javascript\` with
\`X-Content-Type-Options: nosniff\`. New clients should use \`cors\`.`,
  sections: ["outbound"],
  schema,
  examples: [{ title: "As old pages call it", config: { "callback-parameter-name": "cb" } }],
  build: (config) => async (x) => {
    const { reply, request } = x;
    const callback = request.queryParameter(config["callback-parameter-name"]);
    if (callback === undefined || reply === null || request.method !== "GET") return;
    if (callback.length > callbackCharactersMax || !callbackPattern.test(callback)) return;
    if (!isJsonType(mediaTypeOf(reply.headers))) return;
    // The comment keeps the reply from being read as another kind of file; the separators are line ends in old scripts.
    const text = (await plainText(reply)).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
    changeBody(reply, `/**/${callback}(${text === "" ? "null" : text});`);
    reply.headers.set("content-type", "application/javascript; charset=utf-8");
    x.setReplyHeader("x-content-type-options", "nosniff");
  },
});
