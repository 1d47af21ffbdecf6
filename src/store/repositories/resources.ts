import type { Kysely, Transaction } from "kysely";
import { canonicalJson, contentHash } from "../../base/canonical-json.ts";
import { Fault } from "../../base/fault.ts";
import { type Resource, type ResourceKind, resourceKey, resourceSchemas } from "../../model/resource.ts";
import type { Tables } from "../schema.ts";

/** A resource as it stood from `revision` on. */
export interface StoredResource {
  readonly resource: Resource;
  readonly revision: number;
  /** Content hash of body, source and document: equal hash, nothing changed. */
  readonly hash: string;
}

/** A change of one resource: its new version, or that it is gone. */
export interface ResourceChange {
  readonly kind: ResourceKind;
  readonly name: string;
  readonly revision: number;
  /** Absent: deleted. */
  readonly stored: StoredResource | undefined;
}

/** The resources of the platform after one revision, by `resourceKey`. */
export interface ConfigurationState {
  readonly revision: number;
  readonly resources: ReadonlyMap<string, StoredResource>;
}

/** What tells two versions of a resource apart. */
export const resourceHash = (resource: Resource): string =>
  contentHash({ body: resource.body, source: resource.source, document: resource.document });

/** Every resource as it stood after `revision`. */
export const readStateAt = async (db: Kysely<Tables>, revision: number): Promise<ConfigurationState> => {
  const rows = await db
    .selectFrom("resource_version")
    .selectAll()
    .where("revision", "<=", revision)
    .where((where) => where.or([where("superseded_by", "is", null), where("superseded_by", ">", revision)]))
    .execute();
  return stateOf(revision, rows);
};

/** What changed after `from` up to and with `to`: of each resource the last word. */
export const readChanges = async (db: Kysely<Tables>, from: number, to: number): Promise<ResourceChange[]> => {
  const rows = await db
    .selectFrom("resource_version")
    .selectAll()
    .where("revision", ">", from)
    .where("revision", "<=", to)
    .orderBy("revision")
    .execute();
  const last = new Map<string, ResourceChange>();
  for (const row of rows) {
    const kind = kindOf(row.kind);
    const change = { kind, name: row.name, revision: row.revision, stored: storedOf(row) };
    last.set(resourceKey(change), change);
  }
  return [...last.values()];
};

/** The state after the changes; the old one stays as it was. */
export const withChanges = (
  state: ConfigurationState,
  changes: readonly ResourceChange[],
  revision: number,
): ConfigurationState => {
  if (changes.length === 0) return { revision, resources: state.resources };
  const resources = new Map(state.resources);
  for (const change of changes) {
    if (change.stored === undefined) resources.delete(resourceKey(change));
    else resources.set(resourceKey(change), change.stored);
  }
  return { revision, resources };
};

/** Writes new versions; what they replace is marked as superseded. The caller holds the revision lock. */
export const writeChanges = async (trx: Transaction<Tables>, changes: readonly ResourceChange[]): Promise<void> => {
  for (const { kind, name, revision, stored } of changes) {
    await trx
      .updateTable("resource_version")
      .set({ superseded_by: revision })
      .where("kind", "=", kind)
      .where("name", "=", name)
      .where("superseded_by", "is", null)
      .execute();
    await trx
      .insertInto("resource_version")
      .values({
        kind,
        name,
        revision,
        body: stored === undefined ? null : JSON.stringify(stored.resource.body),
        source: stored?.resource.source ?? null,
        document_file: stored?.resource.document?.fileName ?? null,
        document_hash: stored?.resource.document?.hash ?? null,
        hash: stored?.hash ?? canonicalJson(null),
      })
      .execute();
  }
};

/** The versions of one resource, the newest first, below `before`. */
export const listVersions = async (
  db: Kysely<Tables>,
  kind: ResourceKind,
  name: string,
  page: { readonly before: number | undefined; readonly limit: number },
): Promise<ResourceChange[]> => {
  let query = db
    .selectFrom("resource_version")
    .selectAll()
    .where("kind", "=", kind)
    .where("name", "=", name)
    .orderBy("revision", "desc")
    .limit(page.limit);
  if (page.before !== undefined) query = query.where("revision", "<", page.before);
  return (await query.execute()).map((row) => ({ kind, name, revision: row.revision, stored: storedOf(row) }));
};

/** Which bundle each resource belongs to, by `resourceKey`. */
export const readOwners = async (db: Kysely<Tables>): Promise<ReadonlyMap<string, string>> => {
  const rows = await db.selectFrom("resource_owner").selectAll().execute();
  return new Map(rows.map((row) => [resourceKey({ kind: kindOf(row.kind), name: row.name }), row.owner]));
};

/** Says that these resources belong to a bundle; whoever owned them before does so no more. */
export const writeOwner = async (
  trx: Transaction<Tables>,
  owner: string,
  resources: readonly { readonly kind: ResourceKind; readonly name: string }[],
): Promise<void> => {
  for (const { kind, name } of resources) {
    await trx
      .insertInto("resource_owner")
      .values({ kind, name, owner })
      .onConflict((conflict) => conflict.columns(["kind", "name"]).doUpdateSet({ owner }))
      .execute();
  }
};

/** Says that these belong to nobody. */
export const deleteOwners = async (
  trx: Transaction<Tables>,
  resources: readonly { readonly kind: ResourceKind; readonly name: string }[],
): Promise<void> => {
  for (const { kind, name } of resources) {
    await trx.deleteFrom("resource_owner").where("kind", "=", kind).where("name", "=", name).execute();
  }
};

interface VersionRow {
  readonly kind: string;
  readonly name: string;
  readonly revision: number;
  readonly body: unknown;
  readonly source: string | null;
  readonly document_file: string | null;
  readonly document_hash: string | null;
  readonly hash: string;
}

const stateOf = (revision: number, rows: readonly VersionRow[]): ConfigurationState => {
  const resources = new Map<string, StoredResource>();
  for (const row of rows) {
    const stored = storedOf(row);
    if (stored !== undefined) resources.set(resourceKey(stored.resource), stored);
  }
  return { revision, resources };
};

const storedOf = (row: VersionRow): StoredResource | undefined => {
  if (row.body === null) return undefined;
  const kind = kindOf(row.kind);
  // Bodies were parsed by the kind's schema before they were written; rows are not parsed anew at every read.
  const resource = {
    kind,
    name: row.name,
    body: row.body,
    ...(row.source === null ? {} : { source: row.source }),
    ...(row.document_file === null || row.document_hash === null
      ? {}
      : { document: { fileName: row.document_file, hash: row.document_hash } }),
  } as Resource;
  return { resource, revision: row.revision, hash: row.hash };
};

const kindOf = (text: string): ResourceKind => {
  if (isKind(text)) return text;
  throw new Fault("store.unknown_kind", {
    public: "The database was written by a newer version of Portico.",
    internal: `resource kind ${text}`,
  });
};

const isKind = (text: string): text is ResourceKind => Object.hasOwn(resourceSchemas, text);
