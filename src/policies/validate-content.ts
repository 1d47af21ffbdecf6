import { z } from "zod";
import { Fault } from "../base/fault.ts";
import { mediaTypeOf } from "../exchange/changed-body.ts";
import {
  type Action,
  actionAttribute,
  bodyFindings,
  type ContentCheck,
  type ContractFinding,
  contentChecks,
  contentFor,
  findingReporter,
  perOperation,
  responseFor,
} from "../exchange/contract-checks.ts";
import type { Exchange, StepResult } from "../exchange/exchange.ts";
import { bodyWithin } from "../exchange/held-body.ts";
import { definePolicy, type Policy, type PolicyTools } from "../exchange/policy.ts";
import { oneOrMany, variableNameAttribute } from "../exchange/policy-schema.ts";
import { refuse } from "../exchange/refuse.ts";
import type { Reply } from "../exchange/reply.ts";
import { sectionMessage } from "../exchange/section-message.ts";

/** Bytes of a body that may be validated. */
const validatedBytesMax = 4 * 1024 * 1024;

const mediaType = z
  .string()
  .max(200)
  .transform((text) => text.trim().toLowerCase());

const content = z.strictObject({
  type: mediaType.optional(),
  "validate-as": z.enum(["json", "xml", "soap"]),
  "schema-id": z.string().min(1).max(200).optional(),
  "schema-ref": z.string().max(500).optional(),
  action: actionAttribute,
  "allow-additional-properties": z.boolean().optional(),
  "case-insensitive-property-names": z.boolean().default(false),
});

const schema = z.strictObject({
  "unspecified-content-type-action": actionAttribute,
  "max-size": z.int().min(1).max(validatedBytesMax),
  "size-exceeded-action": actionAttribute,
  "errors-variable-name": variableNameAttribute.optional(),
  "content-type-map": z
    .strictObject({
      "any-content-type-value": mediaType.optional(),
      "missing-content-type-value": mediaType.optional(),
      type: oneOrMany(z.strictObject({ from: mediaType, to: mediaType }), 50).optional(),
    })
    .optional(),
  content: oneOrMany(content, 50).optional(),
});

type Config = z.output<typeof schema>;
type Entry = z.output<typeof content>;

/** Checks a body against the API's document; see docs. */
export const validateContent: Policy = definePolicy({
  name: "validate-content",
  group: "validation",
  summary: "Checks the body of a request or reply against the API's own document, or a schema of it.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`unspecified-content-type-action\` | required | what happens with a media type that no entry and no document has: \`prevent\` (415), \`detect\` (log), \`ignore\` |
| \`max-size\` | required | bytes that are validated, at most ${validatedBytesMax} |
| \`size-exceeded-action\` | required | what happens with a larger body: \`prevent\` (413), \`detect\`, \`ignore\`; it passes unchecked then, and is not held |
| \`errors-variable-name\` | none | a variable that holds what was found: a list of \`in\`, \`pointer\`, \`detail\` |
| \`content-type-map\` | none | \`any-content-type-value\` instead of every type, \`missing-content-type-value\` where there is none, \`type: {from, to}\` |
| \`content\` | none | the media types that are checked |

An entry of \`content\`:

| attribute | default | meaning |
| --- | --- | --- |
| \`type\` | every type of the document | the media type |
| \`validate-as\` | required | \`json\`; \`xml\` and \`soap\` need XML Schema, which this version does not have: refused |
| \`action\` | required | what happens where the body is not valid: \`prevent\` (400), \`detect\`, \`ignore\` |
| \`schema-id\` | the operation's schema | the name of a schema in the document (\`components/schemas\`, \`definitions\`) |
| \`schema-ref\` | none | only with \`schema-id\`: a JSON pointer into it is not supported and refused |
| \`allow-additional-properties\` | as the schema says | overrides what the schema says of further properties |
| \`case-insensitive-property-names\` | false | names of properties are compared without case |

The same bytes go on. Schemas are JSON Schema 2020-12 whatever the document's version, formats are checked, \`readOnly\` properties are not required in requests nor \`writeOnly\` ones in replies. Patterns run in linear time: one that cannot (back references, look-behind, look-ahead that does not follow a leading \`^\`) is refused when it is configured.
On replies \`prevent\` answers 502 \`backend.reply_unexpected\`. Requests get \`errors\` with JSON pointers; values are not repeated.`,
  sections: ["inbound", "outbound", "on-error"],
  schema,
  examples: [
    {
      title: "JSON after the document",
      config: {
        "unspecified-content-type-action": "prevent",
        "max-size": 102400,
        "size-exceeded-action": "prevent",
        "errors-variable-name": "found",
        content: { type: "application/json", "validate-as": "json", action: "prevent" },
      },
    },
    {
      title: "Whatever it says it is, it is this",
      config: {
        "unspecified-content-type-action": "ignore",
        "max-size": 4096,
        "size-exceeded-action": "detect",
        "content-type-map": { "any-content-type-value": "application/json" },
        content: [{ "validate-as": "json", action: "detect", "allow-additional-properties": false }],
      },
    },
  ],
  build: (config, tools) => {
    for (const [index, entry] of (config.content ?? []).entries()) checkEntry(entry, index, tools);
    const message = sectionMessage(tools.section);
    const isReply = tools.section === "outbound" || tools.section === "on-error";
    const report = findingReporter(tools, "validate-content", config["errors-variable-name"]);
    const checksFor = (config.content ?? []).map((entry) => entryChecks(entry, isReply, tools));
    const act = (
      x: Exchange,
      action: Action,
      finding: readonly ContractFinding[],
      refused: () => Reply,
    ): StepResult => {
      if (action === "ignore") return undefined;
      report(x, action, finding);
      if (action === "detect") return undefined;
      return isReply ? refuse("backend.reply_unexpected") : refused();
    };
    return async (x) => {
      const target = message(x);
      if (target === null || target.body.isEmpty) return undefined;
      const type = mapped(config, mediaTypeOf(target.headers));
      const status = "status" in target ? target.status : 0;
      let chosen: { readonly entry: Entry; readonly check: ContentCheck } | undefined;
      for (const [index, entry] of (config.content ?? []).entries()) {
        if (entry.type !== undefined && entry.type !== type) continue;
        const check = (await checksFor[index]?.(x))?.(type, status);
        if (check === undefined) continue;
        chosen = { entry, check };
        break;
      }
      if (chosen === undefined)
        return act(
          x,
          config["unspecified-content-type-action"],
          [body("has a Content-Type that is not specified")],
          () => refuse("request.media_type_unsupported"),
        );
      const { entry, check } = chosen;
      if (entry.action === "ignore") return undefined;
      let findings: readonly ContractFinding[] | null;
      try {
        const bytes = await bodyWithin(target, config["max-size"]);
        if (bytes === null)
          return act(x, config["size-exceeded-action"], [body(`has more than ${config["max-size"]} bytes`)], () =>
            refuse("request.body_too_large"),
          );
        findings = bodyFindings(
          bytes,
          jsonType(type),
          check,
          entry["case-insensitive-property-names"] ? lowered : undefined,
        );
      } catch (thrown) {
        if (!(thrown instanceof Fault) || thrown.code !== "request.body_invalid") throw thrown;
        findings = [body("is not what its Content-Encoding says")];
      }
      return findings === null
        ? undefined
        : act(x, entry.action, findings, () => refuse("request.content_invalid", { status: 400, errors: findings }));
    };
  },
});

const body = (detail: string): ContractFinding => ({ in: "body", pointer: "", detail });

const checkEntry = (entry: Entry, index: number, tools: PolicyTools): void => {
  const at = `.content[${index}]`;
  if (entry["validate-as"] !== "json")
    tools.mistake(
      `${at}.validate-as`,
      `\`${entry["validate-as"]}\` needs XML Schema, which this version does not have`,
    );
  if (entry["schema-ref"] !== undefined)
    tools.mistake(
      `${at}.schema-ref`,
      "a part of a schema cannot be named in this version; name the schema with `schema-id`",
    );
};

type FindCheck = (type: string, status: number) => ContentCheck | undefined;

/** The checks of one entry: a schema by its name, or those that the document has for the operation. */
const entryChecks = (
  entry: Entry,
  isReply: boolean,
  tools: PolicyTools,
): ((x: Exchange) => FindCheck | Promise<FindCheck>) => {
  const variant = {
    direction: isReply ? "reply" : "request",
    additional: entry["allow-additional-properties"],
    isCaseless: entry["case-insensitive-property-names"],
  } as const;
  const named = entry["schema-id"];
  return perOperation(tools, variant, function* (operation, id, set) {
    if (named !== undefined) {
      const ref = { $ref: `schema:${named.replace(/[^A-Za-z0-9_.-]/g, "_")}` };
      const check = { content: { mediaType: "*/*", schema: ref }, check: yield* set.prepare(`named ${named}`, ref) };
      return () => check;
    }
    if (!isReply) {
      const checks = yield* contentChecks(set, `${id} request`, operation.body?.content ?? []);
      return (type) => contentFor(checks, type);
    }
    const responses: { readonly status: string; readonly checks: readonly ContentCheck[] }[] = [];
    for (const { status, content } of operation.responses)
      responses.push({ status, checks: yield* contentChecks(set, `${id} ${status}`, content) });
    return (type, status) => contentFor(responseFor(responses, status)?.checks ?? [], type);
  });
};

const mapped = (config: Config, type: string): string => {
  const map = config["content-type-map"];
  if (map === undefined) return type;
  if (map["any-content-type-value"] !== undefined) return map["any-content-type-value"];
  if (type === "") return map["missing-content-type-value"] ?? type;
  return map.type?.find(({ from }) => from === type)?.to ?? type;
};

// `validate-as: json` says how the body is read, whatever its type is called.
const jsonType = (type: string): string => (/form-urlencoded$/.test(type) ? type : "application/json");

const lowered = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(lowered);
  if (typeof value !== "object" || value === null) return value;
  const made: Record<string, unknown> = {};
  for (const [name, below] of Object.entries(value))
    Object.defineProperty(made, name.toLowerCase(), { value: lowered(below), enumerable: true, configurable: true });
  return made;
};
