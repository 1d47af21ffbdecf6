import { stringify } from "yaml";
import { z } from "zod";
import type { Policy } from "../exchange/policy.ts";
import { expressionNouns } from "../expressions/environment.ts";

const groupTitles: Readonly<Record<Policy["group"], string>> = {
  authentication: "Authentication and authorization",
  limits: "Rate limits and quotas",
  validation: "Content validation",
  routing: "Routing",
  caching: "Caching",
  transformation: "Transformation",
  control: "Control",
  "cross-domain": "Cross-domain",
  logging: "Logging",
};

/** The text of docs/policies.md: every policy from its definition, the expressions' names, and what is refused by name. */
export const policyReference = (available: readonly Policy[], later: readonly Policy[]): string => {
  const groups = (Object.keys(groupTitles) as Policy["group"][]).filter((group) =>
    available.some((policy) => policy.group === group),
  );
  return `${[
    "# Policies",
    "Generated from the policies' definitions; `npm test` compares. How documents, sections and scopes work stands in the README.",
    "An attribute that takes an expression takes a literal, or with a leading `=` a CEL expression; `\\=` begins a literal with `=`. Durations are `250ms`, `60s`, `5m`, `1h`, `7d`, or bare seconds. Unknown policies and attributes are refused when they are configured, with file and path.",
    groups
      .map((group) => {
        const names = available.filter((policy) => policy.group === group).map((policy) => link(policy.name));
        return `- ${groupTitles[group]}: ${names.join(", ")}`;
      })
      .join("\n"),
    ...groups.flatMap((group) => [
      `## ${groupTitles[group]}`,
      ...available.filter((policy) => policy.group === group).map(policySection),
    ]),
    expressionSection(),
    "## Not available in this version",
    "These names of the catalogue are known and refused when they are configured:",
    later.map((policy) => `\`${policy.name}\``).join(", "),
  ].join("\n\n")}\n`;
};

/** One policy's configuration as JSON Schema, as it is written in a document. */
export const policyJsonSchema = (policy: Policy): unknown =>
  z.toJSONSchema(policy.schema, { io: "input", unrepresentable: "any" });

const link = (name: string): string => `[\`${name}\`](#${name})`;

const policySection = (policy: Policy): string =>
  [
    `### ${policy.name}`,
    `${policy.summary} *Sections: ${policy.sections.join(", ")}.*${policy.onFault === "continue" ? " *A fault of this policy does not end the call.*" : ""}`,
    policy.docs,
    ...policy.examples.map(
      (example) => `${example.title}:\n\n\`\`\`yaml\n${stringify([{ [policy.name]: example.config }]).trim()}\n\`\`\``,
    ),
  ].join("\n\n");

const expressionSection = (): string =>
  [
    "## Expressions",
    'CEL, compiled and checked when it is configured. A header, claim or variable that is absent is a fault; `request.headers[?"x"].orValue("")` and `"x" in request.headers` ask first. Integers have 64 bits. `matches` takes patterns without back references, look-around and `(?i)`, and runs in linear time.',
    [
      "| name | fields | what it is |",
      "| --- | --- | --- |",
      ...expressionNouns.map(
        (noun) =>
          `| \`${noun.name}\` | ${Object.entries(noun.fields)
            .map(([name, type]) => `\`${name}\` ${type}`)
            .join(", ")} | ${noun.summary} |`,
      ),
      "| `variables` | map<string, dyn> | What `set-variable` and other policies have kept for this call. |",
      "| `now` | timestamp | The time of the evaluation. |",
    ].join("\n"),
  ].join("\n\n");
