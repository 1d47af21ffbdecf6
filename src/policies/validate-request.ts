import { z } from "zod";
import { Fault } from "../base/fault.ts";
import { mediaTypeOf } from "../exchange/changed-body.ts";
import {
  bodyFindings,
  type ContentCheck,
  type ContractFinding,
  contentChecks,
  contentFor,
  findingReporter,
  type ParameterCheck,
  parameterChecks,
  perOperation,
  queryOf,
  requestParameterFindings,
} from "../exchange/contract-checks.ts";
import type { Exchange, StepResult } from "../exchange/exchange.ts";
import { bodyWithin } from "../exchange/held-body.ts";
import { queryPairsMax, takesQueryName } from "../exchange/parameter-values.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { variableNameAttribute } from "../exchange/policy-schema.ts";
import { refuse } from "../exchange/refuse.ts";
import type { Reply } from "../exchange/reply.ts";

const schema = z.strictObject({
  mode: z.enum(["enforce", "detect"]).default("enforce"),
  "unknown-query-parameters": z.enum(["allow", "refuse"]).default("allow"),
  "max-size": z
    .int()
    .min(1)
    .max(8 * 1024 * 1024)
    .default(1024 * 1024),
  "errors-variable-name": variableNameAttribute.optional(),
});

interface RequestChecks {
  readonly parameters: readonly ParameterCheck[];
  readonly isBodyRequired: boolean;
  /** Null where the document has no body for the operation. */
  readonly contents: readonly ContentCheck[] | null;
}

/** Checks a whole request against the API's document; see docs. */
export const validateRequest: Policy = definePolicy({
  name: "validate-request",
  group: "validation",
  summary: "Checks the whole request, parameters and body, against the API's own document.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`mode\` | \`enforce\` | \`enforce\` refuses, \`detect\` lets pass and tells: log, metric \`validation_findings_total\`, explain |
| \`unknown-query-parameters\` | \`allow\` | \`refuse\`: what the document does not have is a finding |
| \`max-size\` | 1048576 | bytes of a body that are validated; a larger one is refused with 413, with \`detect\` it passes unchecked |
| \`errors-variable-name\` | none | a variable that holds what was found: a list of \`in\`, \`name\`, \`pointer\`, \`detail\` |

Parameters: 400 \`request.parameters_invalid\`. Body: 415 for a media type that the document does not have, 422 \`request.content_invalid\` for one that is missing or not valid. Each answer has \`errors\` with JSON pointers and never a value of the request.
JSON (\`application/json\`, \`+json\`) and URL-encoded forms are checked by their schemas, of other bodies the media type alone. The same bytes go on.`,
  sections: ["inbound"],
  schema,
  examples: [
    { title: "Refuse what the document does not allow", config: {} },
    { title: "Watch first", config: { mode: "detect", "errors-variable-name": "found" } },
  ],
  build: (config, tools) => {
    const isEnforced = config.mode === "enforce";
    const report = findingReporter(tools, "validate-request", config["errors-variable-name"]);
    const keys = new Set(tools.target.keyQueryParameters);
    const checksOf = perOperation<RequestChecks>(
      tools,
      { direction: "request", additional: undefined, isCaseless: false },
      function* (operation, id, set) {
        return {
          parameters: yield* parameterChecks(set, `${id} parameter`, operation.parameters),
          isBodyRequired: operation.body?.required === true,
          contents:
            operation.body === undefined ? null : yield* contentChecks(set, `${id} request`, operation.body.content),
        };
      },
    );
    const act = (x: Exchange, findings: readonly ContractFinding[], refused: () => Reply): StepResult => {
      report(x, isEnforced ? "prevent" : "detect", findings);
      return isEnforced ? refused() : undefined;
    };
    const parameters = (x: Exchange, checks: RequestChecks): StepResult => {
      let findings: ContractFinding[] | null = null;
      const query = queryOf(x);
      for (const one of checks.parameters) {
        const found = requestParameterFindings(one, x, query);
        if (found !== null) findings = [...(findings ?? []), ...found];
      }
      if (config["unknown-query-parameters"] === "refuse") {
        if (query.length > queryPairsMax)
          findings = [{ in: "query", pointer: "", detail: `has more than ${queryPairsMax} parameters` }];
        for (const name of new Set(query.map(([name]) => name))) {
          if (keys.has(name) || checks.parameters.some((one) => takesQueryName(one.parameter, name))) continue;
          findings ??= [];
          findings.push({
            in: "query",
            name: name.slice(0, 100),
            pointer: "",
            detail: "is not a parameter of the operation",
          });
        }
      }
      const found = findings;
      if (found === null) return undefined;
      return act(x, found, () => refuse("request.parameters_invalid", { errors: found.slice(0, 20) }));
    };
    const body = (x: Exchange, checks: RequestChecks): StepResult | Promise<StepResult> => {
      const { body: sent, headers } = x.request;
      if (sent.isEmpty) {
        if (!checks.isBodyRequired) return undefined;
        const missing = [finding("is required")];
        return act(x, missing, () => refuse("request.content_invalid", { errors: missing }));
      }
      // A body that the document does not speak of goes on unread.
      if (checks.contents === null) return undefined;
      const type = mediaTypeOf(headers);
      const check = contentFor(checks.contents, type);
      if (check === undefined) {
        const types = checks.contents.map(({ content }) => content.mediaType).slice(0, 10);
        return act(x, [finding("has a Content-Type that the document does not have")], () =>
          refuse("request.media_type_unsupported", { headers: [["accept", types.join(", ")]] }),
        );
      }
      if (check.content.schema === true || check.content.isStream === true) return undefined;
      return read(x, type, check);
    };
    const read = async (x: Exchange, type: string, check: ContentCheck): Promise<StepResult> => {
      let findings: readonly ContractFinding[] | null;
      try {
        const bytes = await bodyWithin(x.request, config["max-size"]);
        if (bytes === null)
          return act(x, [finding(`has more than ${config["max-size"]} bytes`)], () => refuse("request.body_too_large"));
        findings = bodyFindings(bytes, type, check);
      } catch (thrown) {
        if (!(thrown instanceof Fault) || thrown.code !== "request.body_invalid") throw thrown;
        findings = [finding("is not what its Content-Encoding says")];
      }
      const found = findings;
      return found === null ? undefined : act(x, found, () => refuse("request.content_invalid", { errors: found }));
    };
    const run = (x: Exchange, checks: RequestChecks): StepResult | Promise<StepResult> =>
      parameters(x, checks) ?? body(x, checks);
    return (x) => {
      const checks = checksOf(x);
      return checks instanceof Promise ? checks.then((made) => run(x, made)) : run(x, checks);
    };
  },
});

const finding = (detail: string): ContractFinding => ({ in: "body", pointer: "", detail });
