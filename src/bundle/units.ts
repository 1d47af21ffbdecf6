import { contentHash } from "../base/canonical-json.ts";
import { Fault, messageOf } from "../base/fault.ts";
import { type Api, protectionsOf } from "../model/api.ts";
import { type Backend, mockBackendName } from "../model/backend.ts";
import type { Plan } from "../model/product.ts";
import type { ReferredFiles } from "../model/referred-files.ts";
import { type Resource, type ResourceOf, settingsName } from "../model/resource.ts";
import type { ApiUnit, Snapshot, UnitError, UnitOperation, UnitPolicy } from "../model/snapshot.ts";
import { documentPathOf, filePathOf } from "./bundle-paths.ts";
import { cachedFacts, canBeBackend, type DocumentFacts } from "./document-facts.ts";
import { pathText } from "./finding.ts";
import { isUrl } from "./references.ts";
import {
  indexResources,
  productsOf,
  type UnitCache,
  type UnitProblem,
  type UnitSources,
  type ValueSources,
} from "./unit-sources.ts";
import { backendNamesOf, namedValuesOf, type UnitUses, usesOf } from "./unit-uses.ts";

// Whoever makes units makes their cache as well.
export { unitCache } from "./unit-sources.ts";

/** What units are made with beside the resources and documents. */
export interface UnitTools extends ValueSources {
  /** The files that the references of a document lead to, by its hash, where they are kept beside it. */
  filesOf?(documentHash: string): ReferredFiles | undefined;
  /** Kept from one call to the next, it saves parsing documents and making units that did not change. */
  readonly cache?: UnitCache;
}

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
  const sources: Workbench = { ...indexResources(resources, tools), documents, tools };
  const units: ApiUnit[] = [];
  const errors: UnitError[] = [];
  for (const api of [...sources.apis.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const problems: UnitProblem[] = [];
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

interface Workbench extends UnitSources {
  readonly documents: ReadonlyMap<string, Uint8Array>;
  readonly tools: UnitTools;
}

const unitError = (api: ResourceOf<"api">, problems: readonly UnitProblem[]): UnitError => ({
  api: api.name,
  // No unit came to be, so there is no hash of one: this is the hash of what was tried.
  hash: contentHash([api.body, api.document ?? null, problems]),
  message: problems[0]?.message ?? "The API cannot be made.",
  findings: problems,
});

const unitOf = (api: ResourceOf<"api">, sources: Workbench, problems: UnitProblem[]): ApiUnit | undefined => {
  const products = productsOf(api, sources);
  const uses = usesOf(api, products, sources, problems);
  const namedValues = namedValuesOf(uses.namedValues, sources, problems);
  if (problems.length > 0) return undefined;
  // Everything that the unit is made of, by hash: equal inputs, equal unit.
  const inputs = [
    api.name,
    hashOf(api.body),
    api.document === undefined ? "" : `${api.document.hash} ${api.document.fileName}`,
    hashOf(sources.settings?.body.policies),
    hashOf(sources.apiPolicies.get(api.name)?.body),
    ...[...products, ...uses.fragments, ...uses.backends].map((one) => `${one.kind}/${one.name} ${hashOf(one.body)}`),
    // Values may be secrets, which stay out of keys.
    uses.namedValues.size === 0 ? "" : contentHash(namedValues),
  ].join("\n");
  const known = sources.tools.cache?.units.get(inputs);
  if (known !== undefined) return known;
  const unit = assemble(api, products, uses, namedValues, sources, problems);
  if (unit !== undefined) sources.tools.cache?.units.set(inputs, unit);
  return unit;
};

const hashes = new WeakMap<object, string>();

// Resources are frozen data: each is hashed once for as long as it lives.
const hashOf = (value: object | undefined): string => {
  if (value === undefined) return "";
  const known = hashes.get(value);
  if (known !== undefined) return known;
  const hash = contentHash(value);
  hashes.set(value, hash);
  return hash;
};

const policiesOf = (
  api: ResourceOf<"api">,
  products: readonly ResourceOf<"product">[],
  sources: Workbench,
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

const assemble = (
  api: ResourceOf<"api">,
  products: readonly ResourceOf<"product">[],
  uses: UnitUses,
  namedValues: ApiUnit["namedValues"],
  sources: Workbench,
  problems: UnitProblem[],
): ApiUnit | undefined => {
  const { body } = api;
  const facts = factsOf(api, uses, sources, problems);
  if (facts === undefined) return undefined;
  const backends = new Map<string, Backend>(uses.backends.map((backend) => [backend.name, backend.body]));
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
    const mocks = isMock(backend) || uses.needsMocks ? facts.mocks?.get(operation.id) : undefined;
    return [
      {
        ...operation,
        protect: protectionsOf(extras?.protect ?? body.protect),
        backend,
        ...(mocks === undefined ? {} : { mocks }),
        ...(extras?.upgrade === undefined ? {} : { upgrade: extras.upgrade }),
        ...(extras?.streams === undefined ? {} : { streams: extras.streams }),
      },
    ];
  });
  checkJwt(api, operations, problems);
  for (const { path, message } of facts.contract?.problems ?? [])
    problems.push({ file: documentFile(api), path, message });
  if (operations.length === 0 && !facts.describesOnlyWebhooks) {
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
    ...(body.upgrade === undefined ? {} : { upgrade: body.upgrade }),
    ...(body.streams === undefined ? {} : { streams: body.streams }),
    ...(body.priority === undefined ? {} : { priority: body.priority }),
    keyHeaders: facts.keyHeaders,
    keyQueryParameters: facts.keyQueryParameters,
    ...(body.jwt === undefined ? {} : { jwt: body.jwt }),
    operations,
    ...(facts.contract === undefined ? {} : { contract: facts.contract.contract }),
    backends: sortedRecord(backends),
    policies: policiesOf(api, products, sources),
    products: plans,
    fragments: Object.fromEntries(uses.fragments.map((fragment) => [fragment.name, fragment.body.steps])),
    namedValues,
  };
  return { hash: contentHash(content), ...content };
};

// Ids come from documents: one called `constructor` must not find what every object has.
const extrasOf = (api: ResourceOf<"api">, id: string): NonNullable<Api["operations"]>[string] | undefined =>
  api.body.operations !== undefined && Object.hasOwn(api.body.operations, id) ? api.body.operations[id] : undefined;

const checkJwt = (api: ResourceOf<"api">, operations: readonly UnitOperation[], problems: UnitProblem[]): void => {
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
  uses: UnitUses,
  sources: Workbench,
  problems: UnitProblem[],
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
      { mocks: withMocks, contract: uses.contract },
      tools.filesOf?.(document.hash),
    );
  try {
    const mayMock = uses.needsMocks || mayUseMock(api, uses);
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

const mayUseMock = (api: ResourceOf<"api">, uses: UnitUses): boolean =>
  backendNamesOf(api).some(({ name }) => name === mockBackendName) ||
  uses.backends.some((backend) => backend.body.kind === "mock");

const documentFile = (api: ResourceOf<"api">): string =>
  documentPathOf(api.name, api.document?.fileName ?? "openapi.yaml");

const sortedRecord = <T>(entries: Iterable<readonly [string, T]>): Readonly<Record<string, T>> =>
  Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
