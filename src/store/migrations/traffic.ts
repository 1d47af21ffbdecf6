/** Tables of what gateways tell: themselves, and the calls they served. */
export const trafficSteps = {
  "0301-gateway": `create table gateway (
    instance text primary key,
    version text not null,
    labels json not null,
    revision bigint not null,
    hash text not null,
    threads integer not null,
    started_at timestamptz,
    unit_errors json not null,
    connected_until timestamptz,
    reported_at timestamptz
  )`,
  "0302-usage-minute": `create table usage_minute (
    minute timestamptz not null,
    api text not null,
    operation text not null,
    subscription text not null,
    status integer not null,
    calls bigint not null,
    request_bytes bigint not null,
    response_bytes bigint not null,
    duration_ms_sum bigint not null,
    duration_ms_max bigint not null,
    primary key (minute, api, operation, subscription, status)
  )`,
  "0303-usage-batch": `create table usage_batch (
    id text primary key,
    at timestamptz not null
  )`,
  "0304-usage-batch-at": `create index usage_batch_at on usage_batch (at)`,
} as const;
