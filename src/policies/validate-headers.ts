import { z } from "zod";
import {
  actionAttribute,
  type ContractFinding,
  findingReporter,
  parameterChecks,
  perOperation,
  replyHeaderFindings,
  responseFor,
} from "../exchange/contract-checks.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { headerNameAttribute, oneOrMany, variableNameAttribute } from "../exchange/policy-schema.ts";
import { refuse } from "../exchange/refuse.ts";

const schema = z.strictObject({
  "specified-header-action": actionAttribute,
  "unspecified-header-action": actionAttribute,
  "errors-variable-name": variableNameAttribute.optional(),
  header: oneOrMany(z.strictObject({ name: headerNameAttribute, action: actionAttribute }), 200).optional(),
});

/** Checks the headers of a reply against the API's document; see docs. */
export const validateHeaders: Policy = definePolicy({
  name: "validate-headers",
  group: "validation",
  summary: "Checks the headers of a reply against the API's own document.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`specified-header-action\` | required | what happens where a header of the document is missing or not valid: \`prevent\` (502), \`detect\` (log), \`ignore\` |
| \`unspecified-header-action\` | required | the same for a header that the document does not have |
| \`errors-variable-name\` | none | a variable that holds what was found |
| \`header\` | none | \`{name, action}\`: instead, for one header |

Headers that HTTP itself defines, and \`Content-Type\`, are never unspecified. Answers 502 \`backend.reply_unexpected\`; what is wrong stands in the log, not in the answer.`,
  sections: ["outbound", "on-error"],
  schema,
  examples: [
    {
      title: "Only what is documented goes out",
      config: {
        "specified-header-action": "detect",
        "unspecified-header-action": "prevent",
        header: { name: "x-trace", action: "ignore" },
      },
    },
  ],
  build: (config, tools) => {
    const report = findingReporter(tools, "validate-headers", config["errors-variable-name"]);
    const named = new Map((config.header ?? []).map(({ name, action }) => [name.toLowerCase(), action]));
    const checksOf = perOperation(
      tools,
      { direction: "reply", additional: undefined, isCaseless: false },
      function* (operation, id, set) {
        const made = [];
        for (const { status, headers } of operation.responses)
          made.push({ status, headers: yield* parameterChecks(set, `${id} ${status}`, headers) });
        return made;
      },
    );
    return async (x) => {
      const responses = await checksOf(x);
      const reply = x.reply;
      const declared = reply === null ? undefined : responseFor(responses, reply.status);
      // A status that the document does not have is the business of `validate-status-code`.
      if (reply === null || declared === undefined) return undefined;
      const prevented: ContractFinding[] = [];
      const detected: ContractFinding[] = [];
      const note = (
        name: string,
        general: "ignore" | "prevent" | "detect",
        found: readonly ContractFinding[] | null,
      ): void => {
        const action = named.get(name) ?? general;
        if (found !== null && action !== "ignore") (action === "prevent" ? prevented : detected).push(...found);
      };
      for (const one of declared.headers)
        note(one.parameter.name, config["specified-header-action"], replyHeaderFindings(one, reply));
      for (const name of new Set(reply.headers.entries().map(([field]) => field.toLowerCase()))) {
        if (isOfHttp(name) || declared.headers.some((one) => one.parameter.name === name)) continue;
        note(name, config["unspecified-header-action"], [
          { in: "header", name: name.slice(0, 100), pointer: "", detail: "is not in the document" },
        ]);
      }
      if (detected.length > 0) report(x, "detect", detected);
      if (prevented.length === 0) return undefined;
      report(x, "prevent", prevented);
      return refuse("backend.reply_unexpected");
    };
  },
});

const ofHttp: ReadonlySet<string> = new Set(
  "age allow alt-svc cache-control connection content-disposition content-encoding content-language content-length content-location content-range content-security-policy content-type date etag expires keep-alive last-modified link location pragma proxy-authenticate retry-after server server-timing set-cookie strict-transport-security trailer transfer-encoding upgrade vary via warning www-authenticate x-request-id".split(
    " ",
  ),
);

const isOfHttp = (name: string): boolean => ofHttp.has(name) || /^(?:accept-|access-control-|ratelimit)/.test(name);
