import { filePathOf } from "../../bundle/bundle-paths.ts";
import { pathText } from "../../bundle/finding.ts";
import type { ApiPolicy, PolicyDocument } from "../../model/policy-document.ts";
import { type ResourceKind, settingsName } from "../../model/resource.ts";
import type { Settings } from "../../model/settings.ts";
import type { Change, StoredOf } from "../change.ts";
import { putResource } from "../resources/collection.ts";

/** Where a policy document is written. */
export type PolicyScope =
  | { readonly scope: "platform" }
  | { readonly scope: "workspace" }
  | { readonly scope: "product"; readonly product: string }
  | { readonly scope: "api"; readonly api: string }
  | { readonly scope: "operation"; readonly api: string; readonly operation: string };

/** Finds resources, of a committed state or of a change. */
export type FindResource = <K extends ResourceKind>(kind: K, name: string) => StoredOf<K> | undefined;

/** What a scope says; undefined where it says nothing. */
export const policyAt = (find: FindResource, at: PolicyScope): PolicyDocument | undefined => {
  if (at.scope === "platform" || at.scope === "workspace") {
    return find("settings", settingsName)?.resource.body.policies?.[at.scope];
  }
  if (at.scope === "product") return find("product", at.product)?.resource.body.policy;
  const policy = find("api-policy", at.api)?.resource.body;
  if (policy === undefined) return undefined;
  if (at.scope === "operation") {
    return Object.hasOwn(policy.operations ?? {}, at.operation) ? policy.operations?.[at.operation] : undefined;
  }
  const { operations: _below, ...document } = policy;
  return Object.keys(document).length === 0 ? undefined : document;
};

/** Writes what a scope says; undefined: nothing any more. What else stands in the same resource stays. */
export const writePolicy = (change: Change, at: PolicyScope, document: PolicyDocument | undefined): void => {
  if (at.scope === "platform" || at.scope === "workspace") {
    const settings: Settings = change.find("settings", settingsName)?.resource.body ?? {};
    const { [at.scope]: _before, ...others } = settings.policies ?? {};
    const policies = document === undefined ? others : { ...others, [at.scope]: document };
    const { policies: _policies, ...rest } = settings;
    const body = Object.keys(policies).length === 0 ? rest : { ...rest, policies };
    putResource(change, { kind: "settings", name: settingsName, body });
    return;
  }
  if (at.scope === "product") {
    const product = change.find("product", at.product)?.resource;
    if (product === undefined) return;
    const { policy: _before, ...rest } = product.body;
    const body = document === undefined ? rest : { ...rest, policy: document };
    putResource(change, { kind: "product", name: at.product, body });
    return;
  }
  writeApiPolicy(change, at, document);
};

const writeApiPolicy = (
  change: Change,
  at: Extract<PolicyScope, { readonly api: string }>,
  document: PolicyDocument | undefined,
): void => {
  const { operations = {}, ...scopes } = change.find("api-policy", at.api)?.resource.body ?? {};
  const below = { ...operations };
  if (at.scope === "operation") {
    if (document === undefined) delete below[at.operation];
    else below[at.operation] = document;
  }
  const own: PolicyDocument = at.scope === "api" ? (document ?? {}) : scopes;
  const body: ApiPolicy = Object.keys(below).length === 0 ? own : { ...own, operations: below };
  if (Object.keys(body).length > 0) putResource(change, { kind: "api-policy", name: at.api, body });
  else if (change.find("api-policy", at.api) !== undefined) change.remove("api-policy", at.api);
};

/** The file of a bundle in which a scope's policy stands, and where in it. */
export const placeOfPolicy = (at: PolicyScope): { readonly file: string; readonly path: string } => {
  if (at.scope === "product") return { file: filePathOf("product", at.product), path: "policy" };
  if (at.scope === "api") return { file: filePathOf("api-policy", at.api), path: "" };
  if (at.scope === "operation") {
    return { file: filePathOf("api-policy", at.api), path: pathText(["operations", at.operation]) };
  }
  return { file: filePathOf("settings", settingsName), path: `policies.${at.scope}` };
};
