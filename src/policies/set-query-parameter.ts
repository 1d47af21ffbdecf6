import { z } from "zod";
import { existsActions } from "../exchange/header-edit.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { oneOrMany, textValue } from "../exchange/policy-schema.ts";

const schema = z.strictObject({
  name: z.string().min(1).max(4096),
  "exists-action": z.enum(existsActions).default("override"),
  value: oneOrMany(textValue, 50).optional(),
});

/** Sets a query parameter of what goes to the backend; see docs. */
export const setQueryParameter: Policy = definePolicy({
  name: "set-query-parameter",
  group: "transformation",
  summary: "Sets, adds or removes a query parameter of the request to the backend.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`name\` | required | the parameter; literal or expression |
| \`exists-action\` | \`override\` | where the parameter is there already: \`override\` replaces all its values, \`skip\` leaves them, \`append\` adds, \`delete\` removes it (and takes no value) |
| \`value\` | required unless deleting | literal or expression, or a list; encoded by the gateway |

Other parameters keep their bytes and their order.`,
  sections: ["inbound", "backend"],
  schema,
  examples: [
    { title: "A fixed parameter", config: { name: "api-version", value: "2026-01-01", "exists-action": "skip" } },
    { title: "Not for the backend", config: { name: "debug", "exists-action": "delete" } },
  ],
  build: (config, tools) => {
    const action = config["exists-action"];
    if (action === "delete" && config.value !== undefined) tools.mistake(".value", "`delete` takes no value");
    if (action !== "delete" && (config.value === undefined || config.value.length === 0))
      tools.mistake(".value", `\`${action}\` needs a value`);
    const name = tools.value(config.name, "string", ".name");
    const values = (config.value ?? []).map((value, index) => tools.value(value, "string", `.value[${index}]`));
    return (x) => {
      const parameter = name.of(x);
      if (action === "delete") {
        x.request.setQueryParameter(parameter, null);
        return;
      }
      const before = action === "override" ? [] : x.request.queryParameters(parameter);
      if (action === "skip" && before.length > 0) return;
      x.request.setQueryParameter(parameter, [...before, ...values.map((value) => value.of(x))]);
    };
  },
});
