import { bytesHash, contentHash } from "../base/canonical-json.ts";

/** The files that a document's references lead to, as they were when the document came. */
export interface ReferredFiles {
  /** By the name under which the document finds them. */
  readonly texts: Readonly<Record<string, string>>;
  /** What relative references started from: the same names lead to the same files only from there. */
  readonly place?: string | undefined;
}

/** What a document of one file has. */
export const noReferredFiles: ReferredFiles = { texts: {} };

export const hasReferredFiles = (files: ReferredFiles): boolean => Object.keys(files.texts).length > 0;

/**
 * The name of a document's content (SHA-256, hex): of its bytes and, where it refers to files, of these too. So whoever knows what the
 * name means knows all of it, and a change in any of the files is a change.
 */
export const documentHash = (bytes: Uint8Array, files: ReferredFiles): string => {
  const own = bytesHash(bytes);
  return hasReferredFiles(files) ? contentHash({ own, texts: files.texts, place: files.place ?? "" }) : own;
};
