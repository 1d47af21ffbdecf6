import { z } from "zod";
import { nameSchema } from "../../model/names.ts";
import { policyDocumentSchema } from "../../model/policy-document.ts";
import { operationOf } from "../../openapi/operations.ts";
import type { ConfigurationState } from "../../store/repositories/resources.ts";
import { type Change, findIn } from "../change.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { notFound } from "../resources/collection.ts";
import type { Right } from "../rights.ts";
import type { ManagementTools } from "../tools.ts";
import { type FindResource, type PolicyScope, policyAt, writePolicy } from "./scopes.ts";

const bodySchema = policyDocumentSchema.meta({ id: "PolicyDocument", description: "What one scope says." });

/** A scope as it stands in paths. */
interface ScopePath<P extends z.ZodObject> {
  readonly path: string;
  /** For operation ids: `Platform`, `Api`. */
  readonly name: string;
  readonly noun: string;
  readonly read: Right;
  readonly write: Right;
  readonly params: P;
  scopeOf(params: z.output<P>): PolicyScope;
}

const noParams = z.object({});
const outer = { read: "settings.read", write: "settings.write", params: noParams } as const;
const inner = { read: "apis.read", write: "apis.write" } as const;

const scopeOperations = <P extends z.ZodObject>(at: ScopePath<P>): readonly Operation[] => [
  defineOperation({
    id: `get${at.name}Policy`,
    method: "GET",
    path: at.path,
    tag: "Policies",
    summary: `Read the policy of ${at.noun}`,
    description: "An empty object where the scope says nothing.",
    access: at.read,
    params: at.params,
    hasEtag: true,
    answers: { 200: { description: "What the scope says.", schema: bodySchema } },
    ...(at.params === noParams ? {} : { refusals: [404] }),
    run: async ({ tools, params }) => {
      const state = await tools.configuration.read();
      const scope = at.scopeOf(params);
      const find = finderOf(state);
      await requireScope(tools, tools.db, find, scope);
      return { status: 200, json: policyAt(find, scope) ?? {} };
    },
  }),
  defineOperation({
    id: `put${at.name}Policy`,
    method: "PUT",
    path: at.path,
    tag: "Policies",
    summary: `Replace the policy of ${at.noun}`,
    description: "Refused with every mistake and its place where it does not compile.",
    access: at.write,
    params: at.params,
    body: bodySchema,
    hasEtag: true,
    answers: { 200: { description: "Replaced.", schema: bodySchema } },
    refusals: [...(at.params === noParams ? [] : [404]), 412, 415, 422],
    run: (call) =>
      call.change(async (change) => {
        const scope = at.scopeOf(call.params);
        await requireScope(call.tools, change.trx, change.find, scope);
        call.match(policyAt(change.find, scope));
        writePolicy(change, scope, call.body);
        return { status: 200, json: policyAt(change.find, scope) ?? {} };
      }),
  }),
  defineOperation({
    id: `delete${at.name}Policy`,
    method: "DELETE",
    path: at.path,
    tag: "Policies",
    summary: `Remove the policy of ${at.noun}`,
    access: at.write,
    params: at.params,
    answers: { 204: { description: "Removed, or there was none." } },
    refusals: [...(at.params === noParams ? [] : [404]), 412],
    run: (call) =>
      call.change(async (change) => {
        const scope = at.scopeOf(call.params);
        await requireScope(call.tools, change.trx, change.find, scope);
        call.match(policyAt(change.find, scope));
        if (policyAt(change.find, scope) !== undefined) writePolicy(change, scope, undefined);
        return { status: 204 };
      }),
  }),
];

/** Reading, writing and removing policies at the five scopes. */
export const policyScopeOperations: readonly Operation[] = [
  ...scopeOperations({
    ...outer,
    path: "/policies/platform",
    name: "Platform",
    noun: "the platform",
    scopeOf: () => ({ scope: "platform" }),
  }),
  ...scopeOperations({
    ...outer,
    path: "/policies/workspace",
    name: "Workspace",
    noun: "the workspace",
    scopeOf: () => ({ scope: "workspace" }),
  }),
  ...scopeOperations({
    ...inner,
    path: "/policies/products/{product}",
    name: "Product",
    noun: "a product",
    params: z.object({ product: nameSchema }),
    scopeOf: ({ product }) => ({ scope: "product", product }),
  }),
  ...scopeOperations({
    ...inner,
    path: "/policies/apis/{api}",
    name: "Api",
    noun: "an API",
    params: z.object({ api: nameSchema }),
    scopeOf: ({ api }) => ({ scope: "api", api }),
  }),
  ...scopeOperations({
    ...inner,
    path: "/policies/apis/{api}/operations/{operation}",
    name: "Operation",
    noun: "an operation",
    params: z.object({ api: nameSchema, operation: z.string().min(1).max(500) }),
    scopeOf: ({ api, operation }) => ({ scope: "operation", api, operation }),
  }),
];

/** Finds resources of a committed state. */
export const finderOf =
  (state: ConfigurationState): FindResource =>
  (kind, name) =>
    findIn(state.resources, kind, name);

/** Refuses with 404 where the product, API or operation of a scope does not exist. */
export const requireScope = async (
  tools: ManagementTools,
  db: ManagementTools["db"] | Change["trx"],
  find: FindResource,
  at: PolicyScope,
): Promise<void> => {
  if (at.scope === "product" && find("product", at.product) === undefined) throw notFound("product", at.product);
  if (at.scope !== "api" && at.scope !== "operation") return;
  const document = find("api", at.api)?.resource.document;
  if (document === undefined) throw notFound("API", at.api);
  if (at.scope === "api") return;
  const read = await tools.documents.documentOf(db, document);
  if (operationOf(read, at.operation) === undefined) {
    throw notFound(`operation of the API '${at.api}' with the id`, at.operation);
  }
};
