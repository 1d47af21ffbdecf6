import type { Kysely } from "kysely";
import { Fault } from "../base/fault.ts";
import type { ReferredFiles } from "../model/referred-files.ts";
import type { DocumentReference } from "../model/resource.ts";
import { type OpenApiDocument, type ReadOptions, readDocument } from "../openapi/read-document.ts";
import { readStoredDocument, type StoredDocument } from "../store/repositories/documents.ts";
import type { Tables } from "../store/schema.ts";

/** The documents of APIs: their bytes, and what they say. Both are kept in memory within a bound. */
export interface DocumentLibrary {
  bytesOf(db: Kysely<Tables>, hash: string): Promise<StoredDocument>;
  /** The parsed document; parsing megabytes takes a moment, so that it is done once. */
  documentOf(db: Kysely<Tables>, reference: DocumentReference): Promise<OpenApiDocument>;
}

/** At most this many bytes of documents stay in memory. */
const textBytesMax = 32 * 1024 * 1024;
/** Of documents that are kept parsed; what was parsed takes about ten times the memory of its text. */
const parsedBytesMax = 16 * 1024 * 1024;

/** A library over the blobs of the store. */
export const openDocumentLibrary = (): DocumentLibrary => {
  const texts = weighedCache<StoredDocument>(textBytesMax);
  const parsed = weighedCache<OpenApiDocument>(parsedBytesMax);
  const bytesOf = async (db: Kysely<Tables>, hash: string): Promise<StoredDocument> => {
    const known = texts.get(hash);
    if (known !== undefined) return known;
    const stored = await readStoredDocument(db, hash);
    if (stored === undefined) {
      throw new Fault("document.missing", {
        public: "The document's bytes are not in the store.",
        internal: `hash ${hash}`,
      });
    }
    texts.set(hash, stored, stored.bytes.length);
    return stored;
  };
  return {
    bytesOf,
    documentOf: async (db, { hash, fileName }) => {
      const key = `${hash} ${fileName}`;
      const known = parsed.get(key);
      if (known !== undefined) return known;
      const { bytes, files } = await bytesOf(db, hash);
      const document = readDocument(bytes, readOptions(fileName, files));
      parsed.set(key, document, bytes.length);
      return document;
    },
  };
};

/** How a document is read again with the files that are kept beside it. */
export const readOptions = (name: string, { texts, place }: ReferredFiles): ReadOptions => ({
  name,
  externals: texts,
  ...(place === undefined ? {} : { uri: place }),
});

interface WeighedCache<V> {
  get(key: string): V | undefined;
  set(key: string, value: V, weight: number): void;
}

/** Holds values of at most `weightMax` together; the least recently used goes first. */
const weighedCache = <V>(weightMax: number): WeighedCache<V> => {
  const entries = new Map<string, { readonly value: V; readonly weight: number }>();
  let total = 0;
  const drop = (key: string): void => {
    total -= entries.get(key)?.weight ?? 0;
    entries.delete(key);
  };
  return {
    get: (key) => {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      entries.set(key, entry);
      return entry.value;
    },
    set: (key, value, weight) => {
      drop(key);
      entries.set(key, { value, weight });
      total += weight;
      // The newest stays even where it alone is above the bound: whoever asked for it needs it now.
      for (const oldest of entries.keys()) {
        if (total <= weightMax || entries.size === 1) break;
        drop(oldest);
      }
    },
  };
};
