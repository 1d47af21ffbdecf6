import { type BoundedMap, boundedMap } from "../base/bounded-map.ts";
import { type Resource, type ResourceKind, type ResourceOf, settingsName } from "../model/resource.ts";
import type { ApiUnit } from "../model/snapshot.ts";
import type { FactsCache } from "./document-facts.ts";

/** Where the values of named values come from that no file holds. */
export interface ValueSources {
  /** The value of a secret named value, undefined where it was never set. */
  secretOf(name: string): string | undefined;
  /** Where named values with `env` are read from. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
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

/** The resources of one state by kind and name, and where other values come from. */
export interface UnitSources {
  readonly apis: ReadonlyMap<string, ResourceOf<"api">>;
  readonly apiPolicies: ReadonlyMap<string, ResourceOf<"api-policy">>;
  readonly products: ReadonlyMap<string, ResourceOf<"product">>;
  /** Names of products by API that they hold, in order; what an API's own file says comes on top. */
  readonly productsOfApi: ReadonlyMap<string, readonly string[]>;
  readonly backends: ReadonlyMap<string, ResourceOf<"backend">>;
  readonly fragments: ReadonlyMap<string, ResourceOf<"fragment">>;
  readonly namedValues: ReadonlyMap<string, ResourceOf<"named-value">>;
  readonly settings: ResourceOf<"settings"> | undefined;
  readonly values: ValueSources;
}

/** Why an API's unit cannot be made, with its place. */
export interface UnitProblem {
  readonly file?: string;
  readonly path?: string;
  readonly message: string;
}

/** The resources by kind and name. */
export const indexResources = (resources: readonly Resource[], values: ValueSources): UnitSources => {
  const of = <K extends ResourceKind>(kind: K): ReadonlyMap<string, ResourceOf<K>> => {
    const isOfKind = (resource: Resource): resource is Extract<Resource, ResourceOf<K>> => resource.kind === kind;
    return new Map(resources.filter(isOfKind).map((resource) => [resource.name, resource]));
  };
  const products = of("product");
  return {
    apis: of("api"),
    apiPolicies: of("api-policy"),
    products,
    productsOfApi: byApi(products.values()),
    backends: of("backend"),
    fragments: of("fragment"),
    namedValues: of("named-value"),
    settings: of("settings").get(settingsName),
    values,
  };
};

const byApi = (products: Iterable<ResourceOf<"product">>): ReadonlyMap<string, readonly string[]> => {
  const names = new Map<string, string[]>();
  for (const { name, body } of products) {
    for (const api of new Set(body.apis)) {
      const known = names.get(api);
      if (known === undefined) names.set(api, [name]);
      else known.push(name);
    }
  }
  return names;
};

/** The products that hold an API, by its file or by theirs, in order of name. */
export const productsOf = (api: ResourceOf<"api">, sources: UnitSources): readonly ResourceOf<"product">[] => {
  const names = new Set([...(sources.productsOfApi.get(api.name) ?? []), ...(api.body.products ?? [])]);
  return [...names].sort().flatMap((name) => sources.products.get(name) ?? []);
};
