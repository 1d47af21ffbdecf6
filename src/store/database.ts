import { setTimeout as wait } from "node:timers/promises";
import {
  type ControlledTransaction,
  type IsolationLevel,
  Kysely,
  PostgresDialect,
  type PostgresPool,
  type PostgresPoolClient,
  type PostgresQueryResult,
  type Transaction,
} from "kysely";
import pg from "pg";
import { type Clock, systemClock } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import type { Log } from "../base/log.ts";
import { isRepeatable, isUnavailable, toFault } from "./database-fault.ts";

/** What `openDatabase` needs. */
export interface DatabaseOptions {
  /** `postgresql://user:password@host/database`, with `?host=/directory` for a Unix socket. */
  readonly url: string;
  readonly log: Log;
  /** Connections at most; callers beyond wait. */
  readonly connectionsMax?: number;
  /** How long a caller waits for a connection, and for a server that is being restarted. */
  readonly connectMsMax?: number;
  readonly statementMsMax?: number;
  readonly lockMsMax?: number;
  readonly idleInTransactionMsMax?: number;
  /** Shown by the server beside each connection. */
  readonly applicationName?: string;
  /** Only for tests: lets the process end while connections are idle. */
  readonly keepsProcessAlive?: boolean;
}

/** An open database: Kysely over a pool that survives the server's restarts. */
export interface Database<Tables> {
  readonly db: Kysely<Tables>;
  readonly url: string;
  /** Waits for running statements, then closes every connection. */
  close(): Promise<void>;
}

const defaults = {
  connectionsMax: 10,
  connectMsMax: 10_000,
  statementMsMax: 30_000,
  lockMsMax: 10_000,
  idleInTransactionMsMax: 30_000,
} as const;

/**
 * Opens a pool; connects at the first query. Lost connections are replaced, and a server that is away for less than
 * `connectMsMax` is waited for. Faults: `store.unavailable`, `store.busy`, `store.too_slow`.
 */
export const openDatabase = <Tables>(options: DatabaseOptions): Database<Tables> => {
  const limits = { ...defaults, ...options };
  const pool = new pg.Pool({
    ...parseUrl(options.url),
    max: limits.connectionsMax,
    connectionTimeoutMillis: limits.connectMsMax,
    idleTimeoutMillis: 30_000,
    statement_timeout: limits.statementMsMax,
    lock_timeout: limits.lockMsMax,
    idle_in_transaction_session_timeout: limits.idleInTransactionMsMax,
    keepAlive: true,
    application_name: options.applicationName ?? "portico",
    allowExitOnIdle: options.keepsProcessAlive === false,
    types: { getTypeParser },
  });
  // Without listeners a connection that breaks would end the process: idle ones tell the pool, busy ones only themselves.
  pool.on("error", (error) => options.log.warn("an idle database connection was lost", { reason: error.message }));
  pool.on("connect", (client) => {
    client.on("error", () => undefined);
  });
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: faultingPool(pool, limits.connectMsMax) }) });
  return { db, url: options.url, close: () => db.destroy() };
};

const parseUrl = (url: string): { connectionString: string } => {
  // The driver takes nearly any text for a database's name; a wrong variable should be told at the start.
  if (/^postgres(ql)?:\/\//.test(url)) return { connectionString: url };
  throw new Fault("store.bad_url", {
    public:
      "DATABASE_URL is not the address of a PostgreSQL database. It looks like postgresql://user:password@host:5432/database.",
  });
};

/** `int8` as a number, which all our counters fit; dates without time as text, for they have no time zone. */
const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: "text" | "binary") => {
  if (format === "binary") return pg.types.getTypeParser(oid, "binary");
  if (oid === pg.types.builtins.INT8) return parseInt8;
  if (oid === pg.types.builtins.DATE) return (text: string) => text;
  return pg.types.getTypeParser(oid, "text");
};

const parseInt8 = (text: string): number => {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new RangeError(`the database holds ${text}, which is beyond the whole numbers that JavaScript counts exactly`);
};

/** The driver's pool with its errors turned into faults, and with patience for a server that is being restarted. */
const faultingPool = (pool: pg.Pool, connectMsMax: number): PostgresPool => {
  const wrapped = new WeakMap<pg.PoolClient, PostgresPoolClient>();
  const connect = async (): Promise<PostgresPoolClient> => {
    const untilMs = performance.now() + connectMsMax;
    for (let delayMs = 25; ; delayMs = Math.min(500, delayMs * 2)) {
      try {
        const client = await pool.connect();
        let one = wrapped.get(client);
        if (one === undefined) {
          one = faultingClient(client);
          wrapped.set(client, one);
        }
        return one;
      } catch (thrown) {
        const fault = toFault(thrown);
        if (!isUnavailable(fault) || performance.now() + delayMs > untilMs) throw fault;
        await wait(delayMs);
      }
    }
  };
  return { connect, end: () => pool.end(), options: pool.options };
};

const faultingClient = (client: pg.PoolClient): PostgresPoolClient => {
  async function query<R>(sql: string, parameters: ReadonlyArray<unknown>): Promise<PostgresQueryResult<R>>;
  function query<R>(cursor: never): never;
  async function query(sql: string, parameters?: ReadonlyArray<unknown>): Promise<unknown> {
    try {
      return await client.query(sql, [...(parameters ?? [])]);
    } catch (thrown) {
      throw toFault(thrown);
    }
  }
  return { query, release: (destroy?: boolean) => client.release(destroy) };
};

/** How `transaction` behaves. */
export interface TransactionOptions {
  /** `serializable` unless told: what work reads stays true until it commits, at the price of repeating it. */
  readonly isolation?: IsolationLevel;
  readonly attemptsMax?: number;
  readonly signal?: AbortSignal;
  /** From 0 to below 1; spreads those who repeat. */
  readonly random?: () => number;
  readonly clock?: Clock;
  readonly sleep?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

const attemptsMaxDefault = 20;
const backoffMsFirst = 4;
const backoffMsMax = 500;
/** How long losses of the connection are repeated; the embedded server is restarted well within. */
const outageMsMax = 15_000;

/**
 * Runs `work` in a transaction and repeats it when the server asks for that (serialization failure, deadlock) or when the
 * connection is lost before the commit was sent; so `work` must do nothing outside the database. A connection lost during
 * the commit is `store.commit_unknown`: it may have happened, and only the caller can look.
 */
export const transaction = async <Tables, Result>(
  db: Kysely<Tables>,
  work: (trx: Transaction<Tables>) => Promise<Result>,
  options: TransactionOptions = {},
): Promise<Result> => {
  const {
    attemptsMax = attemptsMaxDefault,
    random = Math.random,
    clock = systemClock,
    sleep = pause,
    signal,
  } = options;
  const startedMs = clock.monotonicMs();
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    try {
      return await once(db, work, options.isolation ?? "serializable");
    } catch (thrown) {
      const isAway = isUnavailable(thrown);
      if (!isAway && !isRepeatable(thrown)) throw thrown;
      if (attempt >= attemptsMax || (isAway && clock.monotonicMs() - startedMs > outageMsMax)) {
        throw isAway ? thrown : contended(attempt, thrown);
      }
      const ceilingMs = Math.min(backoffMsMax, backoffMsFirst * 2 ** attempt);
      await sleep(ceilingMs * (0.5 + random() / 2), signal);
    }
  }
};

const once = async <Tables, Result>(
  db: Kysely<Tables>,
  work: (trx: Transaction<Tables>) => Promise<Result>,
  isolation: IsolationLevel,
): Promise<Result> => {
  const trx = await db.startTransaction().setIsolationLevel(isolation).execute();
  let result: Result;
  try {
    result = await work(trx);
  } catch (thrown) {
    await abandon(trx);
    throw thrown;
  }
  try {
    await trx.commit().execute();
  } catch (thrown) {
    await abandon(trx);
    if (!isUnavailable(thrown)) throw thrown;
    throw new Fault("store.commit_unknown", {
      public:
        "The connection to the platform's database was lost while a change was written. Look whether it is there before you repeat it.",
      status: 503,
      cause: thrown,
    });
  }
  return result;
};

const abandon = async <Tables>(trx: ControlledTransaction<Tables>): Promise<void> => {
  try {
    await trx.rollback().execute();
  } catch {
    // The connection is lost, and the server rolls back by itself. What was thrown first is what the caller needs.
  }
};

const pause = async (ms: number, signal: AbortSignal | undefined): Promise<void> => {
  await wait(ms, undefined, signal === undefined ? {} : { signal });
};

const contended = (attempts: number, cause: unknown): Fault =>
  new Fault("store.contended", {
    public: "Too many changes to the same thing at once. Try again in a moment.",
    internal: `${attempts} attempts of a transaction failed`,
    status: 503,
    cause,
  });
