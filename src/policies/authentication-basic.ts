import { z } from "zod";
import { basicCredentials } from "../exchange/basic-credentials.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";

const schema = z.strictObject({ username: z.string().max(4096), password: z.string().max(4096) });

/** Basic credentials for the backend; see docs. */
export const authenticationBasic: Policy = definePolicy({
  name: "authentication-basic",
  group: "authentication",
  summary: "Sends Basic credentials (RFC 7617) to the backend.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`username\` | required | literal or expression, without a colon |
| \`password\` | required | literal or expression; keep it in a secret named value: \`{{backend-password}}\` |

Replaces the client's \`Authorization\` in what goes to the backend.`,
  sections: ["inbound"],
  schema,
  examples: [{ title: "A password from a named value", config: { username: "gateway", password: "secret" } }],
  build: (config, tools) => {
    const username = tools.value(config.username, "string", ".username");
    const password = tools.value(config.password, "string", ".password");
    if (username.constant?.includes(":")) tools.mistake(".username", "a user name has no colon (RFC 7617)");
    return (x) => x.request.headers.set("authorization", basicCredentials(username.of(x), password.of(x)));
  },
});
