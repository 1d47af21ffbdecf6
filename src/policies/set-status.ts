import { z } from "zod";
import { fieldValuePattern } from "../exchange/headers.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { numberValue } from "../exchange/policy-schema.ts";

const schema = z.strictObject({ code: numberValue, reason: z.string().max(200).optional() });

/** Changes the status line of the reply; see docs. */
export const setStatus: Policy = definePolicy({
  name: "set-status",
  group: "transformation",
  summary: "Changes the status of the reply.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`code\` | required | 200 to 599; literal or expression |
| \`reason\` | the usual one | the reason phrase; literal or expression |

\`set-status: 204\` is short for \`set-status: { code: 204 }\`. In \`inbound\` there is a reply only where a policy made one; without one nothing happens. To answer at once, use \`return-response\`.`,
  sections: ["inbound", "outbound", "on-error"],
  schema,
  shorthand: "code",
  examples: [
    { title: "Short", config: 204 },
    { title: "By the fault", config: { code: "=error.code == 'backend.timeout' ? 503 : 502", reason: "Try later" } },
  ],
  build: (config, tools) => {
    const code = tools.value(config.code, "number", ".code");
    if (code.constant !== undefined && !isStatus(code.constant))
      tools.mistake(".code", "a whole number from 200 to 599");
    const reason = config.reason === undefined ? undefined : tools.value(config.reason, "string", ".reason");
    if (reason?.constant !== undefined && !fieldValuePattern.test(reason.constant))
      tools.mistake(".reason", "no control characters and nothing beyond latin1");
    return (x) => {
      if (!x.reply) return;
      const status = code.of(x);
      if (!isStatus(status)) throw new RangeError(`${status} is not a status from 200 to 599`);
      const phrase = reason?.of(x);
      if (phrase !== undefined && !fieldValuePattern.test(phrase))
        throw new RangeError("the reason holds a control character");
      x.reply.status = status;
      // The phrase of the old status would contradict the new one; the engine puts the usual one where there is none.
      x.reply.reason = phrase ?? "";
    };
  },
});

const isStatus = (status: number): boolean => Number.isInteger(status) && status >= 200 && status <= 599;
