import { z } from "zod";
import { messageOf } from "../base/fault.ts";
import type { ContractContent, ContractParameter, OperationContract } from "./contract.ts";
import type { Exchange, ExchangeReply, ExchangeRequest } from "./exchange.ts";
import {
  headerValue,
  objectOf,
  type ParameterValue,
  parameterValue,
  type RawQuery,
  rawQuery,
} from "./parameter-values.ts";
import type { PolicyTools } from "./policy.ts";
import { findingsMax, type SchemaCheck, type SchemaSet, schemaSet } from "./schema-set.ts";
import { type SchemaVariant, variantName } from "./schema-variant.ts";

/** What a policy of content validation does with what it finds. */
export type Action = "ignore" | "prevent" | "detect";
export const actionAttribute: z.ZodType<Action> = z.enum(["ignore", "prevent", "detect"]);

/** One thing that a message breaks of its contract: where, and what; never the value. */
export interface ContractFinding {
  readonly in: "path" | "query" | "header" | "cookie" | "body" | "status";
  /** Of a parameter or header. */
  readonly name?: string;
  /** JSON pointer into the body or the parameter's value. */
  readonly pointer: string;
  readonly detail: string;
}

/** Operations whose schemas are compiled before the API serves; those of a larger API at their first call, in slices. */
const eagerOperationsMax = 200;
const sliceMs = 2;

/**
 * What `make` makes of each operation's contract that the policy can meet. The answer is there at once but for the first call of an
 * operation of a large API. A schema that cannot be compiled is a mistake of the configuration, or of a large API a fault of the call.
 */
export const perOperation = <T>(
  tools: PolicyTools,
  variant: SchemaVariant,
  make: (operation: OperationContract, id: string, set: SchemaSet) => Generator<undefined, T>,
): ((x: Exchange) => T | Promise<T>) => {
  const { contract, target } = tools;
  if (contract === null) return () => noContract();
  const set = tools.shared(`schemas ${contract.hash} ${variantName(variant)}`, () =>
    schemaSet(contract.schemas, variant),
  );
  const own = target.operation === "" ? Object.keys(contract.operations) : [target.operation];
  const made = new Map<string, T>();
  const begun = new Map<string, Promise<T>>();
  const isEager = own.length <= eagerOperationsMax;
  const work = (id: string): Generator<undefined, T> => {
    const operation = Object.hasOwn(contract.operations, id) ? contract.operations[id] : undefined;
    return operation === undefined ? noContract() : make(operation, id, set);
  };
  if (isEager)
    tools.prepare(function* () {
      for (const id of own) {
        try {
          made.set(id, yield* work(id));
        } catch (thrown) {
          tools.mistake("", `the schemas of operation ${JSON.stringify(id)} cannot be used: ${messageOf(thrown)}`);
        }
        yield;
      }
    });
  const begin = async (id: string): Promise<T> => {
    const working = work(id);
    for (let endsMs = performance.now() + sliceMs; ; ) {
      const step = working.next();
      if (step.done === true) {
        made.set(id, step.value);
        return step.value;
      }
      if (performance.now() < endsMs) continue;
      await new Promise((resolve) => setImmediate(resolve));
      endsMs = performance.now() + sliceMs;
    }
  };
  return (x) => {
    const id = x.route.operation;
    const known = made.get(id);
    if (known !== undefined) return known;
    // Bounded by the operations of the API.
    const running = begun.get(id) ?? begin(id);
    begun.set(id, running);
    return running;
  };
};

const noContract = (): never => {
  throw new Error("the unit holds no contract of the operation");
};

/** A parameter with its compiled schema. */
export interface ParameterCheck {
  readonly parameter: ContractParameter;
  readonly check: SchemaCheck;
}

/** Compiles parameters; `at` tells them from others of the API. */
export function* parameterChecks(
  set: SchemaSet,
  at: string,
  parameters: readonly ContractParameter[],
): Generator<undefined, readonly ParameterCheck[]> {
  const made: ParameterCheck[] = [];
  for (const parameter of parameters)
    made.push({ parameter, check: yield* set.prepare(`${at} ${parameter.in} ${parameter.name}`, parameter.schema) });
  return made;
}

/** What a request breaks of one parameter; null: nothing. */
export const requestParameterFindings = (
  one: ParameterCheck,
  x: Exchange,
  query: RawQuery,
): readonly ContractFinding[] | null => findingsOf(one, parameterValue(one.parameter, x, query));

/** What a reply breaks of one header. */
export const replyHeaderFindings = (one: ParameterCheck, reply: ExchangeReply): readonly ContractFinding[] | null =>
  findingsOf(one, headerValue(one.parameter, reply.headers.getAll(one.parameter.name)));

const findingsOf = ({ parameter, check }: ParameterCheck, found: ParameterValue): readonly ContractFinding[] | null => {
  const where = { in: placeOf(parameter), name: parameter.name };
  if (found.state === "absent") return parameter.required ? [{ ...where, pointer: "", detail: "is required" }] : null;
  if (found.state === "malformed") return [{ ...where, pointer: "", detail: found.detail }];
  const findings = check(found.value);
  if (findings === null || (found.text !== undefined && check(found.text) === null)) return null;
  return findings.map((finding) => ({ ...where, ...finding }));
};

const placeOf = (parameter: ContractParameter): ContractFinding["in"] =>
  parameter.in === "querystring" ? "query" : parameter.in;

/** A body's media type with its compiled schema. */
export interface ContentCheck {
  readonly content: ContractContent;
  readonly check: SchemaCheck;
}

/** Compiles the bodies of a message. */
export function* contentChecks(
  set: SchemaSet,
  at: string,
  contents: readonly ContractContent[],
): Generator<undefined, readonly ContentCheck[]> {
  const made: ContentCheck[] = [];
  for (const content of contents)
    made.push({ content, check: yield* set.prepare(`${at} body ${content.mediaType}`, content.schema) });
  return made;
}

/** The entry for a media type: itself, else its range, else any (OpenAPI 3.x: the most specific applies). */
export const contentFor = (checks: readonly ContentCheck[], mediaType: string): ContentCheck | undefined => {
  const range = `${mediaType.split("/", 1)[0]}/*`;
  const named = (wanted: string): ContentCheck | undefined =>
    checks.find(({ content }) => (content.mediaType.split(";", 1)[0] ?? "").trim() === wanted);
  return named(mediaType) ?? named(range) ?? named("*/*");
};

/**
 * What a body's bytes break of a schema. JSON and forms are checked; of other media types nothing is known but that the document has
 * them.
 */
export const bodyFindings = (
  bytes: Uint8Array,
  mediaType: string,
  { content, check }: ContentCheck,
  change: (value: unknown) => unknown = (value) => value,
): readonly ContractFinding[] | null => {
  if (content.schema === true || content.isStream === true) return null;
  let value: unknown;
  if (isJson(mediaType)) {
    try {
      value = change(JSON.parse(utf8.decode(bytes)));
    } catch {
      // The parser's words quote the body.
      return [{ in: "body", pointer: "", detail: "is not JSON in UTF-8" }];
    }
  } else if (content.shape !== undefined) {
    const pairs = [...new URLSearchParams(utf8Loose.decode(bytes))];
    value = change(objectOf(pairs, content.shape));
  } else return null;
  const findings = check(value);
  return findings === null ? null : findings.map((finding) => ({ in: "body" as const, ...finding }));
};

const utf8 = new TextDecoder("utf-8", { fatal: true });
const utf8Loose = new TextDecoder("utf-8");
const isJson = (mediaType: string): boolean => /^[^/]+\/(?:[^/]+\+)?json$/.test(mediaType);

/** The query of a request as it stands now, split. */
export const queryOf = (x: Exchange): RawQuery => rawQuery(x.request.upstreamQuery);

/** The answer of the document for a status: itself, its range, or `default`. */
export const responseFor = <R extends { readonly status: string }>(
  responses: readonly R[],
  status: number,
): R | undefined =>
  responses.find((one) => one.status === String(status)) ??
  responses.find((one) => one.status === `${Math.trunc(status / 100)}XX`) ??
  responses.find((one) => one.status === "default");

/** Tells what was found: a line in the log, a count, a note where the call is explained, and the policy's variable. */
export const findingReporter = (
  tools: PolicyTools,
  policy: string,
  variableName: string | undefined,
): ((x: Exchange, action: Action, findings: readonly ContractFinding[]) => void) => {
  const count = tools.metrics.metric(
    "validation_findings_total",
    "What validation found, by API, operation, policy and place.",
    ["api", "operation", "policy", "in"],
  );
  return (x, action, findings) => {
    const [first] = findings;
    if (first === undefined) return;
    if (variableName !== undefined) {
      const known = x.variables.get(variableName);
      const told = findings.map((finding) => ({ ...finding }));
      x.variables.set(variableName, (Array.isArray(known) ? [...known, ...told] : told).slice(0, variableFindingsMax));
    }
    count([x.route.api, x.route.operation, policy, first.in], 1);
    x.record?.note("found", `${action}: ${textOf(first)}`, tools.at);
    if (action === "detect")
      tools.log.warn("a message is not what the API's document says", {
        policy,
        operation: x.route.operation,
        requestId: x.id,
        findings: findings.slice(0, loggedFindingsMax),
      });
  };
};

const loggedFindingsMax = 5;
const variableFindingsMax: number = findingsMax * 5;

const textOf = (finding: ContractFinding): string =>
  `${finding.in}${finding.name === undefined ? "" : ` ${finding.name}`} ${finding.pointer} ${finding.detail}`;

/** The message that a section looks at. */
export type Message = ExchangeRequest | ExchangeReply;
