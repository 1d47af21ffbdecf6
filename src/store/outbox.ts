import { setTimeout as wait } from "node:timers/promises";
import { type Kysely, type QueryExecutorProvider, sql } from "kysely";
import pg from "pg";
import { type Clock, systemClock } from "../base/clock.ts";
import { messageOf } from "../base/fault.ts";
import { uuidv7 } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import { transaction } from "./database.ts";
import { assertLease, type Lease, withLease } from "./lease.ts";

/** The migration steps that make the outbox's tables, to be listed among the platform's steps. */
export const outboxSteps = {
  "outbox-topic": `create table portico_outbox_topic (
    topic text primary key,
    position bigint not null
  )`,
  "outbox-message": `create table portico_outbox_message (
    topic text not null,
    position bigint not null,
    id uuid not null,
    payload text not null,
    written_at timestamptz not null,
    primary key (topic, position)
  )`,
  "outbox-cursor": `create table portico_outbox_cursor (
    consumer text not null,
    topic text not null,
    position bigint not null,
    primary key (consumer, topic)
  )`,
} as const;

/** One message as a consumer gets it. */
export interface OutboxMessage {
  /** The same at every delivery: a consumer that must not act twice remembers it. */
  readonly id: string;
  readonly topic: string;
  /** 1, 2, 3 ... per topic, without gaps, in the order in which the writers committed. */
  readonly position: number;
  readonly payload: unknown;
  readonly writtenAt: Date;
}

const channel = "portico_outbox";

/**
 * Writes a message in the caller's transaction: it exists if and only if what was written with it exists. The topic's
 * counter is locked until the commit, so that no reader can pass a position which commits later; writers of one topic
 * therefore queue up, and `work` should append last.
 */
export const appendToOutbox = async (
  trx: QueryExecutorProvider,
  message: { readonly topic: string; readonly payload: unknown },
  tools: { readonly clock?: Clock; readonly id?: string } = {},
): Promise<{ readonly id: string; readonly position: number }> => {
  const nowMs = (tools.clock ?? systemClock).nowMs();
  const id = tools.id ?? uuidv7(nowMs);
  const { rows } = await sql<{ position: number | string }>`
    insert into portico_outbox_topic (topic, position) values (${message.topic}, 1)
    on conflict (topic) do update set position = portico_outbox_topic.position + 1
    returning position`.execute(trx);
  const position = Number(rows[0]?.position);
  await sql`
    insert into portico_outbox_message (topic, position, id, payload, written_at)
    values (${message.topic}, ${position}, ${id}, ${JSON.stringify(message.payload ?? null)}, ${new Date(nowMs)})`.execute(
    trx,
  );
  return { id, position };
};

/** Tells consumers after a commit that there is something to read; a hint only, which may get lost and may fail. */
export const hintOutbox = async (db: QueryExecutorProvider, log: Log): Promise<void> => {
  try {
    await sql`select pg_notify(${channel}, '')`.execute(db);
  } catch (thrown) {
    // Not every database has NOTIFY; consumers poll.
    log.debug("no wake-up hint could be sent", { reason: messageOf(thrown) });
  }
};

/** What `consumeOutbox` needs. */
export interface OutboxConsumer<Tables> {
  readonly db: Kysely<Tables>;
  /** Names the consumer's place in each topic; processes of one name take turns, of which one delivers at a time. */
  readonly consumer: string;
  /** Called in order per topic, one at a time; what it throws is tried again later, and holds up only its topic. */
  readonly deliver: (message: OutboxMessage, signal: AbortSignal) => Promise<void>;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Only topics that begin so. */
  readonly topicPrefix?: string;
  /** Where to LISTEN for hints; without it the consumer only polls. */
  readonly url?: string;
  readonly pollMs?: number;
  readonly batchMax?: number;
  readonly leaseTtlMs?: number;
  readonly backoffMsMax?: number;
  readonly random?: () => number;
}

/**
 * Delivers every message at least once, in order per topic, until `signal` aborts; then resolves. The place reached is
 * written after each delivery, under the consumer's lease, so that a process which lost it cannot move it.
 */
export const consumeOutbox = async <Tables>(options: OutboxConsumer<Tables>): Promise<void> => {
  const { log, signal, pollMs = 1_000, random = Math.random } = options;
  const wake = wakeUp();
  const listening = options.url === undefined ? undefined : listen(options.url, wake.ring, log, signal);
  const resting = new Map<string, Rest>();
  while (!signal.aborted) {
    try {
      await withLease(
        options.db,
        {
          name: `outbox:${options.consumer}`,
          log,
          ttlMs: options.leaseTtlMs ?? 15_000,
          waitMsMax: Number.POSITIVE_INFINITY,
          signal,
        },
        async (lease, held) => {
          while (!held.aborted) {
            const hasMore = await deliverRound(options, lease, held, resting);
            if (!hasMore) await wake.wait(pollMs, held);
          }
        },
      );
    } catch (thrown) {
      if (signal.aborted) break;
      log.warn("the outbox is not delivered for a moment", { consumer: options.consumer, reason: messageOf(thrown) });
      await rest(pollMs * (0.5 + random()), signal);
    }
  }
  await listening;
};

/** Removes messages older than `before` that every one of `consumers` has had; returns how many. */
export const pruneOutbox = async (
  db: QueryExecutorProvider,
  options: { readonly before: Date; readonly consumers: readonly string[] },
): Promise<number> => {
  if (options.consumers.length === 0) return 0;
  const { rows } = await sql`
    delete from portico_outbox_message as message
    where message.written_at < ${options.before}
      and (
        select count(*) from portico_outbox_cursor as reached
        where reached.topic = message.topic and reached.position >= message.position
          and reached.consumer in (${sql.join(options.consumers)})
      ) = ${new Set(options.consumers).size}
    returning message.position`.execute(db);
  return rows.length;
};

/** A topic whose delivery failed, and when it is tried again. */
interface Rest {
  readonly failures: number;
  readonly untilMs: number;
}

/** One batch from each topic that has something; true when there may be more at once. */
const deliverRound = async <Tables>(
  options: OutboxConsumer<Tables>,
  lease: Lease,
  signal: AbortSignal,
  resting: Map<string, Rest>,
): Promise<boolean> => {
  const { db, consumer, batchMax = 100, log, random = Math.random, backoffMsMax = 60_000 } = options;
  let hasMore = false;
  for (const { topic, reached } of await waitingTopics(db, consumer, options.topicPrefix ?? "")) {
    if ((resting.get(topic)?.untilMs ?? 0) > performance.now()) continue;
    const messages = await readBatch(db, topic, reached, batchMax);
    if (messages.length === batchMax) hasMore = true;
    for (const message of messages) {
      signal.throwIfAborted();
      try {
        await options.deliver(message, signal);
      } catch (thrown) {
        signal.throwIfAborted();
        const failures = (resting.get(topic)?.failures ?? 0) + 1;
        const delayMs = Math.min(backoffMsMax, 100 * 2 ** Math.min(failures, 20)) * (0.5 + random() / 2);
        resting.set(topic, { failures, untilMs: performance.now() + delayMs });
        log.warn("a message could not be delivered and is tried again", {
          consumer,
          topic,
          position: message.position,
          failures,
          reason: messageOf(thrown),
        });
        break;
      }
      resting.delete(topic);
      await moveCursor(db, consumer, message, lease);
    }
  }
  return hasMore;
};

const waitingTopics = async (
  db: QueryExecutorProvider,
  consumer: string,
  prefix: string,
): Promise<{ topic: string; reached: number }[]> => {
  const { rows } = await sql<{ topic: string; reached: number | string }>`
    select topic.topic, coalesce(reached.position, 0) as reached
    from portico_outbox_topic as topic
    left join portico_outbox_cursor as reached on reached.topic = topic.topic and reached.consumer = ${consumer}
    where coalesce(reached.position, 0) < topic.position and substr(topic.topic, 1, ${prefix.length}) = ${prefix}
    order by topic.topic`.execute(db);
  return rows.map(({ topic, reached }) => ({ topic, reached: Number(reached) }));
};

const readBatch = async (
  db: QueryExecutorProvider,
  topic: string,
  after: number,
  batchMax: number,
): Promise<OutboxMessage[]> => {
  const { rows } = await sql<{ position: number | string; id: string; payload: string; written_at: Date }>`
    select position, id, payload, written_at from portico_outbox_message
    where topic = ${topic} and position > ${after} order by position limit ${batchMax}`.execute(db);
  return rows.map((row) => ({
    id: row.id,
    topic,
    position: Number(row.position),
    payload: JSON.parse(row.payload),
    writtenAt: row.written_at,
  }));
};

const moveCursor = async <Tables>(
  db: Kysely<Tables>,
  consumer: string,
  message: OutboxMessage,
  lease: Lease,
): Promise<void> => {
  await transaction(
    db,
    async (trx) => {
      await assertLease(trx, lease);
      await sql`
        insert into portico_outbox_cursor (consumer, topic, position)
        values (${consumer}, ${message.topic}, ${message.position})
        on conflict (consumer, topic) do update set position = excluded.position`.execute(trx);
    },
    { isolation: "read committed" },
  );
};

/** A bell: whoever waits is woken by the first ring, also by one that rang while nobody waited. */
const wakeUp = (): { ring: () => void; wait: (ms: number, signal: AbortSignal) => Promise<void> } => {
  let hasRung = false;
  let open: (() => void) | undefined;
  return {
    ring: () => {
      hasRung = true;
      open?.();
    },
    wait: async (ms, signal) => {
      if (!hasRung) {
        const rung = new AbortController();
        open = () => rung.abort();
        await rest(ms, AbortSignal.any([signal, rung.signal]));
        open = undefined;
      }
      hasRung = false;
    },
  };
};

/** Waits and returns early, without throwing, when the signal aborts. */
const rest = async (ms: number, signal: AbortSignal): Promise<void> => {
  try {
    await wait(ms, undefined, { signal });
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
};

/** Keeps one connection that LISTENs, made anew after a loss; every failure only means that hints are missed. */
export const listen = async (url: string, ring: () => void, log: Log, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000, keepAlive: true });
    const lost = new AbortController();
    client.on("error", () => lost.abort());
    client.on("end", () => lost.abort());
    client.on("notification", ring);
    try {
      await client.connect();
      await client.query(`listen ${channel}`);
      // What was written before we listened sent its hint to nobody.
      ring();
      await rest(2 ** 31 - 1, AbortSignal.any([signal, lost.signal]));
    } catch (thrown) {
      log.debug("no wake-up hints can be heard", { reason: messageOf(thrown) });
    } finally {
      await client.end().catch(() => undefined);
    }
    await rest(1_000, signal);
  }
};
