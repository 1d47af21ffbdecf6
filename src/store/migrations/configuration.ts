/** Tables of configuration: versioned resources, documents, secrets, revisions, audit. */
export const configurationSteps = {
  "0001-revision-counter": `create table revision_counter (
    id integer primary key,
    value bigint not null
  )`,
  "0002-revision-counter-row": `insert into revision_counter (id, value) values (1, 0)`,
  "0003-revision": `create table revision (
    number bigint primary key,
    at timestamptz not null,
    actor text not null,
    message text,
    kind text not null,
    request_id text
  )`,
  // The body is json, not jsonb: jsonb forgets the order of members, which people see when they pull.
  "0004-resource-version": `create table resource_version (
    kind text not null,
    name text not null,
    revision bigint not null,
    superseded_by bigint,
    body json,
    source text,
    document_file text,
    document_hash text,
    hash text not null,
    primary key (kind, name, revision)
  )`,
  "0005-resource-version-newest": `create index resource_version_newest on resource_version (kind, name) where superseded_by is null`,
  "0006-resource-version-revision": `create index resource_version_revision on resource_version (revision)`,
  "0007-resource-owner": `create table resource_owner (
    kind text not null,
    name text not null,
    owner text not null,
    primary key (kind, name)
  )`,
  "0008-document-blob": `create table document_blob (
    hash text primary key,
    bytes bytea not null,
    bytes_count integer not null,
    externals json,
    created_at timestamptz not null
  )`,
  "0009-secret-value": `create table secret_value (
    name text primary key,
    sealed bytea not null,
    changed_revision bigint not null,
    changed_at timestamptz not null
  )`,
  "0010-installation": `create table installation (
    name text primary key,
    value text not null
  )`,
  "0011-audit-entry": `create table audit_entry (
    id uuid primary key,
    at timestamptz not null,
    actor text not null,
    operation text not null,
    target text not null,
    revision bigint,
    request_id text not null,
    before json,
    after json
  )`,
  "0012-audit-entry-target": `create index audit_entry_target on audit_entry (target, id)`,
  "0013-document-blob-place": `alter table document_blob add column place text`,
} as const;
