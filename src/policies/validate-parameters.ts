import { z } from "zod";
import {
  type Action,
  actionAttribute,
  type ContractFinding,
  findingReporter,
  type ParameterCheck,
  parameterChecks,
  perOperation,
  queryOf,
  requestParameterFindings,
} from "../exchange/contract-checks.ts";
import type { Exchange, StepResult } from "../exchange/exchange.ts";
import { queryPairsMax, takesQueryName } from "../exchange/parameter-values.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { oneOrMany, variableNameAttribute } from "../exchange/policy-schema.ts";
import { refuse } from "../exchange/refuse.ts";

const parameter = z.strictObject({ name: z.string().min(1).max(256), action: actionAttribute });
const place = z.strictObject({
  "specified-parameter-action": actionAttribute.optional(),
  "unspecified-parameter-action": actionAttribute.optional(),
  parameter: oneOrMany(parameter, 200).optional(),
});

const schema = z.strictObject({
  "specified-parameter-action": actionAttribute,
  "unspecified-parameter-action": actionAttribute,
  "errors-variable-name": variableNameAttribute.optional(),
  headers: place.optional(),
  query: place.optional(),
  path: place.optional(),
});

/** Checks the parameters of a request against the API's document; see docs. */
export const validateParameters: Policy = definePolicy({
  name: "validate-parameters",
  group: "validation",
  summary: "Checks path, query and header parameters against the API's own document.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`specified-parameter-action\` | required | what happens where a parameter of the document is missing or not valid: \`prevent\` (400), \`detect\` (log), \`ignore\` |
| \`unspecified-parameter-action\` | required | the same for a parameter that the document does not have |
| \`errors-variable-name\` | none | a variable that holds what was found: a list of \`in\`, \`name\`, \`pointer\`, \`detail\` |
| \`headers\`, \`query\`, \`path\` | none | the two actions for one place, and \`parameter: {name, action}\` for one parameter |

Values are read by style (\`simple\`, \`label\`, \`matrix\`, \`form\`, \`spaceDelimited\`, \`pipeDelimited\`, \`deepObject\`, \`cookie\`, 2.0's collection formats), \`explode\` and \`content\`, and checked against their schemas, in all versions of OpenAPI. The query is the one that goes to the backend.
Cookies of the document count as headers. Fields that belong to HTTP, to credentials of the gateway, to tracing and to browsers are never unspecified.
Answers 400 \`request.parameters_invalid\` with \`errors\`; values are not repeated.`,
  sections: ["inbound"],
  schema,
  examples: [
    {
      title: "Refuse what is not valid",
      config: { "specified-parameter-action": "prevent", "unspecified-parameter-action": "ignore" },
    },
    {
      title: "One parameter is only watched",
      config: {
        "specified-parameter-action": "prevent",
        "unspecified-parameter-action": "ignore",
        "errors-variable-name": "found",
        query: { "unspecified-parameter-action": "prevent", parameter: { name: "debug", action: "detect" } },
      },
    },
  ],
  build: (config, tools) => {
    const rules = {
      path: rulesOf(config, config.path),
      query: rulesOf(config, config.query),
      header: rulesOf(config, config.headers),
    };
    const report = findingReporter(tools, "validate-parameters", config["errors-variable-name"]);
    const credentials = new Set([...tools.target.keyHeaders, ...tools.target.keyQueryParameters]);
    const checksOf = perOperation(
      tools,
      { direction: "request", additional: undefined, isCaseless: false },
      function* (operation, id, set) {
        return yield* parameterChecks(set, `${id} parameter`, operation.parameters);
      },
    );
    const run = (x: Exchange, checks: readonly ParameterCheck[]): StepResult => {
      const prevented: ContractFinding[] = [];
      const detected: ContractFinding[] = [];
      const note = (action: Action, findings: readonly ContractFinding[] | null): void => {
        if (findings !== null && action !== "ignore") (action === "prevent" ? prevented : detected).push(...findings);
      };
      const query = queryOf(x);
      for (const one of checks) {
        const { specified, named } = rules[placeOf(one.parameter.in)];
        const action = named.get(one.parameter.name.toLowerCase()) ?? specified;
        if (action !== "ignore") note(action, requestParameterFindings(one, x, query));
      }
      const unspecified = (where: "query" | "header", name: string): void => {
        const { unspecified: general, named } = rules[where];
        const action = named.get(name.toLowerCase()) ?? general;
        note(action, [
          { in: where, name: name.slice(0, 100), pointer: "", detail: "is not a parameter of the operation" },
        ]);
      };
      if (rules.query.mayRefuse) {
        if (query.length > queryPairsMax)
          note("prevent", [{ in: "query", pointer: "", detail: `has more than ${queryPairsMax} parameters` }]);
        const names = new Set(query.map(([name]) => name));
        for (const name of names)
          if (!credentials.has(name) && !checks.some((one) => takesQueryName(one.parameter, name)))
            unspecified("query", name);
      }
      if (rules.header.mayRefuse) {
        for (const name of new Set(x.request.headers.entries().map(([field]) => field.toLowerCase()))) {
          if (credentials.has(name) || isOfHttp(name)) continue;
          if (!checks.some((one) => one.parameter.in === "header" && one.parameter.name === name))
            unspecified("header", name);
        }
      }
      if (detected.length > 0) report(x, "detect", detected);
      if (prevented.length === 0) return undefined;
      report(x, "prevent", prevented);
      return refuse("request.parameters_invalid", { errors: prevented.slice(0, 20) });
    };
    return (x) => {
      const checks = checksOf(x);
      return checks instanceof Promise ? checks.then((made) => run(x, made)) : run(x, checks);
    };
  },
});

interface Rules {
  readonly specified: Action;
  readonly unspecified: Action;
  readonly named: ReadonlyMap<string, Action>;
  readonly mayRefuse: boolean;
}

const rulesOf = (config: z.output<typeof schema>, own: z.output<typeof place> | undefined): Rules => {
  const named = new Map((own?.parameter ?? []).map(({ name, action }) => [name.toLowerCase(), action]));
  const unspecified = own?.["unspecified-parameter-action"] ?? config["unspecified-parameter-action"];
  return {
    specified: own?.["specified-parameter-action"] ?? config["specified-parameter-action"],
    unspecified,
    named,
    mayRefuse: unspecified !== "ignore" || [...named.values()].some((action) => action !== "ignore"),
  };
};

const placeOf = (where: ParameterCheck["parameter"]["in"]): "path" | "query" | "header" =>
  where === "querystring" ? "query" : where === "cookie" ? "header" : where;

const ofHttp: ReadonlySet<string> = new Set(
  "accept authorization cache-control connection content-encoding content-length content-type cookie date expect forwarded from host keep-alive max-forwards origin pragma priority proxy-authorization range referer te traceparent tracestate baggage trailer transfer-encoding upgrade upgrade-insecure-requests user-agent via dnt x-api-key x-request-id portico-explain".split(
    " ",
  ),
);

/** Fields that any client may send: no document lists them. */
const isOfHttp = (name: string): boolean =>
  ofHttp.has(name) || /^(?:accept-|if-|sec-|x-forwarded-|access-control-)/.test(name);
