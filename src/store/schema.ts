import type { ColumnType } from "kysely";

/** A 64-bit integer, which `openDatabase` reads as a number. */
type Int8 = number;
type Int8OrNull = ColumnType<number | null, number | null | undefined, number | null>;
type Time = ColumnType<Date, Date, Date>;
type TimeOrNull = ColumnType<Date | null, Date | null | undefined, Date | null>;
/** JSON is written as text (an array would become a PostgreSQL array) and read as the value. */
type Json = ColumnType<unknown, string, string>;
type JsonOrNull = ColumnType<unknown, string | null | undefined, string | null>;
type TextOrNull = ColumnType<string | null, string | null | undefined, string | null>;

/** The platform's own tables. Columns are written out in the repositories; nobody else names them. */
export interface Tables {
  /** One row. Its lock puts all writes in one order: commit order is revision order. */
  revision_counter: { id: number; value: Int8 };
  revision: { number: Int8; at: Time; actor: string; message: TextOrNull; kind: string; request_id: TextOrNull };
  resource_version: {
    kind: string;
    name: string;
    revision: Int8;
    /** The revision that replaced this version; null: it is the newest. */
    superseded_by: Int8OrNull;
    /** Null where this version says that the resource is deleted. */
    body: JsonOrNull;
    source: TextOrNull;
    document_file: TextOrNull;
    document_hash: TextOrNull;
    hash: string;
  };
  resource_owner: { kind: string; name: string; owner: string };
  document_blob: {
    hash: string;
    bytes: Buffer;
    bytes_count: number;
    /** Texts of the files that its references lead to, by the name that the reference gives them. */
    externals: JsonOrNull;
    /** What its relative references started from; null where it refers to no files. */
    place: TextOrNull;
    created_at: Time;
  };
  secret_value: { name: string; sealed: Buffer; changed_revision: Int8; changed_at: Time };
  installation: { name: string; value: string };
  audit_entry: {
    id: string;
    at: Time;
    actor: string;
    operation: string;
    target: string;
    revision: Int8OrNull;
    request_id: string;
    before: JsonOrNull;
    after: JsonOrNull;
  };
  organization: { id: string; name: string; title: TextOrNull; created_at: Time };
  application: { id: string; organization_id: string; name: string; title: TextOrNull; created_at: Time };
  subscription: {
    id: string;
    application_id: string;
    product: string;
    plan: string;
    state: string;
    created_at: Time;
    changed_revision: Int8;
  };
  api_key: {
    id: string;
    subscription_id: string;
    slot: string;
    prefix: string;
    digest: string;
    created_at: Time;
    expires_at: TimeOrNull;
    revoked_at: TimeOrNull;
    last_used_at: TimeOrNull;
    changed_revision: Int8;
    /** The key that a rotation put in its place. */
    replaced_by: TextOrNull;
  };
  platform_user: {
    id: string;
    name: string;
    email: TextOrNull;
    roles: Json;
    is_disabled: boolean;
    created_at: Time;
  };
  access_token: {
    id: string;
    user_id: string;
    name: string;
    prefix: string;
    digest: string;
    roles: Json;
    created_at: Time;
    expires_at: TimeOrNull;
    revoked_at: TimeOrNull;
    last_used_at: TimeOrNull;
  };
  sign_in_link: {
    digest: string;
    user_id: TextOrNull;
    roles: Json;
    created_at: Time;
    expires_at: Time;
    used_at: TimeOrNull;
  };
  session: {
    id: string;
    digest: string;
    user_id: TextOrNull;
    roles: Json;
    created_at: Time;
    expires_at: Time;
    ended_at: TimeOrNull;
  };
  gateway: {
    instance: string;
    version: string;
    labels: Json;
    revision: Int8;
    hash: string;
    threads: number;
    started_at: TimeOrNull;
    unit_errors: Json;
    connected_until: TimeOrNull;
    reported_at: TimeOrNull;
  };
  usage_minute: {
    minute: Time;
    api: string;
    operation: string;
    subscription: string;
    status: number;
    calls: Int8;
    request_bytes: Int8;
    response_bytes: Int8;
    duration_ms_sum: Int8;
    duration_ms_max: Int8;
  };
  usage_batch: { id: string; at: Time };
  idempotency_record: {
    actor: string;
    key: string;
    fingerprint: string;
    status: number;
    headers: Json;
    /** The answer's body, encrypted: it may hold a key that is shown once. */
    sealed_body: Buffer;
    created_at: Time;
  };
}
