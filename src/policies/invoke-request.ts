import { z } from "zod";
import { tokenPattern } from "../exchange/headers.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";

const schema = z.strictObject({
  method: z.string().min(1).max(4096).optional(),
  url: z.string().min(1).max(4096).optional(),
  "backend-id": z.string().min(1).max(200).optional(),
});

/** Calls a URL or a backend as the source of the reply; see docs. */
export const invokeRequest: Policy = definePolicy({
  name: "invoke-request",
  group: "routing",
  summary: "Calls a URL or a backend with the client's request; its answer is the reply.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`url\` | | base URL of the call, with the operation's path behind it; literal or expression |
| \`backend-id\` | | a backend by name, instead of \`url\` |
| \`method\` | the client's | literal or expression |

Stands in the section \`backend\` in the place of \`forward-request\`. \`response-variable-name\` is not available: use \`send-request\` for answers that only policies read.`,
  sections: ["backend"],
  schema,
  examples: [{ title: "Another service answers", config: { method: "POST", "backend-id": "main" } }],
  build: (config, tools) => {
    if ((config.url === undefined) === (config["backend-id"] === undefined))
      tools.mistake("", "either `url` or `backend-id` is needed");
    const id = config["backend-id"];
    if (id !== undefined && !tools.target.backends.includes(id))
      tools.mistake(".backend-id", `unknown backend ${JSON.stringify(id)}`);
    const url = config.url === undefined ? undefined : tools.value(config.url, "string", ".url");
    const method = config.method === undefined ? undefined : tools.value(config.method, "string", ".method");
    if (method?.constant !== undefined && !tokenPattern.test(method.constant))
      tools.mistake(".method", "not a legal method");
    return async (x) => {
      if (method !== undefined) x.request.method = method.of(x);
      if (url !== undefined) x.backendUrl = url.of(x);
      else x.backend = id ?? null;
      await x.forward({});
    };
  },
});
