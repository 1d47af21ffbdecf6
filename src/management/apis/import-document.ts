import type { Kysely } from "kysely";
import type { Api } from "../../model/api.ts";
import type { ApiPolicy } from "../../model/policy-document.ts";
import type { ResourceOf } from "../../model/resource.ts";
import { externalSources } from "../../openapi/external-references.ts";
import { type LintFinding, lint } from "../../openapi/lint.ts";
import { type ImportPlan, planImport } from "../../openapi/plan-import.ts";
import type { OpenApiDocument } from "../../openapi/read-document.ts";
import { saveDocument } from "../../store/repositories/documents.ts";
import type { StoredResource } from "../../store/repositories/resources.ts";
import type { Tables } from "../../store/schema.ts";
import type { Change } from "../change.ts";
import { putResource } from "../resources/collection.ts";
import type { ManagementTools } from "../tools.ts";
import { documentFileName } from "./media-type.ts";

/** A document that was read and looked at, ready to become an API's. */
export interface ReadyDocument {
  readonly bytes: Uint8Array;
  readonly document: OpenApiDocument;
  readonly fileName: string;
  readonly findings: readonly LintFinding[];
}

/** Looks at a document outside any transaction: this is the slow part. */
export const readyDocument = (
  bytes: Uint8Array,
  document: OpenApiDocument,
  givenName: string | undefined,
): ReadyDocument => ({
  bytes,
  document,
  fileName: documentFileName(givenName, document.syntax === "json"),
  findings: lint(document),
});

/** What an import did or would do, beside the resources. */
export interface ImportOutcome {
  readonly isNew: boolean;
  readonly stored: StoredResource;
  readonly plan: ImportPlan;
  /** Ids under which operation policies stood that went away, or moved with their operation. */
  readonly policies: readonly { readonly id: string; readonly becomes?: string }[];
  readonly products: readonly string[];
  /** Absent where nothing differs from what there was. */
  readonly revision: number | undefined;
}

/**
 * Makes `ready` the document of an API, in one change with everything that follows: policies and settings of an operation whose
 * id changes move to the new id; those of operations that are gone go with them.
 */
export const importDocument = async (
  tools: ManagementTools,
  change: Change,
  name: string,
  body: Api,
  ready: ReadyDocument,
): Promise<ImportOutcome> => {
  const current = change.find("api", name)?.resource;
  const previous = current?.document === undefined ? null : await previousDocument(tools, change.trx, current.document);
  const plan = planImport(previous, ready.document);
  const files = { texts: externalSources(ready.document), place: ready.document.uri };
  const hash = await saveDocument(change.trx, { bytes: ready.bytes, files }, change.at);
  const stored = putResource(change, {
    kind: "api",
    name,
    body: body.operations === undefined ? body : withOperations(body, renamed(body.operations, plan.idsLost)),
    document: { fileName: ready.fileName, hash },
  });
  const policies = movePolicies(change, name, plan);
  const isChanged = stored.revision === change.revision || policies.length > 0;
  return {
    isNew: current === undefined,
    stored,
    plan,
    policies,
    products: productsOf(change, name, body),
    revision: isChanged ? change.revision : undefined,
  };
};

const previousDocument = async (
  tools: ManagementTools,
  db: Kysely<Tables>,
  reference: NonNullable<ResourceOf<"api">["document"]>,
): Promise<OpenApiDocument> => tools.documents.documentOf(db, reference);

const withOperations = (body: Api, operations: NonNullable<Api["operations"]>): Api => {
  const { operations: _before, ...rest } = body;
  return Object.keys(operations).length === 0 ? rest : { ...rest, operations };
};

const movePolicies = (change: Change, name: string, plan: ImportPlan): ImportOutcome["policies"] => {
  const policy = change.find("api-policy", name)?.resource;
  const before = policy?.body.operations;
  if (before === undefined) return [];
  const touched = plan.idsLost.filter(({ id }) => Object.hasOwn(before, id));
  if (touched.length === 0) return [];
  const operations = renamed(before, plan.idsLost);
  const { operations: _before, ...scopes } = policy?.body ?? {};
  const body: ApiPolicy = Object.keys(operations).length === 0 ? scopes : { ...scopes, operations };
  if (Object.keys(body).length === 0) change.remove("api-policy", name);
  else putResource(change, { kind: "api-policy", name, body });
  return touched.map(({ id, becomes }) => (becomes === undefined ? { id } : { id, becomes }));
};

/** What is kept by operation id, under the ids of the new document. */
const renamed = <T>(byId: Readonly<Record<string, T>>, lost: ImportPlan["idsLost"]): Record<string, T> => {
  const names = new Map(lost.map(({ id, becomes }) => [id, becomes]));
  return Object.fromEntries(
    Object.entries(byId).flatMap(([id, value]): [string, T][] => {
      if (!names.has(id)) return [[id, value]];
      const becomes = names.get(id);
      return becomes === undefined ? [] : [[becomes, value]];
    }),
  );
};

const productsOf = (change: Change, name: string, body: Api): string[] => {
  const products = new Set(body.products ?? []);
  for (const { resource } of change.state.resources.values()) {
    if (resource.kind === "product" && resource.body.apis.includes(name)) products.add(resource.name);
  }
  return [...products].sort();
};
