import type { Kysely, Transaction } from "kysely";
import { bytesHash } from "../../base/canonical-json.ts";
import type { Tables } from "../schema.ts";
import { textsByName } from "./json-columns.ts";

/** A document as it is kept: its bytes exactly as they came, and the texts of the files that its references lead to. */
export interface StoredDocument {
  readonly bytes: Uint8Array;
  readonly externals: Readonly<Record<string, string>>;
}

/** Keeps a document under the SHA-256 of its bytes and answers that; bytes that are there already are not written again. */
export const saveDocument = async (
  db: Kysely<Tables> | Transaction<Tables>,
  document: StoredDocument,
  at: Date,
): Promise<string> => {
  const hash = bytesHash(document.bytes);
  const hasExternals = Object.keys(document.externals).length > 0;
  const externals = hasExternals ? JSON.stringify(document.externals) : null;
  await db
    .insertInto("document_blob")
    .values({ hash, bytes: Buffer.from(document.bytes), bytes_count: document.bytes.length, externals, created_at: at })
    .onConflict((conflict) =>
      // The same document fetched again may bring newer versions of what it refers to.
      hasExternals ? conflict.column("hash").doUpdateSet({ externals }) : conflict.column("hash").doNothing(),
    )
    .execute();
  return hash;
};

/** The document of that hash, or undefined. */
export const readStoredDocument = async (db: Kysely<Tables>, hash: string): Promise<StoredDocument | undefined> => {
  const row = await db
    .selectFrom("document_blob")
    .select(["bytes", "externals"])
    .where("hash", "=", hash)
    .executeTakeFirst();
  return row === undefined ? undefined : { bytes: row.bytes, externals: textsByName(row.externals) };
};

/** Of those documents that have them, the texts of the files that their references lead to, by the document's hash. */
export const readExternals = async (
  db: Kysely<Tables>,
  hashes: readonly string[],
): Promise<ReadonlyMap<string, StoredDocument["externals"]>> => {
  if (hashes.length === 0) return new Map();
  const rows = await db
    .selectFrom("document_blob")
    .select(["hash", "externals"])
    .where("hash", "in", hashes)
    .where("externals", "is not", null)
    .execute();
  return new Map(rows.map((row) => [row.hash, textsByName(row.externals)]));
};
