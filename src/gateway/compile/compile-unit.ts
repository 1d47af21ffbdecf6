import { messageOf } from "../../base/fault.ts";
import { issueText, schemaIssues } from "../../base/schema-issues.ts";
import type { BackendKind, BuiltBackend } from "../../exchange/backend.ts";
import { type Backend, mockBackendName } from "../../model/backend.ts";
import type { PolicyDocument } from "../../model/policy-document.ts";
import { policySections } from "../../model/policy-document.ts";
import type { ApiUnit, UnitError, UnitOperation } from "../../model/snapshot.ts";
import { claimsOf, routedPath } from "../router/claims.ts";
import { buildOperationTree, type TreeEntry } from "../router/operation-tree.ts";
import { parseTemplate } from "../router/path-template.ts";
import type { LongStream } from "../stream-settings.ts";
import { streamsFor } from "./compile-streams.ts";
import type { CompileTools } from "./compile-tools.ts";
import {
  type ApiScopes,
  type CompiledApi,
  type CompiledRoute,
  type ProductScope,
  pipelineWithoutProduct,
} from "./compiled-api.ts";
import type { CompiledStep } from "./compiled-step.ts";
import { collectMistakes, type Mistakes } from "./mistakes.ts";
import { type NamedValues, namedValuesOf } from "./named-values.ts";
import type { BuiltDocument, Pipeline } from "./pipeline.ts";
import { type ProtectionKind, protectionStep, protections } from "./protection.ts";
import { createStepBuilder, type StepBuilder, type StepPlace } from "./step-builder.ts";

/** What became of a unit. */
export type CompileResult =
  | { readonly api: CompiledApi; readonly error?: never }
  | { readonly api?: never; readonly error: UnitError };

/**
 * Compiles a unit, yielding between parts so that a big one can be done in slices beside traffic. Finds all mistakes, each with its
 * file and path; a unit with a mistake leaves nothing behind.
 */
export function* compileUnit(unit: ApiUnit, tools: CompileTools): Generator<undefined, CompileResult> {
  const named = namedValuesOf(unit.namedValues);
  const mistakes = collectMistakes(named.redact);
  const builder = createStepBuilder(unit, tools, named, mistakes);
  const backends = new Map<string, BuiltBackend>();
  const disposeAll = (): void => {
    builder.disposeAll();
    for (const [name, backend] of backends) {
      try {
        backend.dispose();
      } catch (thrown) {
        tools.log.error("a backend could not be disposed", { api: unit.api, backend: name, error: thrown });
      }
    }
    backends.clear();
  };

  const mocks = new Map(unit.operations.map((operation) => [operation.id, operation.mocks ?? []]));
  for (const [name, backend] of backendsOf(unit)) {
    const built = buildBackend(name, backend, { tools, named, mistakes, mocks });
    if (built) backends.set(name, built);
    yield;
  }

  const scopes = yield* buildScopes(unit, builder);
  const protect = protectionsFor(unit, builder);
  const bare = pipelineWithoutProduct(scopes, undefined);
  const open = new Set<LongStream>();
  const streams = streamsFor(unit, open);
  const api = createCompiledApi(unit, backends, scopes, named, open, disposeAll);
  const entries: TreeEntry<CompiledRoute>[] = [];
  for (const operation of unit.operations) {
    const template = parseTemplate(operation.path);
    if (typeof template === "string") {
      mistakes.add(documentFile(unit), `operations.${operation.id}`, template);
      continue;
    }
    const backend = backends.get(operation.backend);
    if (backend === undefined && !Object.hasOwn(unit.backends, operation.backend)) {
      mistakes.add(
        apiFile(unit),
        `operations.${operation.id}.backend`,
        `unknown backend ${JSON.stringify(operation.backend)}`,
      );
    }
    const document = operationDocument(unit, operation, builder);
    yield;
    const protection = protect(operation);
    if (backend === undefined) continue;
    const pipeline = document === undefined ? bare : pipelineWithoutProduct(scopes, document);
    const route: CompiledRoute = {
      facts: Object.freeze({
        api: unit.api,
        apiTitle: unit.title,
        apiPath: routedPath(unit) || "/",
        version: unit.version?.value ?? "",
        operation: operation.id,
        method: operation.method,
        pathTemplate: operation.path,
      }),
      api: api.value,
      template,
      protectList: protection,
      pipeline,
      backend,
      streams: streams(operation),
      preflight: preflightOf(pipeline),
      document,
      byPlan: new Map(),
    };
    entries.push({ id: operation.id, method: operation.method, template, value: route });
  }
  yield* builder.prepare();
  for (const id of Object.keys(unit.policies.operations)) {
    if (mocks.has(id)) continue;
    mistakes.add(
      unit.policies.operations[id]?.file ?? "",
      `operations.${id}`,
      `the API has no operation ${JSON.stringify(id)}`,
    );
  }
  const { tree, duplicates } = buildOperationTree(entries);
  for (const { first, second } of duplicates) {
    mistakes.add(
      documentFile(unit),
      `operations.${second.id}`,
      `${second.method} ${second.template.text} (${second.id}) asks for the same requests as ${first.template.text} (${first.id})`,
    );
  }
  if (mistakes.list.length > 0) {
    disposeAll();
    return { error: unitErrorOf(unit, mistakes) };
  }
  api.setOperations(tree);
  return { api: api.value };
}

/** Runs a compilation to its end at once. */
export const compileAtOnce = (unit: ApiUnit, tools: CompileTools): CompileResult => {
  const compiling = compileUnit(unit, tools);
  for (;;) {
    const step = compiling.next();
    if (step.done) return step.value;
  }
};

const unitErrorOf = (unit: ApiUnit, mistakes: Mistakes): UnitError => {
  const count = mistakes.list.length;
  return {
    api: unit.api,
    hash: unit.hash,
    message: `API ${unit.api} has ${count === 1 ? "a mistake" : `${count} mistakes`}; its last good version, if there is one, serves on`,
    findings: mistakes.list,
  };
};

const apiFile = (unit: ApiUnit): string => `apis/${unit.api}/api.yaml`;
// The document's own name is not in the unit; its folder is.
const documentFile = (unit: ApiUnit): string => `apis/${unit.api}/openapi`;

/** The unit's backends, with the reserved mock where an operation asks for it without saying more. */
const backendsOf = (unit: ApiUnit): readonly (readonly [string, Backend])[] => {
  const list = Object.entries(unit.backends);
  const needsMock =
    !Object.hasOwn(unit.backends, mockBackendName) && unit.operations.some((one) => one.backend === mockBackendName);
  return needsMock ? [...list, [mockBackendName, { kind: "mock" }]] : list;
};

interface BackendContext {
  readonly tools: CompileTools;
  readonly named: NamedValues;
  readonly mistakes: Mistakes;
  readonly mocks: ReadonlyMap<string, NonNullable<UnitOperation["mocks"]>>;
}

const buildBackend = (name: string, backend: Backend, context: BackendContext): BuiltBackend | undefined => {
  const { tools, named, mistakes, mocks } = context;
  const file = `backends/${name}.yaml`;
  const kind: BackendKind | undefined = tools.lists.backends.find((one) => one.kind === backend.kind);
  if (kind === undefined) {
    mistakes.add(file, "kind", `unknown kind of backend ${JSON.stringify(backend.kind)}`);
    return undefined;
  }
  let hasMistake = false;
  const mistake = (path: string, message: string): void => {
    hasMistake = true;
    mistakes.add(file, path.replace(/^\./, ""), message);
  };
  const config = named.substitute(backend, mistake);
  const parsed = kind.schema.safeParse(config);
  if (!parsed.success) {
    for (const issue of schemaIssues(kind.schema, config, parsed.error))
      mistake(issue.path.map(String).join("."), issueText(issue));
    return undefined;
  }
  if (hasMistake) return undefined;
  try {
    const built = kind.build(config, {
      at: file,
      mistake,
      upstream: (target) => tools.upstream(target),
      cluster: (cluster) => tools.cluster(cluster),
      value: (source, type, path) =>
        tools.lists.compileValue(source, type, { clock: tools.clock, mistake: (message) => mistake(path, message) }),
      mocksOf: (operation) => mocks.get(operation) ?? [],
    });
    if (!hasMistake) return built;
    built.dispose();
  } catch (thrown) {
    mistake("", `backend ${JSON.stringify(name)} could not be built: ${messageOf(thrown)}`);
  }
  return undefined;
};

type Scope = Pick<StepPlace, "scope" | "operation" | "product">;

const buildDocument = (
  document: PolicyDocument,
  file: string,
  prefix: string,
  scope: Scope,
  builder: StepBuilder,
): BuiltDocument => {
  const built: Record<string, ReturnType<StepBuilder["section"]>> = {};
  for (const section of policySections) {
    const entries = document[section];
    if (entries === undefined) continue;
    built[section] = builder.section(entries, { ...scope, file, path: prefix + section, section });
  }
  return built;
};

function* buildScopes(unit: ApiUnit, builder: StepBuilder): Generator<undefined, ApiScopes> {
  const { platform, workspace, api } = unit.policies;
  const outer = (policy: typeof platform, scope: string, prefix: string): BuiltDocument | undefined =>
    policy && buildDocument(policy.document, policy.file, prefix, { scope, operation: "", product: "" }, builder);
  const builtPlatform = outer(platform, "platform", "policies.platform.");
  yield;
  const builtWorkspace = outer(workspace, "workspace", "policies.workspace.");
  yield;
  const products = new Map<string, ProductScope>();
  for (const product of new Set([...Object.keys(unit.products), ...Object.keys(unit.policies.products)])) {
    products.set(product, buildProduct(unit, product, builder));
    yield;
  }
  const builtApi = outer(api, "api", "");
  yield;
  return { platform: builtPlatform, workspace: builtWorkspace, api: builtApi, products, byPlan: new Map() };
}

const buildProduct = (unit: ApiUnit, product: string, builder: StepBuilder): ProductScope => {
  const scope: Scope = { scope: "product", operation: "", product };
  const policy = unit.policies.products[product];
  const document = policy && buildDocument(policy.document, policy.file, "policy.", scope, builder);
  const plans = new Map<string, readonly CompiledStep[]>();
  for (const [name, plan] of Object.entries(unit.products[product] ?? {})) {
    const steps: CompiledStep[] = [];
    for (const limit of ["rate-limit", "quota"] as const) {
      const config = plan[limit];
      if (config === undefined) continue;
      const place: StepPlace = {
        ...scope,
        file: policy?.file ?? `products/${product}.yaml`,
        path: `plans.${name}.${limit}`,
        section: "inbound",
      };
      const step = builder.policy(limit, config, place);
      if (step) steps.push(step);
    }
    plans.set(name, steps);
  }
  return { document, plans };
};

const operationDocument = (
  unit: ApiUnit,
  operation: UnitOperation,
  builder: StepBuilder,
): BuiltDocument | undefined => {
  const policy = Object.hasOwn(unit.policies.operations, operation.id)
    ? unit.policies.operations[operation.id]
    : undefined;
  if (policy === undefined) return undefined;
  const scope: Scope = { scope: "operation", operation: operation.id, product: "" };
  return buildDocument(policy.document, policy.file, `operations.${operation.id}.`, scope, builder);
};

/** Protections of operations; each kind is built once for the API, on first need. */
const protectionsFor = (
  unit: ApiUnit,
  builder: StepBuilder,
): ((operation: UnitOperation) => readonly CompiledStep[]) => {
  const built = new Map<ProtectionKind, CompiledStep | undefined>();
  const combined = new Map<string, readonly CompiledStep[]>();
  const stepFor = (kind: ProtectionKind): CompiledStep | undefined => {
    if (built.has(kind)) return built.get(kind);
    const config = kind === "jwt" ? (unit.jwt ?? {}) : {};
    const step = builder.policy(protections[kind].policy, config, {
      file: apiFile(unit),
      path: kind === "jwt" ? "jwt" : "protect",
      section: "inbound",
      scope: "api",
      operation: "",
      product: "",
    });
    built.set(kind, step);
    return step;
  };
  return (operation) => {
    const name = operation.protect.join("+");
    const known = combined.get(name);
    if (known !== undefined) return known;
    const alternatives = operation.protect.flatMap((kind) => {
      const step = stepFor(kind);
      return step === undefined ? [] : [{ kind, step }];
    });
    const step = protectionStep(alternatives);
    const list = step === null ? [] : [step];
    combined.set(name, list);
    return list;
  };
};

/** The preflight steps as a list of their own, so that they run like any other. */
const preflightOf = (pipeline: Pipeline): readonly CompiledStep[] | null => {
  const steps = pipeline.inbound.flatMap((one) => (one.preflight === null ? [] : [{ ...one, step: one.preflight }]));
  return steps.length === 0 ? null : steps;
};

const createCompiledApi = (
  unit: ApiUnit,
  backends: ReadonlyMap<string, BuiltBackend>,
  scopes: ApiScopes,
  { redact, secrets }: NamedValues,
  open: ReadonlySet<LongStream>,
  dispose: () => void,
): { readonly value: CompiledApi; setOperations(tree: CompiledApi["operations"]): void } => {
  let operations: CompiledApi["operations"] = { find: () => null, allowed: () => [] };
  let exchanges = 0;
  let isRetired = false;
  let isDisposed = false;
  const disposeWhenFree = (): void => {
    if (!isRetired || exchanges > 0 || isDisposed) return;
    isDisposed = true;
    dispose();
  };
  const value: CompiledApi = {
    name: unit.api,
    hash: unit.hash,
    claims: claimsOf(unit),
    priority: unit.priority ?? "normal",
    facts: Object.freeze({
      api: unit.api,
      apiTitle: unit.title,
      apiPath: routedPath(unit) || "/",
      version: unit.version?.value ?? "",
      operation: "",
      method: "",
      pathTemplate: "",
    }),
    get operations() {
      return operations;
    },
    backends,
    scopes,
    redact,
    secretNames: { keyHeaders: unit.keyHeaders, keyQueryParameters: unit.keyQueryParameters, secrets, redact },
    begin: () => {
      exchanges += 1;
    },
    end: () => {
      exchanges -= 1;
      disposeWhenFree();
    },
    retire: (isRemoved) => {
      isRetired = true;
      // An ending may come at once and take its stream out of the set.
      for (const stream of [...open]) stream.retire(isRemoved);
      disposeWhenFree();
    },
    get exchanges() {
      return exchanges;
    },
    get isDisposed() {
      return isDisposed;
    },
  };
  return {
    value,
    setOperations: (tree) => {
      operations = tree;
    },
  };
};
