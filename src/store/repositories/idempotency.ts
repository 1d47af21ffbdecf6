import type { Kysely, Transaction } from "kysely";
import type { Tables } from "../schema.ts";
import { textsByName } from "./json-columns.ts";

/** The answer that a repeated request gets again. */
export interface StoredAnswer {
  readonly actor: string;
  readonly key: string;
  /** What was asked: method, path and body, hashed. */
  readonly fingerprint: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly sealedBody: Uint8Array;
  readonly createdAt: Date;
}

/** The answer kept under an actor's key since `since`, or undefined. */
export const findAnswer = async (
  db: Kysely<Tables>,
  actor: string,
  key: string,
  since: Date,
): Promise<StoredAnswer | undefined> => {
  const row = await db
    .selectFrom("idempotency_record")
    .selectAll()
    .where("actor", "=", actor)
    .where("key", "=", key)
    .where("created_at", ">", since)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    actor,
    key,
    fingerprint: row.fingerprint,
    status: row.status,
    headers: textsByName(row.headers),
    sealedBody: row.sealed_body,
    createdAt: row.created_at,
  };
};

/** Keeps an answer, in place of one under the same key that is no longer valid. */
export const writeAnswer = async (trx: Transaction<Tables>, answer: StoredAnswer): Promise<void> => {
  const facts = {
    fingerprint: answer.fingerprint,
    status: answer.status,
    headers: JSON.stringify(answer.headers),
    sealed_body: Buffer.from(answer.sealedBody),
    created_at: answer.createdAt,
  };
  await trx
    .insertInto("idempotency_record")
    .values({ actor: answer.actor, key: answer.key, ...facts })
    .onConflict((conflict) => conflict.columns(["actor", "key"]).doUpdateSet(facts))
    .execute();
};

/** Forgets answers from before `before`. */
export const forgetAnswers = async (db: Kysely<Tables>, before: Date): Promise<void> => {
  await db.deleteFrom("idempotency_record").where("created_at", "<", before).execute();
};
