import { type BoundedMap, boundedMap } from "../base/bounded-map.ts";
import { contentHash } from "../base/canonical-json.ts";
import { Fault, messageOf } from "../base/fault.ts";
import { type Api, protectionsOf } from "../model/api.ts";
import { type Backend, mockBackendName } from "../model/backend.ts";
import type { PolicyStep } from "../model/policy-document.ts";
import type { Plan } from "../model/product.ts";
import { type Resource, type ResourceKind, type ResourceOf, settingsName } from "../model/resource.ts";
import type { ApiUnit, Snapshot, UnitError, UnitOperation, UnitPolicy } from "../model/snapshot.ts";
import { documentPathOf, filePathOf } from "./bundle-paths.ts";
import { cachedFacts, canBeBackend, type DocumentFacts, type FactsCache } from "./document-facts.ts";
import { pathText } from "./finding.ts";
import { type Mention, mentionsIn } from "./mentions.ts";
import { isUrl } from "./references.ts";

/** What units are made with beside the resources and documents. */
export interface UnitTools {
  /** The value of a secret named value, undefined where it was never set. */
  secretOf(name: string): string | undefined;
  /** Where named values with `env` are read from. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Texts of the files that the references of a document lead to, by its hash, where they are kept beside it. */
  externalsOf?(documentHash: string): Readonly<Record<string, string>> | undefined;
  /** Kept from one call to the next, it saves parsing documents and making units that did not change. */
  readonly cache?: UnitCache;
}

/** What `makeUnits` remembers; bounded. */
export interface UnitCache {
  readonly facts: FactsCache;
  /** Units by the hash of everything they are made of. */
  readonly units: BoundedMap<string, ApiUnit>;
}

/** An empty cache for `makeUnits`. */
export const unitCache = (entriesMax = 10_000): UnitCache => ({
  facts: boundedMap(entriesMax),
  units: boundedMap(entriesMax),
});

/** The units that could be made, in order of API name, and why others could not. */
export interface UnitsMade {
  readonly units: readonly ApiUnit[];
  readonly errors: readonly UnitError[];
}

/**
 * The one place where configuration becomes what gateways run: one unit per API. Pure but for reading `tools`. An API that
 * cannot be made has an error and harms no other.
 */
export const makeUnits = (
  resources: readonly Resource[],
  documents: ReadonlyMap<string, Uint8Array>,
  tools: UnitTools,
): UnitsMade => {
  const sources: Sources = { ...indexResources(resources), documents, tools };
  const units: ApiUnit[] = [];
  const errors: UnitError[] = [];
  for (const api of [...sources.apis.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const problems: Problem[] = [];
    const unit = unitOf(api, sources, problems);
    if (unit !== undefined) units.push(unit);
    else errors.push(unitError(api, problems));
  }
  return { units, errors };
};

/** The snapshot of a revision. */
export const snapshotOf = (revision: number, units: readonly ApiUnit[]): Snapshot => ({
  revision,
  hash: contentHash(units.map((unit) => [unit.api, unit.hash])),
  units,
});

interface Sources {
  readonly apis: ReadonlyMap<string, ResourceOf<"api">>;
  readonly apiPolicies: ReadonlyMap<string, ResourceOf<"api-policy">>;
  readonly products: readonly ResourceOf<"product">[];
  readonly backends: ReadonlyMap<string, ResourceOf<"backend">>;
  readonly fragments: ReadonlyMap<string, ResourceOf<"fragment">>;
  readonly namedValues: ReadonlyMap<string, ResourceOf<"named-value">>;
  readonly settings: ResourceOf<"settings"> | undefined;
  readonly documents: ReadonlyMap<string, Uint8Array>;
  readonly tools: UnitTools;
}

interface Problem {
  readonly file?: string;
  readonly path?: string;
  readonly message: string;
}

const indexResources = (resources: readonly Resource[]): Omit<Sources, "documents" | "tools"> => {
  const of = <K extends ResourceKind>(kind: K): ReadonlyMap<string, ResourceOf<K>> => {
    const isOfKind = (resource: Resource): resource is Extract<Resource, ResourceOf<K>> => resource.kind === kind;
    return new Map(resources.filter(isOfKind).map((resource) => [resource.name, resource]));
  };
  return {
    apis: of("api"),
    apiPolicies: of("api-policy"),
    products: [...of("product").values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    backends: of("backend"),
    fragments: of("fragment"),
    namedValues: of("named-value"),
    settings: of("settings").get(settingsName),
  };
};

const unitError = (api: ResourceOf<"api">, problems: readonly Problem[]): UnitError => ({
  api: api.name,
  // No unit came to be, so there is no hash of one: this is the hash of what was tried.
  hash: contentHash([api.body, api.document ?? null, problems]),
  message: problems[0]?.message ?? "The API cannot be made.",
  findings: problems,
});

const unitOf = (api: ResourceOf<"api">, sources: Sources, problems: Problem[]): ApiUnit | undefined => {
  const products = sources.products.filter(
    (product) => product.body.apis.includes(api.name) || (api.body.products ?? []).includes(product.name),
  );
  const policies = policiesOf(api, products, sources);
  const used = usedBy(api, policies, sources, problems);
  const namedValues = namedValuesOf(used.namedValues, sources, problems);
  // Everything that the unit is made of, by hash: equal inputs, equal unit.
  const inputs = contentHash([
    hashOf(api),
    api.document ?? null,
    products.map((product) => [product.name, hashOf(product)]),
    policies,
    used.fragments,
    used.backends,
    namedValues,
  ]);
  if (problems.length > 0) return undefined;
  const known = sources.tools.cache?.units.get(inputs);
  if (known !== undefined) return known;
  const unit = assemble(api, products, policies, used, namedValues, sources, problems);
  if (unit !== undefined) sources.tools.cache?.units.set(inputs, unit);
  return unit;
};

const bodyHashes = new WeakMap<object, string>();

// Resources are frozen data: the hash of a body is computed once for as long as it lives.
const hashOf = (resource: Resource): string => {
  const known = bodyHashes.get(resource.body);
  if (known !== undefined) return known;
  const hash = contentHash(resource.body);
  bodyHashes.set(resource.body, hash);
  return hash;
};

const policiesOf = (
  api: ResourceOf<"api">,
  products: readonly ResourceOf<"product">[],
  sources: Sources,
): ApiUnit["policies"] => {
  const { platform, workspace } = sources.settings?.body.policies ?? {};
  const settingsFile = filePathOf("settings", settingsName);
  const policyFile = filePathOf("api-policy", api.name);
  const { operations, ...ofApi } = sources.apiPolicies.get(api.name)?.body ?? {};
  const ofProducts: Record<string, UnitPolicy> = {};
  for (const { name, body } of products) {
    if (body.policy !== undefined)
      ofProducts[name] = { document: body.policy, file: filePathOf("product", name), at: "policy" };
  }
  const ofOperations: Record<string, UnitPolicy> = {};
  for (const [id, document] of Object.entries(operations ?? {})) {
    ofOperations[id] = { document, file: policyFile, at: pathText(["operations", id]) };
  }
  return {
    ...(platform === undefined
      ? {}
      : { platform: { document: platform, file: settingsFile, at: "policies.platform" } }),
    ...(workspace === undefined
      ? {}
      : { workspace: { document: workspace, file: settingsFile, at: "policies.workspace" } }),
    products: ofProducts,
    ...(Object.keys(ofApi).length === 0 ? {} : { api: { document: ofApi, file: policyFile } }),
    operations: ofOperations,
  };
};

/** What the policies and the API name, followed through fragments. */
interface Used {
  readonly fragments: Readonly<Record<string, readonly PolicyStep[]>>;
  readonly backends: Readonly<Record<string, Backend>>;
  readonly namedValues: ReadonlyMap<string, Omit<Problem, "message">>;
  /** True where a policy answers from the document's examples. */
  readonly needsMocks: boolean;
}

const usedBy = (api: ResourceOf<"api">, policies: ApiUnit["policies"], sources: Sources, problems: Problem[]): Used => {
  const fragments = new Map<string, readonly PolicyStep[]>();
  const backends = new Map<string, Backend>();
  const namedValues = new Map<string, Omit<Problem, "message">>();
  let needsMocks = false;
  const search = (value: unknown, file: string, above: string): void => {
    if (hasDynamicBackend(value)) for (const [name, backend] of sources.backends) addBackend(name, backend);
    for (const mention of mentionsIn(value)) follow(mention, file, above);
  };
  const follow = (mention: Mention, file: string, above: string): void => {
    const path = joinPath(above, pathText(mention.path));
    const missing = (what: string): void => {
      problems.push({ file, path, message: `The ${what} '${mention.name}' does not exist.` });
    };
    if (mention.what === "policy") needsMocks ||= mention.name === "mock-response";
    if (mention.what === "named-value" && !namedValues.has(mention.name)) namedValues.set(mention.name, { file, path });
    if (mention.what === "fragment") addFragment(mention.name, missing);
    if (mention.what === "backend") {
      const backend = sources.backends.get(mention.name);
      if (backend === undefined) missing("backend");
      else addBackend(mention.name, backend);
    }
  };
  const addFragment = (name: string, missing: (what: string) => void): void => {
    if (fragments.has(name)) return;
    const fragment = sources.fragments.get(name);
    if (fragment === undefined) {
      missing("fragment");
      return;
    }
    fragments.set(name, fragment.body.steps);
    search(fragment.body.steps, filePathOf("fragment", name), "steps");
  };
  const addBackend = (name: string, backend: ResourceOf<"backend">): void => {
    if (backends.has(name)) return;
    backends.set(name, backend.body);
    search(backend.body, filePathOf("backend", name), "");
  };
  for (const policy of listPolicies(policies)) search(policy.document, policy.file, policy.at ?? "");
  search(api.body.jwt ?? {}, filePathOf("api", api.name), "jwt");
  for (const { name, path } of backendNamesOf(api)) {
    if (isUrl(name) || name === mockBackendName) continue;
    const backend = sources.backends.get(name);
    if (backend === undefined) {
      problems.push({ file: filePathOf("api", api.name), path, message: `The backend '${name}' does not exist.` });
    } else addBackend(name, backend);
  }
  return { fragments: sortedRecord(fragments), backends: sortedRecord(backends), namedValues, needsMocks };
};

const listPolicies = (policies: ApiUnit["policies"]): readonly UnitPolicy[] =>
  [
    policies.platform,
    policies.workspace,
    ...Object.values(policies.products),
    policies.api,
    ...Object.values(policies.operations),
  ].filter((policy) => policy !== undefined);

const backendNamesOf = (api: ResourceOf<"api">): readonly { readonly name: string; readonly path: string }[] => [
  ...(api.body.backend === undefined ? [] : [{ name: api.body.backend, path: "backend" }]),
  ...Object.entries(api.body.operations ?? {}).flatMap(([id, { backend }]) =>
    backend === undefined ? [] : [{ name: backend, path: pathText(["operations", id, "backend"]) }],
  ),
];

const hasDynamicBackend = (value: unknown): boolean => JSON.stringify(value).includes('"backend-id":"=');

const namedValuesOf = (used: Used["namedValues"], sources: Sources, problems: Problem[]): ApiUnit["namedValues"] => {
  const values: Record<string, { readonly value: string; readonly secret: boolean }> = {};
  for (const name of [...used.keys()].sort()) {
    const place = used.get(name);
    const resource = sources.namedValues.get(name);
    if (resource === undefined) {
      problems.push({ ...place, message: `The named value '${name}' does not exist.` });
      continue;
    }
    const { body } = resource;
    const isSecret = "secret" in body && body.secret === true;
    const value =
      "value" in body
        ? body.value
        : "env" in body
          ? sources.tools.environment?.[body.env]
          : sources.tools.secretOf(name);
    if (value !== undefined) values[name] = { value, secret: isSecret };
    else if ("env" in body)
      problems.push({
        ...place,
        message: `The named value '${name}' reads the environment variable ${body.env}, which is not set.`,
      });
    else problems.push({ ...place, message: `The secret named value '${name}' has no value yet.` });
  }
  return values;
};

const assemble = (
  api: ResourceOf<"api">,
  products: readonly ResourceOf<"product">[],
  policies: ApiUnit["policies"],
  used: Used,
  namedValues: ApiUnit["namedValues"],
  sources: Sources,
  problems: Problem[],
): ApiUnit | undefined => {
  const { body } = api;
  const facts = factsOf(api, used, sources, problems);
  if (facts === undefined) return undefined;
  const backends = new Map(Object.entries(used.backends));
  const backendOf = (name: string | undefined): string => {
    const chosen = name ?? facts.serverUrl ?? mockBackendName;
    if (chosen === mockBackendName) backends.set(chosen, { kind: "mock" });
    else if (isUrl(chosen)) {
      if (canBeBackend(chosen)) backends.set(chosen, { kind: "http", url: chosen });
      else
        problems.push({
          file: filePathOf("api", api.name),
          path: "backend",
          message: `'${chosen}' cannot be the URL of a backend.`,
        });
    }
    return chosen;
  };
  const isMock = (name: string): boolean => backends.get(name)?.kind === "mock";
  const operations = facts.operations.flatMap((operation): readonly UnitOperation[] => {
    const extras = extrasOf(api, operation.id);
    if (extras?.hidden === true) return [];
    const backend = backendOf(extras?.backend ?? body.backend);
    const mocks = isMock(backend) || used.needsMocks ? facts.mocks?.get(operation.id) : undefined;
    return [
      {
        ...operation,
        protect: protectionsOf(extras?.protect ?? body.protect),
        backend,
        ...(mocks === undefined ? {} : { mocks }),
      },
    ];
  });
  checkJwt(api, operations, problems);
  if (operations.length === 0) {
    problems.push({ file: documentFile(api), message: "The document has no operations that could be served." });
  }
  if (problems.length > 0) return undefined;
  const plans: Record<string, Readonly<Record<string, Plan>>> = {};
  for (const product of products) plans[product.name] = product.body.plans;
  const content: Omit<ApiUnit, "hash"> = {
    api: api.name,
    title: body.title ?? facts.title ?? api.name,
    path: body.path,
    hosts: body.hosts ?? [],
    ...(body.versions === undefined ? {} : { version: body.versions }),
    gateways: body.gateways ?? [],
    deprecated: body.deprecated ?? false,
    keyHeaders: facts.keyHeaders,
    keyQueryParameters: facts.keyQueryParameters,
    ...(body.jwt === undefined ? {} : { jwt: body.jwt }),
    operations,
    backends: sortedRecord(backends),
    policies,
    products: plans,
    fragments: used.fragments,
    namedValues,
  };
  return { hash: contentHash(content), ...content };
};

// Ids come from documents: one called `constructor` must not find what every object has.
const extrasOf = (api: ResourceOf<"api">, id: string): NonNullable<Api["operations"]>[string] | undefined =>
  api.body.operations !== undefined && Object.hasOwn(api.body.operations, id) ? api.body.operations[id] : undefined;

const checkJwt = (api: ResourceOf<"api">, operations: readonly UnitOperation[], problems: Problem[]): void => {
  const hasKeys = api.body.jwt?.["openid-config"] !== undefined || api.body.jwt?.["jwks-url"] !== undefined;
  if (hasKeys || !operations.some((operation) => operation.protect.includes("jwt"))) return;
  problems.push({
    file: filePathOf("api", api.name),
    path: "jwt",
    message: "Protection by jwt needs `jwt:` with `openid-config` or `jwks-url`.",
  });
};

const factsOf = (
  api: ResourceOf<"api">,
  used: Used,
  sources: Sources,
  problems: Problem[],
): DocumentFacts | undefined => {
  const { document } = api;
  const missing = (): undefined => {
    problems.push({ file: filePathOf("api", api.name), message: `The API '${api.name}' has no document.` });
    return undefined;
  };
  if (document === undefined) return missing();
  const { documents, tools } = sources;
  const read = (withMocks: boolean): DocumentFacts | undefined =>
    cachedFacts(
      tools.cache?.facts,
      document,
      () => documents.get(document.hash),
      withMocks,
      tools.externalsOf?.(document.hash),
    );
  try {
    const mayMock = used.needsMocks || mayUseMock(api, used);
    if (mayMock) return read(true) ?? missing();
    const facts = read(false);
    if (facts === undefined) return missing();
    // Without a backend of its own, whether the API is a mock depends on the document's servers.
    return api.body.backend === undefined && facts.serverUrl === undefined ? (read(true) ?? missing()) : facts;
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    const findings = thrown.findings.length > 0 ? thrown.findings : [{ message: messageOf(thrown) }];
    for (const finding of findings) {
      problems.push({
        file: documentFile(api),
        ...(finding.path === undefined ? {} : { path: finding.path }),
        message: finding.message,
      });
    }
    return undefined;
  }
};

const mayUseMock = (api: ResourceOf<"api">, used: Used): boolean =>
  backendNamesOf(api).some(
    ({ name }) =>
      name === mockBackendName || (Object.hasOwn(used.backends, name) && used.backends[name]?.kind === "mock"),
  );

const documentFile = (api: ResourceOf<"api">): string =>
  documentPathOf(api.name, api.document?.fileName ?? "openapi.yaml");

const joinPath = (above: string, below: string): string =>
  above === "" || below === "" || below.startsWith("[") ? above + below : `${above}.${below}`;

const sortedRecord = <T>(entries: Iterable<readonly [string, T]>): Readonly<Record<string, T>> =>
  Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
