import { mockBackendName } from "../model/backend.ts";
import { type ContractNeeds, contractPolicies } from "../model/contract.ts";
import type { Resource, ResourceOf } from "../model/resource.ts";
import type { ApiUnit } from "../model/snapshot.ts";
import { filePathOf } from "./bundle-paths.ts";
import { pathText } from "./finding.ts";
import { type Mention, mentionsOf } from "./mentions.ts";
import { isUrl } from "./references.ts";
import type { UnitProblem, UnitSources } from "./unit-sources.ts";

/** What the policies and the API name, followed through fragments. */
export interface UnitUses {
  /** In order of name. */
  readonly fragments: readonly ResourceOf<"fragment">[];
  readonly backends: readonly ResourceOf<"backend">[];
  /** Named values by name, each with the first place that names it. */
  readonly namedValues: ReadonlyMap<string, Place>;
  /** True where a policy answers from the document's examples. */
  readonly needsMocks: boolean;
  /** What policies need of the document; undefined where none does. */
  readonly contract: ContractNeeds | undefined;
}

/** Follows everything that an API's configuration names; what does not exist is a problem with its place. */
export const usesOf = (
  api: ResourceOf<"api">,
  products: readonly ResourceOf<"product">[],
  sources: UnitSources,
  problems: UnitProblem[],
): UnitUses => {
  const fragments = new Map<string, ResourceOf<"fragment">>();
  const backends = new Map<string, ResourceOf<"backend">>();
  const namedValues = new Map<string, Place>();
  let needsMocks = false;
  const schemas = new Set<string>();
  const operations = new Set<string>();
  let needsAll = false;
  const search = (resource: Resource): void => {
    const { mentions, isDynamic, schemaIds } = searched(resource);
    for (const name of schemaIds) schemas.add(name);
    if (isDynamic) for (const backend of sources.backends.values()) addBackend(backend);
    for (const { what, name, path } of mentions) {
      const place = { file: filePathOf(resource.kind, resource.name), path };
      if (what === "policy") needsMocks ||= name === "mock-response";
      if (what === "policy" && contractPolicies.has(name)) {
        const operation = resource.kind === "api-policy" ? operationIn(resource.body, path) : undefined;
        if (operation === undefined) needsAll = true;
        else operations.add(operation);
      }
      if (what === "named-value" && !namedValues.has(name)) namedValues.set(name, place);
      if (what === "fragment") addFragment(name, place);
      if (what === "backend") nameBackend(name, place);
    }
  };
  const addFragment = (name: string, place: Place): void => {
    const fragment = sources.fragments.get(name);
    if (fragment === undefined) problems.push({ ...place, message: `The fragment '${name}' does not exist.` });
    if (fragment === undefined || fragments.has(name)) return;
    fragments.set(name, fragment);
    search(fragment);
  };
  const nameBackend = (name: string, place: Place): void => {
    const backend = sources.backends.get(name);
    if (backend === undefined) problems.push({ ...place, message: `The backend '${name}' does not exist.` });
    else addBackend(backend);
  };
  const addBackend = (backend: ResourceOf<"backend">): void => {
    if (backends.has(backend.name)) return;
    backends.set(backend.name, backend);
    search(backend);
  };
  for (const resource of [sources.settings, ...products, sources.apiPolicies.get(api.name), api]) {
    if (resource !== undefined) search(resource);
  }
  for (const { name, path } of backendNamesOf(api)) {
    if (!isUrl(name) && name !== mockBackendName) nameBackend(name, { file: filePathOf("api", api.name), path });
  }
  const contract =
    needsAll || operations.size > 0
      ? { operations: needsAll ? null : [...operations].sort(), schemas: [...schemas].sort() }
      : undefined;
  return { fragments: inOrder(fragments), backends: inOrder(backends), namedValues, needsMocks, contract };
};

interface Place {
  readonly file: string;
  readonly path: string;
}

interface Searched {
  readonly mentions: readonly { readonly what: Mention["what"]; readonly name: string; readonly path: string }[];
  /** A policy chooses a backend by an expression: the unit then needs all of them. */
  readonly isDynamic: boolean;
  /** Schemas that policies name themselves. */
  readonly schemaIds: readonly string[];
}

/** The operation whose own policy a path in an API's policy file leads into. */
const operationIn = (body: ResourceOf<"api-policy">["body"], path: string): string | undefined =>
  Object.keys(body.operations ?? {}).find((id) => path.startsWith(`${pathText(["operations", id])}.`));

const searches = new WeakMap<object, Searched>();

// Resources are frozen data: each is searched once for as long as it lives.
const searched = (resource: Resource): Searched => {
  const known = searches.get(resource.body);
  if (known !== undefined) return known;
  const text = JSON.stringify(resource.body);
  const made: Searched = {
    mentions: mentionsOf(resource).map(({ what, name, path }) => ({ what, name, path: pathText(path) })),
    isDynamic: text.includes('"backend-id":"='),
    schemaIds: [...text.matchAll(/"schema-id":("(?:[^"\\\\]|\\\\.)*")/g)].map(([, name]) =>
      String(JSON.parse(name ?? '""')),
    ),
  };
  searches.set(resource.body, made);
  return made;
};

const inOrder = <R extends { readonly name: string }>(resources: ReadonlyMap<string, R>): readonly R[] =>
  [...resources.values()].sort((a, b) => (a.name < b.name ? -1 : 1));

/** The backends that an API's own file names, with their paths in it. */
export const backendNamesOf = (api: ResourceOf<"api">): readonly { readonly name: string; readonly path: string }[] => [
  ...(api.body.backend === undefined ? [] : [{ name: api.body.backend, path: "backend" }]),
  ...Object.entries(api.body.operations ?? {}).flatMap(([id, { backend }]) =>
    backend === undefined ? [] : [{ name: backend, path: pathText(["operations", id, "backend"]) }],
  ),
];

/** The values of named values; one that is not set is a problem with the place that needs it. */
export const namedValuesOf = (
  used: UnitUses["namedValues"],
  sources: UnitSources,
  problems: UnitProblem[],
): ApiUnit["namedValues"] => {
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
          ? sources.values.environment?.[body.env]
          : sources.values.secretOf(name);
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
