import { z } from "zod";
import { boundedMap } from "../base/bounded-map.ts";
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
  replyHeaderFindings,
  responseFor,
} from "../exchange/contract-checks.ts";
import type { Exchange, ExchangeReply } from "../exchange/exchange.ts";
import { bodyWithin } from "../exchange/held-body.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { variableNameAttribute } from "../exchange/policy-schema.ts";
import { refuse } from "../exchange/refuse.ts";

/** Differences that one policy remembers having told of: each is logged once. */
const driftsMax = 500;

const schema = z.strictObject({
  mode: z.enum(["enforce", "detect"]).default("enforce"),
  "max-size": z
    .int()
    .min(1)
    .max(8 * 1024 * 1024)
    .default(1024 * 1024),
  fields: z.enum(["as-written", "documented"]).default("as-written"),
  "errors-variable-name": variableNameAttribute.optional(),
});

interface ResponseChecks {
  readonly status: string;
  readonly headers: readonly ParameterCheck[];
  readonly contents: readonly ContentCheck[];
}

interface ClosedChecks {
  readonly status: string;
  /** By schemas that know no further properties: what they find beside is a field that the document does not have. */
  readonly closed: readonly ContentCheck[];
}

/** Checks a whole reply against the API's document; see docs. */
export const validateResponse: Policy = definePolicy({
  name: "validate-response",
  group: "validation",
  summary:
    "Checks the whole reply, status, headers and body, against the API's own document, and learns where they drift apart.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`mode\` | \`enforce\` | \`enforce\` answers 502 \`backend.reply_unexpected\` instead, \`detect\` lets pass and tells |
| \`fields\` | \`as-written\` | \`documented\`: a field that no schema names is a finding, though the schema does not forbid it |
| \`max-size\` | 1048576 | bytes of a body that are validated; a larger one passes unchecked |
| \`errors-variable-name\` | none | a variable that holds what was found |

**Drift.** Undocumented statuses, media types and fields are counted in the metric \`contract_drift_total\` (by API, operation and kind) in both modes, and each is logged when it is seen first (at most ${driftsMax} are remembered). A field counts though the schema allows more than it names.
What is wrong never stands in the answer to the caller. Place it in \`outbound\`; answers of the gateway itself are not checked.`,
  sections: ["outbound"],
  schema,
  examples: [
    { title: "Watch a backend", config: { mode: "detect" } },
    { title: "Only documented fields leave", config: { fields: "documented" } },
  ],
  build: (config, tools) => {
    const isEnforced = config.mode === "enforce";
    const report = findingReporter(tools, "validate-response", config["errors-variable-name"]);
    const count = tools.metrics.metric(
      "contract_drift_total",
      "Replies that hold what the API's document does not, by API, operation and kind.",
      ["api", "operation", "kind"],
    );
    const seen = boundedMap<string, true>(driftsMax);
    const drift = (x: Exchange, kind: "status" | "media-type" | "field", what: string): void => {
      count([x.route.api, x.route.operation, kind], 1);
      const key = `${x.route.operation} ${kind} ${what}`;
      if (seen.get(key)) return;
      seen.set(key, true);
      tools.log.info("a reply holds what the API's document does not", { operation: x.route.operation, kind, what });
    };
    const checksOf = perOperation<readonly ResponseChecks[]>(
      tools,
      { direction: "reply", additional: undefined, isCaseless: false },
      function* (operation, id, set) {
        const made: ResponseChecks[] = [];
        for (const { status, headers, content } of operation.responses)
          made.push({
            status,
            headers: yield* parameterChecks(set, `${id} ${status}`, headers),
            contents: yield* contentChecks(set, `${id} ${status}`, content),
          });
        return made;
      },
    );
    const closedOf = perOperation<readonly ClosedChecks[]>(
      tools,
      { direction: "reply", additional: false, isCaseless: false },
      function* (operation, id, set) {
        const made: ClosedChecks[] = [];
        for (const { status, content } of operation.responses)
          made.push({ status, closed: yield* contentChecks(set, `${id} ${status}`, content) });
        return made;
      },
    );
    return async (x) => {
      const reply = x.reply;
      if (reply === null) return undefined;
      const findings = await findingsIn(x, reply, await checksOf(x), await closedOf(x));
      if (findings.length === 0) return undefined;
      report(x, isEnforced ? "prevent" : "detect", findings);
      return isEnforced ? refuse("backend.reply_unexpected") : undefined;
    };

    async function findingsIn(
      x: Exchange,
      reply: ExchangeReply,
      checks: readonly ResponseChecks[],
      closed: readonly ClosedChecks[],
    ): Promise<readonly ContractFinding[]> {
      const declared = responseFor(checks, reply.status);
      if (declared === undefined) {
        drift(x, "status", String(reply.status));
        return [{ in: "status", name: String(reply.status), pointer: "", detail: "is not in the document" }];
      }
      const findings: ContractFinding[] = [];
      for (const one of declared.headers) findings.push(...(replyHeaderFindings(one, reply) ?? []));
      if (x.request.method === "HEAD" || reply.body.isEmpty || declared.contents.length === 0) return findings;
      const type = mediaTypeOf(reply.headers);
      const check = contentFor(declared.contents, type);
      if (check === undefined) {
        drift(x, "media-type", type.slice(0, 100));
        return [...findings, finding("has a Content-Type that the document does not have")];
      }
      if (check.content.schema === true || check.content.isStream === true) return findings;
      try {
        const bytes = await bodyWithin(reply, config["max-size"]);
        if (bytes === null) return findings;
        const found = bodyFindings(bytes, type, check);
        if (found !== null) return [...findings, ...found];
        const strict = contentFor(responseFor(closed, reply.status)?.closed ?? [], type);
        const extra = strict === undefined ? null : bodyFindings(bytes, type, strict);
        for (const { pointer } of extra ?? []) drift(x, "field", pointer.replace(/\/\d+(?=\/|$)/g, "/*"));
        return config.fields === "documented" ? [...findings, ...(extra ?? [])] : findings;
      } catch (thrown) {
        if (!(thrown instanceof Fault) || thrown.code !== "request.body_invalid") throw thrown;
        return [...findings, finding("is not what its Content-Encoding says")];
      }
    }
  },
});

const finding = (detail: string): ContractFinding => ({ in: "body", pointer: "", detail });
