import { z } from "zod";
import { tokenPattern } from "../exchange/headers.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { oneOrMany, statusAttribute, textValue } from "../exchange/policy-schema.ts";
import { refuse } from "../exchange/refuse.ts";

const schema = z.strictObject({
  name: z.string().min(1).max(4096),
  "failed-check-httpcode": statusAttribute.optional(),
  "failed-check-error-message": z.string().max(1000).optional(),
  "ignore-case": z.boolean().default(false),
  value: oneOrMany(textValue, 200).optional(),
});

/** Refuses calls without a header, or with another value than allowed; see docs. */
export const checkHeader: Policy = definePolicy({
  name: "check-header",
  group: "authentication",
  summary: "Refuses calls unless a header is there and has an allowed value.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`name\` | required | the header; literal or expression |
| \`value\` | any | allowed values, each a literal or expression; without one the header only has to be there |
| \`ignore-case\` | \`false\` | compares values without regard to case |
| \`failed-check-httpcode\` | 401 | status of the refusal |
| \`failed-check-error-message\` | a general text | what the caller reads as \`detail\` |

Where the header occurs several times, every occurrence must be allowed. The refusal's code is \`request.header_missing\`.`,
  sections: ["inbound"],
  schema,
  examples: [
    {
      title: "A shared secret of a front door",
      config: { name: "x-front-door", value: ["id-1", "id-2"], "failed-check-httpcode": 403 },
    },
    {
      title: "Must be there",
      config: { name: "x-tenant", "failed-check-error-message": "Name your tenant in X-Tenant." },
    },
  ],
  build: (config, tools) => {
    const name = tools.value(config.name, "string", ".name");
    if (name.constant !== undefined && !tokenPattern.test(name.constant))
      tools.mistake(".name", "not a legal header name");
    const values = (config.value ?? []).map((value, index) => tools.value(value, "string", `.value[${index}]`));
    const folded = (text: string): string => (config["ignore-case"] ? text.toLowerCase() : text);
    const status = config["failed-check-httpcode"];
    return (x) => {
      const header = name.of(x);
      const found = x.request.headers.getAll(header);
      if (found.length > 0) {
        const allowed = values.map((value) => folded(value.of(x)));
        if (allowed.length === 0 || found.every((value) => allowed.includes(folded(value)))) return undefined;
      }
      return refuse("request.header_missing", {
        ...(status === undefined ? {} : { status }),
        ...(config["failed-check-error-message"] === undefined ? {} : { detail: config["failed-check-error-message"] }),
        // RFC 9110 section 15.5.2: a 401 names a challenge.
        headers:
          (status ?? 401) === 401 && tokenPattern.test(header) ? [["WWW-Authenticate", `Header name="${header}"`]] : [],
      });
    };
  },
});
