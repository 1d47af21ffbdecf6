import type { Kysely, Transaction } from "kysely";
import { documentHash, hasReferredFiles, noReferredFiles, type ReferredFiles } from "../../model/referred-files.ts";
import type { Tables } from "../schema.ts";
import { textsByName } from "./json-columns.ts";

/** A document as it is kept: its bytes exactly as they came, and the files that its references lead to. */
export interface StoredDocument {
  readonly bytes: Uint8Array;
  readonly files: ReferredFiles;
}

/** Keeps a document under the hash of its content and answers that; what is there already is not written again. */
export const saveDocument = async (
  db: Kysely<Tables> | Transaction<Tables>,
  { bytes, files }: StoredDocument,
  at: Date,
): Promise<string> => {
  const hash = documentHash(bytes, files);
  const kept = hasReferredFiles(files)
    ? { externals: JSON.stringify(files.texts), place: files.place ?? null }
    : { externals: null, place: null };
  await db
    .insertInto("document_blob")
    .values({ hash, bytes: Buffer.from(bytes), bytes_count: bytes.length, ...kept, created_at: at })
    .onConflict((conflict) => conflict.column("hash").doNothing())
    .execute();
  return hash;
};

/** The document of that hash, or undefined. */
export const readStoredDocument = async (db: Kysely<Tables>, hash: string): Promise<StoredDocument | undefined> => {
  const row = await db
    .selectFrom("document_blob")
    .select(["bytes", "externals", "place"])
    .where("hash", "=", hash)
    .executeTakeFirst();
  return row === undefined ? undefined : { bytes: row.bytes, files: filesOf(row) };
};

/** Of those documents that refer to files, the files, by the document's hash. */
export const readReferredFiles = async (
  db: Kysely<Tables>,
  hashes: readonly string[],
): Promise<ReadonlyMap<string, ReferredFiles>> => {
  if (hashes.length === 0) return new Map();
  const rows = await db
    .selectFrom("document_blob")
    .select(["hash", "externals", "place"])
    .where("hash", "in", hashes)
    .where("externals", "is not", null)
    .execute();
  return new Map(rows.map((row) => [row.hash, filesOf(row)]));
};

const filesOf = (row: { readonly externals: unknown; readonly place: string | null }): ReferredFiles =>
  row.externals === null ? noReferredFiles : { texts: textsByName(row.externals), place: row.place ?? undefined };
