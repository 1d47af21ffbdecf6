import type { Kysely, Transaction } from "kysely";
import type { Tables } from "../schema.ts";

/** An encrypted value of a named value. */
export interface SealedSecret {
  readonly name: string;
  readonly sealed: Uint8Array;
  readonly changedRevision: number;
}

/** All sealed values, or those that changed after `since`. */
export const readSecrets = async (db: Kysely<Tables>, since = -1): Promise<SealedSecret[]> => {
  const rows = await db
    .selectFrom("secret_value")
    .select(["name", "sealed", "changed_revision"])
    .where("changed_revision", ">", since)
    .execute();
  return rows.map((row) => ({ name: row.name, sealed: row.sealed, changedRevision: row.changed_revision }));
};

/** Sets a value; what it was before is gone. */
export const writeSecret = async (trx: Transaction<Tables>, secret: SealedSecret, at: Date): Promise<void> => {
  const sealed = Buffer.from(secret.sealed);
  const changes = { sealed, changed_revision: secret.changedRevision, changed_at: at };
  await trx
    .insertInto("secret_value")
    .values({ name: secret.name, ...changes })
    .onConflict((conflict) => conflict.column("name").doUpdateSet(changes))
    .execute();
};

/** Forgets values; a rollback does not bring them back. */
export const deleteSecrets = async (trx: Transaction<Tables>, names: readonly string[]): Promise<void> => {
  if (names.length > 0) await trx.deleteFrom("secret_value").where("name", "in", names).execute();
};

/** A fact of this installation, such as the fingerprint of its secret key. The first writer wins; answers what stands. */
export const claimInstallationFact = async (db: Kysely<Tables>, name: string, value: string): Promise<string> => {
  await db
    .insertInto("installation")
    .values({ name, value })
    .onConflict((conflict) => conflict.column("name").doNothing())
    .execute();
  const row = await db.selectFrom("installation").select("value").where("name", "=", name).executeTakeFirstOrThrow();
  return row.value;
};
