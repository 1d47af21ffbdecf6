/** Tables of those who administer: users, tokens, sign-in links, sessions, and the answers kept for repeated requests. */
export const memberSteps = {
  "0201-platform-user": `create table platform_user (
    id uuid primary key,
    name text not null unique,
    email text,
    roles json not null,
    is_disabled boolean not null,
    created_at timestamptz not null
  )`,
  "0202-access-token": `create table access_token (
    id uuid primary key,
    user_id uuid not null references platform_user (id),
    name text not null,
    prefix text not null,
    digest text not null unique,
    roles json not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
  )`,
  "0203-access-token-user": `create index access_token_user on access_token (user_id)`,
  "0204-sign-in-link": `create table sign_in_link (
    digest text primary key,
    user_id uuid,
    roles json not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz
  )`,
  "0205-session": `create table session (
    id uuid primary key,
    digest text not null unique,
    user_id uuid,
    roles json not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz
  )`,
  "0206-idempotency-record": `create table idempotency_record (
    actor text not null,
    key text not null,
    fingerprint text not null,
    status integer not null,
    headers json not null,
    sealed_body bytea not null,
    created_at timestamptz not null,
    primary key (actor, key)
  )`,
  "0207-idempotency-record-created": `create index idempotency_record_created on idempotency_record (created_at)`,
} as const;
