import { z } from "zod";
import { tokenPattern } from "../exchange/headers.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";

const schema = z.strictObject({ method: z.string().min(1).max(4096) });

/** Changes the method that the backend sees; see docs. */
export const setMethod: Policy = definePolicy({
  name: "set-method",
  group: "transformation",
  summary: "Changes the method of the request to the backend.",
  docs: `\`set-method: POST\`, or \`set-method: { method: "=..." }\`. Literal or expression; upper case as the backend expects it. \`CONNECT\` and \`TRACE\` are refused. The body stays as it is. In \`outbound\` and \`on-error\` the backend has
been called already; there only later policies see the change.`,
  sections: ["inbound", "outbound", "on-error"],
  schema,
  shorthand: "method",
  examples: [{ title: "Short", config: "POST" }],
  build: (config, tools) => {
    const method = tools.value(config.method, "string", ".method");
    if (method.constant !== undefined && !isMethod(method.constant))
      tools.mistake(".method", "not a method that is served");
    return (x) => {
      const name = method.of(x);
      if (!isMethod(name)) throw new RangeError(`${JSON.stringify(name.slice(0, 40))} is not a method that is served`);
      x.request.method = name;
    };
  },
});

const isMethod = (name: string): boolean =>
  tokenPattern.test(name) && name.length <= 40 && !/^(connect|trace)$/i.test(name);
