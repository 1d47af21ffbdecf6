/** Tables of those who call: organizations, applications, subscriptions, keys. */
export const consumerSteps = {
  "0101-organization": `create table organization (
    id uuid primary key,
    name text not null unique,
    title text,
    created_at timestamptz not null
  )`,
  "0102-application": `create table application (
    id uuid primary key,
    organization_id uuid not null references organization (id),
    name text not null,
    title text,
    created_at timestamptz not null,
    unique (organization_id, name)
  )`,
  "0103-subscription": `create table subscription (
    id uuid primary key,
    application_id uuid not null references application (id),
    product text not null,
    plan text not null,
    state text not null,
    created_at timestamptz not null,
    changed_revision bigint not null
  )`,
  "0104-subscription-application": `create index subscription_application on subscription (application_id)`,
  "0105-subscription-product": `create index subscription_product on subscription (product)`,
  "0106-subscription-changed": `create index subscription_changed on subscription (changed_revision)`,
  "0107-api-key": `create table api_key (
    id uuid primary key,
    subscription_id uuid not null references subscription (id),
    slot text not null,
    prefix text not null,
    digest text not null unique,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    changed_revision bigint not null
  )`,
  "0108-api-key-subscription": `create index api_key_subscription on api_key (subscription_id)`,
  "0109-api-key-changed": `create index api_key_changed on api_key (changed_revision)`,
  "0110-api-key-replaced": `alter table api_key add column replaced_by uuid`,
} as const;
