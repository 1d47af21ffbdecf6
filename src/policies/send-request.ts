import { z } from "zod";
import { Fault, messageOf } from "../base/fault.ts";
import { heldResponse } from "../exchange/held-response.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { booleanValue, variableNameAttribute } from "../exchange/policy-schema.ts";
import { sideCall, sideCallAttributes } from "../expressions/side-call.ts";

const schema = z.strictObject({
  ...sideCallAttributes,
  "response-variable-name": variableNameAttribute,
  "ignore-error": booleanValue.default(false),
});

/** Calls a URL and keeps the answer; see docs. */
export const sendRequest: Policy = definePolicy({
  name: "send-request",
  group: "control",
  summary: "Calls a URL beside the exchange and keeps the answer in a variable.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`response-variable-name\` | required | the variable that holds the answer: \`status\`, \`headers\` (lower-case names), \`body\` (text), \`json\` |
| \`mode\` | \`new\` | \`new\` begins with an empty request; \`copy\` with the client's method, fields and body |
| \`set-url\` | required | literal or expression |
| \`set-method\` | \`GET\`, or the client's | literal or expression |
| \`set-header\`, \`set-body\` | none | as in the policies of that name |
| \`authentication-basic\` | none | \`username\` and \`password\` |
| \`timeout\` | 60s | for the whole call |
| \`ignore-error\` | false | true: where no answer comes the variable is null and the call goes on; false: the call ends with 502 \`backend.call_failed\` |

Any status is an answer. Redirects are not followed. An answer of more than 4 MiB counts as none. The variable can be the reply: \`return-response\` with \`response-variable-name\`.`,
  sections: ["inbound", "backend", "outbound", "on-error"],
  schema,
  examples: [
    {
      title: "Ask another service who this is",
      config: {
        "response-variable-name": "who",
        "set-url": "='https://users.internal.example/' + request.headers['x-user']",
        "set-header": { name: "accept", value: "application/json" },
        timeout: "2s",
      },
    },
  ],
  build: (config, tools) => {
    const prepare = sideCall(config, tools);
    const ignoresError = tools.value(config["ignore-error"], "boolean", ".ignore-error");
    const name = config["response-variable-name"];
    return async (x) => {
      const { url, options } = await prepare(x);
      try {
        x.variables.set(name, heldResponse(await tools.fetch(url, options)));
      } catch (cause) {
        tools.log.info("a call beside the exchange got no answer", { requestId: x.id, reason: messageOf(cause) });
        if (!ignoresError.of(x)) {
          throw new Fault("backend.call_failed", {
            public: "A service that this call needs did not answer.",
            internal: `${new URL(url).origin}: ${messageOf(cause)}`,
            cause,
          });
        }
        x.variables.set(name, null);
      }
    };
  },
});
