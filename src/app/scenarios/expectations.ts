import { isDeepStrictEqual } from "node:util";
import type { Expectation, Wanted, WantedUpstream } from "../../bundle/scenario-file.ts";
import type { ExplainedStep, Explanation } from "../../model/explanation.ts";
import type { ScenarioReply } from "./scenario-gateway.ts";
import type { SeenRequest } from "./stub-services.ts";

/** Something that is not as expected: where in the expectation, and what was found. */
export interface Difference {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

type Fields = readonly (readonly [name: string, value: string])[];
type Path = readonly (string | number)[];

/** What differs; empty where all is as expected. */
export const differences = (
  expected: Expectation,
  reply: ScenarioReply,
  seen: readonly SeenRequest[],
): readonly Difference[] => [
  ...statusDifferences(expected, reply),
  ...codeDifferences(expected, reply),
  ...fieldDifferences(expected.headers ?? {}, reply.headers, ["headers"]),
  ...bodyDifferences(expected, reply.body, []),
  ...upstreamDifferences(expected.upstream, seen),
  ...explainDifferences(expected.explain, reply.explanation),
];

const statusDifferences = ({ status }: Expectation, reply: ScenarioReply): readonly Difference[] => {
  const accepted = status === undefined ? [] : Array.isArray(status) ? status : [status];
  if (accepted.length === 0 || accepted.includes(reply.status)) return [];
  const why = problemText(reply);
  return [
    {
      path: ["status"],
      message: `expected ${accepted.join(" or ")}, got ${reply.status}${why === "" ? "" : ` (${why})`}${decidedText(reply)}`,
    },
  ];
};

const decidedText = ({ explanation }: ScenarioReply): string => {
  const step = explanation === null ? undefined : decisionOf(explanation.steps);
  if (step === undefined) return "";
  const { kind, message } = step.decision;
  const cause = kind === "failed" && message !== undefined ? ` with: ${message}` : "";
  return `, decided by ${step.policy}${step.file === "" ? "" : ` at ${step.file} ${step.path}`}${cause}`;
};

const codeDifferences = ({ code }: Expectation, reply: ScenarioReply): readonly Difference[] => {
  if (code === undefined) return [];
  const found = problemOf(reply).code;
  return found === code
    ? []
    : [{ path: ["code"], message: `expected ${code}, got ${typeof found === "string" ? found : "no problem code"}` }];
};

const problemOf = (reply: ScenarioReply): { readonly code?: unknown; readonly detail?: unknown } => {
  const type = textUnder(reply.headers, "content-type") ?? "";
  if (!type.startsWith("application/problem+json")) return {};
  const parsed = jsonOf(reply.body);
  return parsed !== null && typeof parsed === "object" ? parsed : {};
};

const problemText = (reply: ScenarioReply): string => {
  const { code, detail } = problemOf(reply);
  return [code, detail].filter((text) => typeof text === "string").join(": ");
};

const fieldDifferences = (
  wanted: Readonly<Record<string, Wanted>>,
  fields: Fields,
  path: Path,
): readonly Difference[] =>
  Object.entries(wanted).flatMap(([name, value]) =>
    valueDifferences(value, textUnder(fields, name), [...path, name], `the header ${name}`),
  );

const textUnder = (fields: Fields, name: string): string | undefined => {
  const values = fields.filter(([own]) => own.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(", ");
};

const valueDifferences = (
  wanted: Wanted,
  found: string | undefined,
  path: Path,
  what: string,
): readonly Difference[] => {
  if (wanted === null)
    return found === undefined || found === ""
      ? []
      : [{ path, message: `expected nothing, ${what} is ${shown(found)}` }];
  if (found === undefined) return [{ path, message: `${what} is missing` }];
  if (typeof wanted === "object")
    return new RegExp(wanted.matches, "u").test(found)
      ? []
      : [{ path, message: `${what} is ${shown(found)}, which /${wanted.matches}/ does not find` }];
  return found === String(wanted)
    ? []
    : [{ path, message: `expected ${shown(String(wanted))}, ${what} is ${shown(found)}` }];
};

const bodyDifferences = (
  expected: { readonly body?: Wanted | undefined; readonly json?: unknown },
  body: string,
  path: Path,
): readonly Difference[] => {
  const ofText =
    expected.body === undefined ? [] : valueDifferences(expected.body, body, [...path, "body"], "the body");
  if (expected.json === undefined) return ofText;
  const parsed = jsonOf(body);
  if (parsed === undefined)
    return [...ofText, { path: [...path, "json"], message: `the body is no JSON: ${shown(body)}` }];
  return [...ofText, ...subsetDifferences(expected.json, parsed, [...path, "json"])];
};

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    // What is no JSON is told as such by who asked.
    return undefined;
  }
};

/** Every field that is wanted must be there; lists item by item. */
const subsetDifferences = (wanted: unknown, found: unknown, path: Path): readonly Difference[] => {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(found)) return [{ path, message: `expected a list, got ${shown(found)}` }];
    const ofLength =
      wanted.length === found.length ? [] : [{ path, message: `expected ${wanted.length} items, got ${found.length}` }];
    return [
      ...ofLength,
      ...wanted.flatMap((item, at) => (at < found.length ? subsetDifferences(item, found[at], [...path, at]) : [])),
    ];
  }
  if (wanted !== null && typeof wanted === "object") {
    if (found === null || typeof found !== "object" || Array.isArray(found))
      return [{ path, message: `expected an object, got ${shown(found)}` }];
    return Object.entries(wanted).flatMap(([name, value]) =>
      Object.hasOwn(found, name)
        ? subsetDifferences(value, Reflect.get(found, name), [...path, name])
        : [{ path: [...path, name], message: "it is missing" }],
    );
  }
  return isDeepStrictEqual(wanted, found) ? [] : [{ path, message: `expected ${shown(wanted)}, got ${shown(found)}` }];
};

const upstreamDifferences = (
  expected: Expectation["upstream"],
  seen: readonly SeenRequest[],
): readonly Difference[] => {
  if (expected === undefined) return [];
  const wanted = typeof expected === "number" ? [] : Array.isArray(expected) ? expected : [expected];
  const count = typeof expected === "number" ? expected : wanted.length;
  const ofCount =
    count === seen.length
      ? []
      : [
          {
            path: ["upstream"],
            message: `expected ${count} requests to backends, got ${seen.length}${seen.map((one) => `\n    ${one.backend}: ${one.method} ${one.path}`).join("")}`,
          },
        ];
  const of = (one: WantedUpstream, at: number): readonly Difference[] => {
    const request = seen[at];
    return request === undefined
      ? []
      : requestDifferences(one, request, ["upstream", ...(Array.isArray(expected) ? [at] : [])]);
  };
  return [...ofCount, ...wanted.flatMap(of)];
};

const requestDifferences = (wanted: WantedUpstream, seen: SeenRequest, path: Path): readonly Difference[] => {
  const query = new URLSearchParams(seen.query);
  return [
    ...(["backend", "method", "path"] as const).flatMap((name) =>
      wanted[name] === undefined ? [] : valueDifferences(wanted[name], seen[name], [...path, name], `the ${name}`),
    ),
    ...Object.entries(wanted.query ?? {}).flatMap(([name, value]) =>
      valueDifferences(
        value,
        query.has(name) ? query.getAll(name).join(", ") : undefined,
        [...path, "query", name],
        `the query parameter ${name}`,
      ),
    ),
    ...fieldDifferences(wanted.headers ?? {}, seen.headers, [...path, "headers"]),
    ...bodyDifferences(wanted, seen.body, path),
  ];
};

const explainDifferences = (
  expected: Expectation["explain"],
  explanation: Explanation | null,
): readonly Difference[] => {
  if (expected === undefined) return [];
  if (explanation === null) return [{ path: ["explain"], message: "nothing was recorded of the call" }];
  const ran = flat(explanation.steps).map((step) => step.policy);
  const decided = decisionOf(explanation.steps)?.policy ?? null;
  const facts = {
    route: explanation.route.outcome,
    api: explanation.route.api,
    operation: explanation.route.operation,
  } as const;
  const list = ran.length === 0 ? "none" : ran.join(", ");
  return [
    ...(["route", "api", "operation"] as const).flatMap((name) =>
      expected[name] === undefined || expected[name] === facts[name]
        ? []
        : [{ path: ["explain", name], message: `expected ${expected[name]}, got ${facts[name]}` }],
    ),
    ...(isInOrder(expected.ran ?? [], ran)
      ? []
      : [{ path: ["explain", "ran"], message: `expected ${(expected.ran ?? []).join(", ")}; these ran: ${list}` }]),
    ...(expected.skipped ?? []).flatMap((name, at) =>
      ran.includes(name) ? [{ path: ["explain", "skipped", at], message: `${name} ran` }] : [],
    ),
    ...(expected.decided === undefined || expected.decided === decided
      ? []
      : [
          {
            path: ["explain", "decided"],
            message: `expected ${expected.decided ?? "nobody"}, it was ${decided ?? "nobody"}`,
          },
        ]),
  ];
};

const flat = (steps: readonly ExplainedStep[]): readonly ExplainedStep[] =>
  steps.flatMap((step) => [step, ...flat(step.steps)]);

/** The step that ended the call: the innermost that replied, refused or failed. */
const decisionOf = (steps: readonly ExplainedStep[]): ExplainedStep | undefined => {
  const deciding = steps.find((step) => ["replied", "refused", "failed"].includes(step.decision.kind));
  return deciding === undefined ? undefined : (decisionOf(deciding.steps) ?? deciding);
};

const isInOrder = (wanted: readonly string[], found: readonly string[]): boolean => {
  let at = 0;
  for (const name of found) if (name === wanted[at]) at += 1;
  return at === wanted.length;
};

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 200 ? `${text.slice(0, 197)}...` : text;
};
