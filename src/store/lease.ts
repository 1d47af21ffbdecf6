import { setTimeout as wait } from "node:timers/promises";
import { type QueryExecutorProvider, sql } from "kysely";
import { Fault, messageOf } from "../base/fault.ts";
import { uuidv7 } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import { isUnavailable } from "./database-fault.ts";

/** The lease rows: one per thing that only one process may do at a time. They take the place of advisory locks. */
export const leaseTable = `create table if not exists portico_lease (
  name text primary key,
  owner text not null,
  expires_at timestamptz not null,
  fence bigint not null
)`;

/** A lease that was held when it was handed out. */
export interface Lease {
  readonly name: string;
  readonly owner: string;
  /** Grows with every holder; who writes under a lease has it checked in the same transaction (`assertLease`). */
  readonly fence: number;
}

/**
 * Takes the lease when nobody holds it or its holder let it expire; undefined when somebody does. The database's clock
 * decides, so that the clocks of those who compete need not agree.
 */
export const acquireLease = async (
  db: QueryExecutorProvider,
  wanted: { readonly name: string; readonly owner: string; readonly ttlMs: number },
): Promise<Lease | undefined> => {
  const { rows } = await sql<{ fence: number | string }>`
    insert into portico_lease (name, owner, expires_at, fence)
    values (${wanted.name}, ${wanted.owner}, now() + cast(${wanted.ttlMs} as float8) * interval '1 millisecond', 1)
    on conflict (name) do update
      set owner = excluded.owner, expires_at = excluded.expires_at, fence = portico_lease.fence + 1
      where portico_lease.expires_at <= now()
    returning fence`.execute(db);
  const row = rows[0];
  return row === undefined ? undefined : { name: wanted.name, owner: wanted.owner, fence: Number(row.fence) };
};

/** Extends a lease that is still held; false when it expired or somebody else has it now. */
export const renewLease = async (db: QueryExecutorProvider, lease: Lease, ttlMs: number): Promise<boolean> => {
  const { rows } = await sql`
    update portico_lease set expires_at = now() + cast(${ttlMs} as float8) * interval '1 millisecond'
    where name = ${lease.name} and owner = ${lease.owner} and fence = ${lease.fence} and expires_at > now()
    returning fence`.execute(db);
  return rows.length === 1;
};

/** Gives a lease back; nothing happens when it is not ours any more. The row stays, so that the fence goes on growing. */
export const releaseLease = async (db: QueryExecutorProvider, lease: Lease): Promise<void> => {
  await sql`
    update portico_lease set expires_at = now() - interval '1 millisecond'
    where name = ${lease.name} and owner = ${lease.owner} and fence = ${lease.fence}`.execute(db);
};

/**
 * Inside a transaction: refuses with `store.lease_lost` unless this lease is the newest, and keeps it so until the
 * transaction ends. A holder that slept past its time can then write nothing.
 */
export const assertLease = async (trx: QueryExecutorProvider, lease: Lease): Promise<void> => {
  const { rows } = await sql`
    select fence from portico_lease
    where name = ${lease.name} and owner = ${lease.owner} and fence = ${lease.fence} for update`.execute(trx);
  if (rows.length === 1) return;
  throw leaseLost(lease.name);
};

const releaseAttemptsMax = 4;

/** How `withLease` waits and holds. */
export interface HoldOptions {
  readonly name: string;
  readonly log: Log;
  /** How long others wait after this process was killed. */
  readonly ttlMs?: number;
  /** How long to wait for another holder; then `store.lease_held`. */
  readonly waitMsMax?: number;
  readonly signal?: AbortSignal;
}

/**
 * Waits for the lease, runs `work` while renewing it, and releases it. The signal given to `work` aborts when the lease is
 * lost or the caller's signal aborts.
 */
export const withLease = async <Result>(
  db: QueryExecutorProvider,
  options: HoldOptions,
  work: (lease: Lease, signal: AbortSignal) => Promise<Result>,
): Promise<Result> => {
  const { name, ttlMs = 15_000, waitMsMax = 60_000, log } = options;
  const lease = await waitForLease(db, { name, owner: `${process.pid}-${uuidv7()}`, ttlMs }, waitMsMax, options.signal);
  const lost = new AbortController();
  const signal = options.signal === undefined ? lost.signal : AbortSignal.any([lost.signal, options.signal]);
  let heldUntilMs = performance.now() + ttlMs;
  let isRenewing = false;
  const renewal = setInterval(() => {
    if (isRenewing) return;
    isRenewing = true;
    const askedMs = performance.now();
    renewLease(db, lease, ttlMs)
      .then((isHeld) => {
        if (isHeld) heldUntilMs = askedMs + ttlMs;
        else lost.abort(leaseLost(name));
      })
      .catch((thrown: unknown) => {
        // The database may be away for a moment; the lease is lost only when its time has passed.
        log.warn("a lease could not be renewed", { lease: name, reason: messageOf(thrown) });
        if (performance.now() > heldUntilMs) lost.abort(leaseLost(name));
      })
      .finally(() => {
        isRenewing = false;
      });
  }, ttlMs / 3);
  renewal.unref();
  try {
    return await work(lease, signal);
  } finally {
    clearInterval(renewal);
    await releaseOrLeave(db, lease, log);
  }
};

/** Tries a few times, since others wait for the whole time to live otherwise; what `work` returned or threw matters more. */
const releaseOrLeave = async (db: QueryExecutorProvider, lease: Lease, log: Log): Promise<void> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await releaseLease(db, lease);
      return;
    } catch (thrown) {
      if (attempt === releaseAttemptsMax || !isUnavailable(thrown)) {
        log.warn("a lease could not be released and will expire", { lease: lease.name, reason: messageOf(thrown) });
        return;
      }
      await wait(50 * attempt);
    }
  }
};

const waitForLease = async (
  db: QueryExecutorProvider,
  wanted: { readonly name: string; readonly owner: string; readonly ttlMs: number },
  waitMsMax: number,
  signal: AbortSignal | undefined,
): Promise<Lease> => {
  const untilMs = performance.now() + waitMsMax;
  for (let delayMs = 20; ; delayMs = Math.min(500, delayMs * 2)) {
    signal?.throwIfAborted();
    const lease = await acquireLease(db, wanted);
    if (lease !== undefined) return lease;
    if (performance.now() + delayMs > untilMs) {
      throw new Fault("store.lease_held", {
        public: `Another process of this platform is busy with "${wanted.name}". Try again in a moment.`,
        status: 503,
      });
    }
    await wait(delayMs, undefined, signal === undefined ? {} : { signal });
  }
};

const leaseLost = (name: string): Fault =>
  new Fault("store.lease_lost", {
    public: `Another process of this platform took over "${name}". Try again.`,
    internal: "the lease expired before the work was done",
    status: 503,
  });
