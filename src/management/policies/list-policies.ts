import { z } from "zod";
import { policyDocumentSchema } from "../../model/policy-document.ts";
import { settingsName } from "../../model/resource.ts";
import type { ConfigurationState } from "../../store/repositories/resources.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { limitOf, numberPlaceOf, pageJson, pageOf, pageQuerySchema } from "../paging.ts";
import { finderOf } from "./scope-operations.ts";
import { type PolicyScope, placeOfPolicy, policyAt } from "./scopes.ts";

/** Every scope that says something. */
export const listPolicies: Operation = defineOperation({
  id: "listPolicies",
  method: "GET",
  path: "/policies",
  tag: "Policies",
  summary: "List the policies of all scopes",
  access: "apis.read",
  query: pageQuerySchema,
  answers: {
    200: {
      description: "From the outermost scope inwards.",
      schema: pageOf(
        z.object({
          scope: z.enum(["platform", "workspace", "product", "api", "operation"]),
          product: z.string().optional(),
          api: z.string().optional(),
          operation: z.string().optional(),
          file: z.string(),
          path: z.string(),
          revision: z.int(),
          policy: policyDocumentSchema,
        }),
      ),
    },
  },
  run: async ({ tools, query }) => {
    const state = await tools.configuration.read();
    const limit = limitOf(query);
    const after = numberPlaceOf(query);
    const rows = scopesOf(state)
      .map((entry, index) => ({ ...entry, index }))
      .filter(({ index }) => after === undefined || index > after)
      .slice(0, limit + 1);
    const json = pageJson(
      rows,
      limit,
      ({ index }) => String(index),
      ({ scope, revision }) => ({
        ...scope,
        ...placeOfPolicy(scope),
        revision,
        policy: policyAt(finderOf(state), scope) ?? {},
      }),
    );
    return { status: 200, json };
  },
});

const scopesOf = (state: ConfigurationState): { readonly scope: PolicyScope; readonly revision: number }[] => {
  const find = finderOf(state);
  const candidates: { scope: PolicyScope; revision: number }[] = [];
  const settings = find("settings", settingsName);
  for (const scope of ["platform", "workspace"] as const) {
    candidates.push({ scope: { scope }, revision: settings?.revision ?? 0 });
  }
  const stored = [...state.resources.values()].sort((a, b) => (a.resource.name < b.resource.name ? -1 : 1));
  for (const { resource, revision } of stored) {
    if (resource.kind === "product") candidates.push({ scope: { scope: "product", product: resource.name }, revision });
  }
  for (const { resource, revision } of stored) {
    if (resource.kind !== "api-policy") continue;
    candidates.push({ scope: { scope: "api", api: resource.name }, revision });
    for (const operation of Object.keys(resource.body.operations ?? {})) {
      candidates.push({ scope: { scope: "operation", api: resource.name, operation }, revision });
    }
  }
  return candidates.filter(({ scope }) => policyAt(find, scope) !== undefined);
};
