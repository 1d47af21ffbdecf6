import type { Kysely } from "kysely";
import type { Tables } from "../schema.ts";
import { textsOf } from "./json-columns.ts";

/** A session of the studio. Without a user it is the owner's, who signed in with the printed link. */
export interface StoredSession {
  readonly id: string;
  readonly digest: string;
  readonly userId: string | undefined;
  readonly roles: readonly string[];
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** A link that opens one session once. */
export interface StoredSignInLink {
  readonly digest: string;
  readonly userId: string | undefined;
  readonly roles: readonly string[];
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** Adds a link. */
export const insertSignInLink = async (db: Kysely<Tables>, link: StoredSignInLink): Promise<void> => {
  await db
    .insertInto("sign_in_link")
    .values({
      digest: link.digest,
      user_id: link.userId ?? null,
      roles: JSON.stringify(link.roles),
      created_at: link.createdAt,
      expires_at: link.expiresAt,
    })
    .execute();
};

/** Uses a link up: of any number who try at the same time exactly one gets it. */
export const takeSignInLink = async (
  db: Kysely<Tables>,
  digest: string,
  at: Date,
): Promise<StoredSignInLink | undefined> => {
  const row = await db
    .updateTable("sign_in_link")
    .set({ used_at: at })
    .where("digest", "=", digest)
    .where("used_at", "is", null)
    .where("expires_at", ">", at)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    digest,
    userId: row.user_id ?? undefined,
    roles: textsOf(row.roles),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
};

/** Adds a session. */
export const insertSession = async (db: Kysely<Tables>, session: StoredSession): Promise<void> => {
  await db
    .insertInto("session")
    .values({
      id: session.id,
      digest: session.digest,
      user_id: session.userId ?? null,
      roles: JSON.stringify(session.roles),
      created_at: session.createdAt,
      expires_at: session.expiresAt,
    })
    .execute();
};

/** The session of a cookie that has neither ended nor expired. */
export const findSession = async (db: Kysely<Tables>, digest: string, at: Date): Promise<StoredSession | undefined> => {
  const row = await db
    .selectFrom("session")
    .selectAll()
    .where("digest", "=", digest)
    .where("ended_at", "is", null)
    .where("expires_at", ">", at)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    id: row.id,
    digest,
    userId: row.user_id ?? undefined,
    roles: textsOf(row.roles),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
};

/** Ends a session. */
export const endSession = async (db: Kysely<Tables>, id: string, at: Date): Promise<void> => {
  await db.updateTable("session").set({ ended_at: at }).where("id", "=", id).execute();
};

/** Forgets links and sessions that ended before `before`. */
export const forgetSessions = async (db: Kysely<Tables>, before: Date): Promise<void> => {
  await db.deleteFrom("sign_in_link").where("expires_at", "<", before).execute();
  await db.deleteFrom("session").where("expires_at", "<", before).execute();
};
