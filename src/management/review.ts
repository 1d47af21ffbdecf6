import type { Transaction } from "kysely";
import { filePathOf } from "../bundle/bundle-paths.ts";
import { pathText } from "../bundle/finding.ts";
import { checkReferences, type ReferenceProblem } from "../bundle/references.ts";
import { type Resource, resourceKey } from "../model/resource.ts";
import type { ApiUnit, UnitError } from "../model/snapshot.ts";
import { operationsOf } from "../openapi/operations.ts";
import type { ConfigurationState, ResourceChange } from "../store/repositories/resources.ts";
import { countLiveSubscriptions } from "../store/repositories/subscriptions.ts";
import type { Tables } from "../store/schema.ts";
import { type RequestMistake, refuse } from "./refuse.ts";
import type { ManagementTools } from "./tools.ts";

/**
 * Refuses a change of configuration that would not work: names that lead nowhere (409 where the change only takes away, and
 * others still refer to what goes), plans that subscriptions use, policies that do not compile. What was wrong before the change
 * and stays as it was does not count: it must not stop other work.
 */
export const reviewChange = async (
  tools: ManagementTools,
  trx: Transaction<Tables>,
  before: ConfigurationState,
  after: ConfigurationState,
  changes: readonly ResourceChange[],
): Promise<void> => {
  await reviewPlansInUse(trx, before, changes);
  await reviewReferences(tools, trx, before, after, changes);
  await reviewUnits(tools, trx, before, after);
  await reviewCertificates(tools, trx, before, after);
};

/** What is not obtained or set yet comes later, and is no mistake; it is shown with the certificate. */
const reviewCertificates = async (
  tools: ManagementTools,
  trx: Transaction<Tables>,
  before: ConfigurationState,
  after: ConfigurationState,
): Promise<void> => {
  const { problems } = await tools.units.makeTls(trx, after, "stand-in");
  if (problems.length === 0) return;
  const old = new Set((await tools.units.makeTls(trx, before, "stand-in")).problems.map((one) => JSON.stringify(one)));
  const fresh = problems.filter((one) => !old.has(JSON.stringify(one)));
  if (fresh.length > 0) throw refuse("configuration.invalid", describe(fresh), fresh);
};

const reviewPlansInUse = async (
  trx: Transaction<Tables>,
  before: ConfigurationState,
  changes: readonly ResourceChange[],
): Promise<void> => {
  const errors: RequestMistake[] = [];
  for (const change of changes) {
    const old = before.resources.get(resourceKey(change))?.resource;
    if (old?.kind !== "product") continue;
    const now = change.stored?.resource;
    const plans = now?.kind === "product" ? now.body.plans : {};
    for (const plan of Object.keys(old.body.plans)) {
      if (Object.hasOwn(plans, plan)) continue;
      const count = await countLiveSubscriptions(trx, old.name, plan);
      if (count === 0) continue;
      errors.push({
        message: `${count} subscription${count === 1 ? " uses" : "s use"} the plan '${plan}' of the product '${old.name}'`,
        file: filePathOf("product", old.name),
        path: pathText(["plans", plan]),
        next: "End these subscriptions or move them to another plan first.",
      });
    }
  }
  if (errors.length > 0) throw refuse("resource.in_use", errors.map((error) => error.message).join("; "), errors);
};

const reviewReferences = async (
  tools: ManagementTools,
  trx: Transaction<Tables>,
  before: ConfigurationState,
  after: ConfigurationState,
  changes: readonly ResourceChange[],
): Promise<void> => {
  const ids = await operationIdsOf(tools, trx, after, changes);
  const context = { operationIdsOf: (api: string) => ids.get(api) };
  const problems = checkReferences(resourcesOf(after), context).filter((problem) => problem.severity === "error");
  if (problems.length === 0) return;
  const known = new Set(checkReferences(resourcesOf(before), context).map(problemKey));
  const fresh = problems.filter((problem) => !known.has(problemKey(problem)));
  if (fresh.length === 0) return;
  const errors = fresh.map(mistakeOf);
  const takesAway = changes.every((change) => change.stored === undefined);
  if (!takesAway) throw refuse("configuration.invalid", describe(errors), errors);
  const users = [...new Set(fresh.map((problem) => `${problem.kind} '${problem.name}'`))];
  const gone = changes.map((change) => `${change.kind} '${change.name}'`).join(", ");
  throw refuse("resource.in_use", `The ${gone} is used by ${users.join(", ")}.`, errors);
};

const problemKey = (problem: ReferenceProblem): string =>
  `${problem.kind}/${problem.name} ${pathText(problem.path)} ${problem.message}`;

const mistakeOf = (problem: ReferenceProblem): RequestMistake => ({
  message: problem.message,
  file: filePathOf(problem.kind, problem.name),
  path: pathText(problem.path),
  ...(problem.next === undefined ? {} : { next: problem.next }),
});

/** Operations of the APIs that the change touches; of the others nobody asks. */
const operationIdsOf = async (
  tools: ManagementTools,
  trx: Transaction<Tables>,
  after: ConfigurationState,
  changes: readonly ResourceChange[],
): Promise<ReadonlyMap<string, readonly string[]>> => {
  const ids = new Map<string, readonly string[]>();
  for (const { kind, name } of changes) {
    if (kind !== "api" && kind !== "api-policy") continue;
    const document = after.resources.get(`api/${name}`)?.resource.document;
    if (document === undefined || ids.has(name)) continue;
    const read = await tools.documents.documentOf(trx, document);
    ids.set(
      name,
      operationsOf(read).map((operation) => operation.id),
    );
  }
  return ids;
};

const reviewUnits = async (
  tools: ManagementTools,
  trx: Transaction<Tables>,
  before: ConfigurationState,
  after: ConfigurationState,
): Promise<void> => {
  const made = await tools.units.make(trx, after, "stand-in");
  const failed = await tools.units.check(made.units);
  if (made.errors.length === 0 && failed.length === 0) return;
  // Something is wrong: is it this change's doing?
  const old = await tools.units.make(trx, before, "stand-in");
  const oldErrors = new Set(old.errors.map((error) => `${error.api} ${error.hash}`));
  const oldUnits = new Set(old.units.map((unit: ApiUnit) => unit.hash));
  const fresh: readonly UnitError[] = [
    ...made.errors.filter((error) => !oldErrors.has(`${error.api} ${error.hash}`)),
    ...failed.filter((error) => !oldUnits.has(error.hash)),
  ];
  if (fresh.length === 0) return;
  const errors = mistakesOfUnits(fresh);
  throw refuse("configuration.invalid", describe(errors), errors);
};

/** The findings of units that cannot be made or do not compile; a mistake in an outer scope is told once, not once per API. */
const mistakesOfUnits = (errors: readonly UnitError[]): readonly RequestMistake[] => {
  const mistakes = new Map<string, RequestMistake>();
  for (const error of errors) {
    const findings = error.findings.length > 0 ? error.findings : [{ message: error.message }];
    for (const finding of findings) {
      mistakes.set(JSON.stringify([finding.file, finding.path, finding.message]), finding);
    }
  }
  return [...mistakes.values()];
};

const describe = (errors: readonly RequestMistake[]): string => {
  const first = errors[0];
  const place = [first?.file, first?.path].filter((part) => part !== undefined && part !== "").join(" ");
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  return `${place === "" ? "" : `${place}: `}${first?.message ?? "The configuration is not valid."}${more}`;
};

const resourcesOf = (state: ConfigurationState): readonly Resource[] =>
  [...state.resources.values()].map((stored) => stored.resource);
