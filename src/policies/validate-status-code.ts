import { z } from "zod";
import { actionAttribute, findingReporter, responseFor } from "../exchange/contract-checks.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { oneOrMany, statusAttribute, variableNameAttribute } from "../exchange/policy-schema.ts";
import { refuse } from "../exchange/refuse.ts";

const schema = z.strictObject({
  "unspecified-status-code-action": actionAttribute,
  "errors-variable-name": variableNameAttribute.optional(),
  "status-code": oneOrMany(z.strictObject({ code: statusAttribute, action: actionAttribute }), 100).optional(),
});

/** Checks that the document has the status of a reply; see docs. */
export const validateStatusCode: Policy = definePolicy({
  name: "validate-status-code",
  group: "validation",
  summary: "Checks that the API's own document has the status of the reply.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`unspecified-status-code-action\` | required | what happens with a status that the document does not have: \`prevent\` (502), \`detect\` (log), \`ignore\` |
| \`errors-variable-name\` | none | a variable that holds what was found |
| \`status-code\` | none | \`{code, action}\`: instead, for one status |

A range (\`4XX\`) and \`default\` declare the statuses they stand for. Answers 502 \`backend.reply_unexpected\`.`,
  sections: ["outbound", "on-error"],
  schema,
  examples: [
    {
      title: "Only documented statuses, but 404",
      config: { "unspecified-status-code-action": "prevent", "status-code": { code: 404, action: "ignore" } },
    },
  ],
  build: (config, tools) => {
    const report = findingReporter(tools, "validate-status-code", config["errors-variable-name"]);
    const named = new Map((config["status-code"] ?? []).map(({ code, action }) => [code, action]));
    return (x) => {
      const operations = tools.contract?.operations ?? {};
      const id = x.route.operation;
      if (x.reply === null) return undefined;
      const { status } = x.reply;
      const operation = Object.hasOwn(operations, id) ? operations[id] : undefined;
      if (operation === undefined) throw new Error("the unit holds no contract of the operation");
      if (responseFor(operation.responses, status) !== undefined) return undefined;
      const action = named.get(status) ?? config["unspecified-status-code-action"];
      if (action === "ignore") return undefined;
      report(x, action, [{ in: "status", name: String(status), pointer: "", detail: "is not in the document" }]);
      return action === "prevent" ? refuse("backend.reply_unexpected") : undefined;
    };
  },
});
