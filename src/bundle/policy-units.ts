import { contentHash } from "../base/canonical-json.ts";
import { mockBackendName } from "../model/backend.ts";
import type { ApiPolicy } from "../model/policy-document.ts";
import { type Resource, settingsName } from "../model/resource.ts";
import type { ApiUnit, UnitPolicy } from "../model/snapshot.ts";
import { filePathOf } from "./bundle-paths.ts";
import { pathText } from "./finding.ts";
import { mentionsOf } from "./mentions.ts";

/**
 * Units that hold nothing but policies and backends, with stand-ins for everything they name. A bundle with mistakes elsewhere makes no
 * units; with these the mistakes in its policies are found all the same, so that all are told at once.
 */
export const policyUnits = (resources: readonly Resource[]): readonly ApiUnit[] => {
  const outer = outerPolicies(resources);
  const policies = resources.flatMap((resource) => (resource.kind === "api-policy" ? [resource] : []));
  const units = policies.map((policy) => unitOf(policy.name, policy.body, resources, outer));
  // Outer scopes are checked also where no API has policies.
  return units.length > 0 ? units : [unitOf("stand-in", {}, resources, outer)];
};

const standIn = { value: "stand-in", secret: false } as const;

const unitOf = (
  api: string,
  { operations = {}, ...document }: ApiPolicy,
  resources: readonly Resource[],
  outer: Pick<ApiUnit["policies"], "platform" | "workspace" | "products">,
): ApiUnit => {
  const file = filePathOf("api-policy", api);
  const mentions = resources.flatMap((resource) => mentionsOf(resource));
  const namesOf = (what: string): string[] =>
    mentions.filter((mention) => mention.what === what).map(({ name }) => name);
  const ids = Object.keys(operations);
  const ofOperations: Record<string, UnitPolicy> = {};
  for (const [id, policy] of Object.entries(operations)) {
    ofOperations[id] = { document: policy, file, at: pathText(["operations", id]) };
  }
  const fragments: Record<string, ApiUnit["fragments"][string]> = {};
  for (const name of namesOf("fragment")) fragments[name] = [];
  for (const resource of resources) if (resource.kind === "fragment") fragments[resource.name] = resource.body.steps;
  const content: Omit<ApiUnit, "hash"> = {
    api,
    title: api,
    path: "/",
    hosts: [],
    gateways: [],
    deprecated: false,
    keyHeaders: [],
    keyQueryParameters: [],
    operations: (ids.length > 0 ? ids : ["standIn"]).map((id, index) => ({
      id,
      method: "GET",
      path: `/${index}`,
      protect: [],
      backend: mockBackendName,
    })),
    backends: {
      ...Object.fromEntries([mockBackendName, ...namesOf("backend")].map((name) => [name, { kind: "mock" as const }])),
      // Certificates are in the platform's store: a backend that names one is checked only as part of a whole bundle.
      ...Object.fromEntries(
        resources.flatMap((resource) =>
          resource.kind === "backend" && !JSON.stringify(resource.body).includes('"certificate')
            ? [[resource.name, resource.body]]
            : [],
        ),
      ),
    },
    policies: { ...outer, api: { document, file }, operations: ofOperations },
    products: Object.fromEntries(Object.keys(outer.products).map((name) => [name, {}])),
    fragments,
    namedValues: Object.fromEntries(namesOf("named-value").map((name) => [name, standIn])),
  };
  return { hash: contentHash(content), ...content };
};

const outerPolicies = (
  resources: readonly Resource[],
): Pick<ApiUnit["policies"], "platform" | "workspace" | "products"> => {
  const products: Record<string, UnitPolicy> = {};
  let settings: { readonly platform?: UnitPolicy; readonly workspace?: UnitPolicy } = {};
  const file = filePathOf("settings", settingsName);
  for (const resource of resources) {
    if (resource.kind === "product" && resource.body.policy !== undefined) {
      products[resource.name] = {
        document: resource.body.policy,
        file: filePathOf("product", resource.name),
        at: "policy",
      };
    }
    if (resource.kind !== "settings") continue;
    const { platform, workspace } = resource.body.policies ?? {};
    settings = {
      ...(platform === undefined ? {} : { platform: { document: platform, file, at: "policies.platform" } }),
      ...(workspace === undefined ? {} : { workspace: { document: workspace, file, at: "policies.workspace" } }),
    };
  }
  return { ...settings, products };
};
