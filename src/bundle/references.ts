import { nearest } from "../base/nearest.ts";
import { mockBackendName } from "../model/backend.ts";
import { type Resource, type ResourceKind, type ResourceOf, resourceKey } from "../model/resource.ts";
import { canBeBackend } from "./document-facts.ts";
import type { Severity } from "./finding.ts";
import { mentionsOf } from "./mentions.ts";

/** A name in one resource that leads nowhere, or leads where it must not. `path` is a place in the resource's body. */
export interface ReferenceProblem {
  readonly kind: ResourceKind;
  readonly name: string;
  readonly path: readonly PropertyKey[];
  readonly at: "key" | "value";
  readonly severity: Severity;
  readonly message: string;
  readonly next?: string;
}

/** What the check must know beside the resources. */
export interface ReferenceContext {
  /** Ids of the operations of an API's document; undefined where the document cannot be read, which is told elsewhere. */
  operationIdsOf(api: string): readonly string[] | undefined;
  /** True for what is not among the resources but exists: `api/orders`. */
  isElsewhere?(key: string): boolean;
  /** Names of such, for suggestions. */
  namesElsewhere?(kind: ResourceKind): readonly string[];
}

/** Checks every reference between resources; all problems at once. Pure; also for single writes over the management API. */
export const checkReferences = (
  resources: readonly Resource[],
  context: ReferenceContext,
): readonly ReferenceProblem[] => {
  const keys = new Set(resources.map(resourceKey));
  const namesOf = (kind: ResourceKind): readonly string[] =>
    resources.filter((resource) => resource.kind === kind).map((resource) => resource.name);
  const exists = (kind: ResourceKind, name: string): boolean =>
    keys.has(`${kind}/${name}`) || (context.isElsewhere?.(`${kind}/${name}`) ?? false);
  const tools: Tools = {
    operationIdsOf: context.operationIdsOf,
    exists,
    missing: (kind, name, what) => {
      const meant = nearest(name, [...namesOf(kind), ...(context.namesElsewhere?.(kind) ?? [])]);
      return {
        message: `${what} '${name}' does not exist`,
        next:
          meant === undefined ? `Create ${nounFiles[kind](name)}, or use another name.` : `Did you mean '${meant}'?`,
      };
    },
  };
  return [
    ...resources.flatMap((resource) => [...ownReferences(resource, tools), ...mentionProblems(resource, tools)]),
    ...fragmentCycles(resources),
    ...routeConflicts(resources),
    ...unreachableApis(resources),
  ];
};

interface Tools {
  readonly operationIdsOf: ReferenceContext["operationIdsOf"];
  exists(kind: ResourceKind, name: string): boolean;
  missing(kind: ResourceKind, name: string, what: string): { readonly message: string; readonly next: string };
}

const nounFiles: Readonly<Record<ResourceKind, (name: string) => string>> = {
  settings: () => "portico.yaml",
  api: (name) => `apis/${name}/api.yaml`,
  "api-policy": (name) => `apis/${name}/policy.yaml`,
  product: (name) => `products/${name}.yaml`,
  backend: (name) => `backends/${name}.yaml`,
  "named-value": (name) => `named-values/${name}.yaml`,
  certificate: (name) => `certificates/${name}.yaml`,
  fragment: (name) => `policies/${name}.yaml`,
};

const ownReferences = (resource: Resource, tools: Tools): readonly ReferenceProblem[] => {
  if (resource.kind === "api") return apiReferences(resource, tools);
  if (resource.kind === "api-policy") return apiPolicyReferences(resource, tools);
  if (resource.kind === "product") {
    return resource.body.apis.flatMap((api, index) =>
      tools.exists("api", api)
        ? []
        : [problem(resource, ["apis", index], "value", tools.missing("api", api, "the API"))],
    );
  }
  if (resource.kind === "settings") {
    return (resource.body.keys ?? []).flatMap((key, index) =>
      key.product === undefined || tools.exists("product", key.product)
        ? []
        : [
            problem(
              resource,
              ["keys", index, "product"],
              "value",
              tools.missing("product", key.product, "the product"),
            ),
          ],
    );
  }
  return [];
};

const apiReferences = (resource: ResourceOf<"api">, tools: Tools): readonly ReferenceProblem[] => {
  const { body } = resource;
  const problems: ReferenceProblem[] = [...backendReference(resource, body.backend, ["backend"], tools)];
  (body.products ?? []).forEach((product, index) => {
    if (tools.exists("product", product)) return;
    problems.push(problem(resource, ["products", index], "value", tools.missing("product", product, "the product")));
  });
  const ids = tools.operationIdsOf(resource.name);
  for (const [id, extras] of Object.entries(body.operations ?? {})) {
    if (ids !== undefined && !ids.includes(id)) {
      problems.push(problem(resource, ["operations", id], "key", missingOperation(id, ids)));
    }
    problems.push(...backendReference(resource, extras.backend, ["operations", id, "backend"], tools));
  }
  const protects = [body.protect, ...Object.values(body.operations ?? {}).map((extras) => extras.protect)];
  const needsJwt = protects.some((protect) => protect === "jwt" || (Array.isArray(protect) && protect.includes("jwt")));
  if (needsJwt && body.jwt?.["openid-config"] === undefined && body.jwt?.["jwks-url"] === undefined) {
    problems.push(
      problem(resource, [body.jwt === undefined ? "protect" : "jwt"], "key", {
        message: "protection by jwt needs to know where the signing keys are",
        next: "Add `jwt:` with `openid-config` or `jwks-url`.",
      }),
    );
  }
  return problems;
};

const backendReference = (
  resource: ResourceOf<"api">,
  backend: string | undefined,
  path: readonly PropertyKey[],
  tools: Tools,
): readonly ReferenceProblem[] => {
  if (backend === undefined || backend === mockBackendName) return [];
  if (!isUrl(backend)) {
    return tools.exists("backend", backend)
      ? []
      : [problem(resource, path, "value", tools.missing("backend", backend, "the backend"))];
  }
  if (canBeBackend(backend)) return [];
  return [
    problem(resource, path, "value", {
      message: `'${backend}' cannot be the URL of a backend`,
      next: "Use http:// or https:// with a host, without credentials, query and fragment.",
    }),
  ];
};

/** True for what is meant as a URL rather than as a name. */
export const isUrl = (backend: string): boolean => backend.includes("://");

const apiPolicyReferences = (resource: ResourceOf<"api-policy">, tools: Tools): readonly ReferenceProblem[] => {
  if (!tools.exists("api", resource.name)) {
    return [
      problem(resource, [], "key", {
        message: `the API '${resource.name}' does not exist`,
        next: `Add apis/${resource.name}/api.yaml, or remove the policy.`,
      }),
    ];
  }
  const ids = tools.operationIdsOf(resource.name);
  if (ids === undefined) return [];
  return Object.keys(resource.body.operations ?? {})
    .filter((id) => !ids.includes(id))
    .map((id) => problem(resource, ["operations", id], "key", missingOperation(id, ids)));
};

const missingOperation = (id: string, ids: readonly string[]): { readonly message: string; readonly next: string } => {
  const meant = nearest(id, ids);
  const known = ids.length > 12 ? `${ids.slice(0, 12).join(", ")}, ...` : ids.join(", ");
  return {
    message: `the document has no operation '${id}'`,
    next: meant === undefined ? `Its operations: ${known}.` : `Did you mean '${meant}'?`,
  };
};

const nouns = { fragment: "the fragment", backend: "the backend", "named-value": "the named value" } as const;

const mentionProblems = (resource: Resource, tools: Tools): readonly ReferenceProblem[] =>
  mentionsOf(resource).flatMap((mention) => {
    if (mention.what === "policy" || tools.exists(mention.what, mention.name)) return [];
    return [problem(resource, mention.path, "value", tools.missing(mention.what, mention.name, nouns[mention.what]))];
  });

const fragmentCycles = (resources: readonly Resource[]): readonly ReferenceProblem[] => {
  const fragments = new Map<string, Resource>();
  for (const resource of resources) if (resource.kind === "fragment") fragments.set(resource.name, resource);
  const problems: ReferenceProblem[] = [];
  const done = new Set<string>();
  const visit = (name: string, trail: readonly string[]): void => {
    const resource = fragments.get(name);
    if (resource === undefined || done.has(name)) return;
    for (const mention of mentionsOf(resource)) {
      if (mention.what !== "fragment") continue;
      const from = [...trail, name].indexOf(mention.name);
      if (from < 0) visit(mention.name, [...trail, name]);
      else {
        const circle = [...[...trail, name].slice(from), mention.name].join(" -> ");
        problems.push(problem(resource, mention.path, "value", { message: `fragments include each other: ${circle}` }));
      }
    }
    done.add(name);
  };
  for (const name of fragments.keys()) visit(name, []);
  return problems;
};

// Two APIs on the same hosts and path must be told apart by their version, or no call knows where it goes.
const routeConflicts = (resources: readonly Resource[]): readonly ReferenceProblem[] => {
  const problems: ReferenceProblem[] = [];
  const seen = new Map<string, ResourceOf<"api">[]>();
  for (const resource of resources) {
    if (resource.kind !== "api") continue;
    const { body } = resource;
    const place = `${body.path} ${body.versions === undefined ? "" : `${body.versions.scheme} ${body.versions.value}`}`;
    const others = seen.get(place) ?? [];
    const other = others.find(
      (one) => shareHosts(one.body.hosts, body.hosts) && shareGateways(one.body.gateways, body.gateways),
    );
    if (other !== undefined) {
      problems.push(
        problem(resource, ["path"], "value", {
          message: `the API '${other.name}' has the same path ${body.path}, hosts and version`,
          next: "Give one of them another path, host or version.",
        }),
      );
    }
    seen.set(place, [...others, resource]);
  }
  return problems;
};

// An API without hosts serves the hosts that no other API names, so it conflicts only with its like.
const shareHosts = (a: readonly string[] = [], b: readonly string[] = []): boolean =>
  a.length === 0 || b.length === 0 ? a.length === b.length : a.some((host) => b.includes(host));

// An API without labels goes to every gateway.
const shareGateways = (a: readonly string[] = [], b: readonly string[] = []): boolean =>
  a.length === 0 || b.length === 0 || a.some((label) => b.includes(label));

const unreachableApis = (resources: readonly Resource[]): readonly ReferenceProblem[] => {
  const held = new Set<string>();
  for (const resource of resources)
    if (resource.kind === "product") for (const api of resource.body.apis) held.add(api);
  return resources.flatMap((resource) => {
    if (resource.kind !== "api" || held.has(resource.name) || (resource.body.products ?? []).length > 0) return [];
    const { protect } = resource.body;
    const takesKeys = protect === undefined || protect === "key" || (Array.isArray(protect) && protect.includes("key"));
    if (!takesKeys) return [];
    return [
      {
        ...problem(resource, [], "key", {
          message: `the API '${resource.name}' is protected by keys but belongs to no product`,
          next: "List it in a product, or set `protect: none`.",
        }),
        severity: "info" as const,
      },
    ];
  });
};

const problem = (
  resource: Resource,
  path: readonly PropertyKey[],
  at: "key" | "value",
  text: { readonly message: string; readonly next?: string },
): ReferenceProblem => ({ kind: resource.kind, name: resource.name, path, at, severity: "error", ...text });
