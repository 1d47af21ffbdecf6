import { Fault, type Finding, messageOf } from "../base/fault.ts";
import { joinPlace, splitPlace } from "./pointer.ts";
import { sourceMap } from "./position.ts";
import { documentLimits, type OpenApiDocument, readSource, type SourceFile } from "./read-document.ts";
import { fileOfReference, placeless, uriOfExternal } from "./reference.ts";
import { referencesIn } from "./references-in.ts";

/** A `$ref` that leads out of its file. */
export interface ExternalReference {
  readonly ref: string;
  /** The key of the file in `document.externals`: relative to the document where it lies beside it, else its URL. */
  readonly file: string;
  /** The absolute URL of the file. */
  readonly uri: string;
  /** Where the reference stands. */
  readonly pointer: string;
}

/** What came from a URL; `uri` is where it came from in the end, after redirects. */
export interface FetchedFile {
  readonly bytes: Uint8Array;
  readonly uri: string;
}

/** Reads one URL, within a size. Injected: this room opens no connection of its own. */
export type FetchFile = (
  uri: string,
  bounds: { readonly bytesMax: number; readonly signal: AbortSignal },
) => Promise<FetchedFile>;

/** The bounds of fetching what a document refers to. */
export interface ExternalLimits {
  readonly filesMax: number;
  readonly fileBytesMax: number;
  readonly totalBytesMax: number;
  readonly timeoutMs: number;
}

/** 100 files, 8 MiB each, 32 MiB and 30 s in all. */
export const externalLimits: ExternalLimits = {
  filesMax: 100,
  fileBytesMax: 8 * 1024 * 1024,
  totalBytesMax: 32 * 1024 * 1024,
  timeoutMs: 30_000,
};

/** The references of a document, and of the files it already has, that lead to other files; in the order of the files. */
export const collectExternalReferences = (document: OpenApiDocument): readonly ExternalReference[] => {
  const found: ExternalReference[] = [];
  const files: readonly (readonly [string | undefined, unknown])[] = [
    [undefined, document.root],
    ...[...document.externals].map(([file, source]) => [file, source.root] as const),
  ];
  for (const [file, root] of files) {
    for (const { ref, pointer } of referencesIn(root)) {
      if (ref.startsWith("#")) continue;
      const place = joinPlace(file, pointer);
      const target = fileOfReference(document, ref, place).file;
      if (target === undefined || target === file) continue;
      found.push({ ref, file: target, uri: uriOfExternal(document, target), pointer: place });
    }
  }
  return found;
};

/** The files that a document refers to, and that it does not have; cheap where it refers to none. */
export const missingFiles = (document: OpenApiDocument): readonly ExternalReference[] => {
  const texts = [document, ...document.externals.values()];
  if (!texts.some(({ text }) => mayReferToFiles(text))) return [];
  return firstOfEachFile(document).filter(({ file }) => !document.externals.has(file));
};

/** False where a text has no `$ref` whose value begins with anything but `#`. */
export const mayReferToFiles = (text: string): boolean => /\$ref["']?\s*:\s*["']?[^#"'\s]/.test(text);

/** The texts of the external files of a document, to be kept beside it and given back to `readDocument`. */
export const externalSources = (document: OpenApiDocument): Readonly<Record<string, string>> =>
  Object.fromEntries([...document.externals].map(([file, source]) => [file, source.text]));

/**
 * The same document with every file that it refers to, and that these refer to, fetched. Throws a `Fault` with all that could
 * not be had: `document.external_unavailable`, `document.too_many_externals`.
 */
export const resolveExternal = async (
  document: OpenApiDocument,
  fetchFile: FetchFile,
  limits: ExternalLimits = externalLimits,
  cancelled?: AbortSignal,
): Promise<OpenApiDocument> => {
  const timeout = AbortSignal.timeout(limits.timeoutMs);
  const signal = cancelled === undefined ? timeout : AbortSignal.any([cancelled, timeout]);
  const problems: Finding[] = [];
  const tried = new Set<string>();
  let bytesLeft = limits.totalBytesMax;
  let resolved = document;
  for (;;) {
    const missing = firstOfEachFile(resolved).filter(({ file }) => !resolved.externals.has(file) && !tried.has(file));
    if (missing.length === 0) break;
    const externals = new Map<string, SourceFile>(resolved.externals);
    for (const reference of missing) {
      tried.add(reference.file);
      if (tried.size > limits.filesMax) throw tooMany(resolved, reference, limits);
      try {
        const fetched = await fetchOne(
          document,
          reference,
          fetchFile,
          Math.min(limits.fileBytesMax, bytesLeft),
          signal,
        );
        bytesLeft -= fetched.bytes.length;
        externals.set(
          reference.file,
          readSource(fetched.bytes, reference.file, { ...documentLimits, bytesMax: limits.fileBytesMax }),
        );
      } catch (thrown) {
        problems.push(findingAt(resolved, reference, messageOf(thrown)));
      }
    }
    resolved = { ...resolved, externals };
  }
  if (problems.length > 0) {
    throw new Fault("document.external_unavailable", {
      public: `${document.name} refers to ${problems.length === 1 ? "a file" : `${problems.length} files`} that cannot be read: ${problems[0]?.message}`,
      status: 422,
      findings: problems,
    });
  }
  return resolved;
};

const fetchOne = async (
  document: OpenApiDocument,
  reference: ExternalReference,
  fetchFile: FetchFile,
  bytesMax: number,
  signal: AbortSignal,
): Promise<FetchedFile> => {
  if (reference.uri.startsWith(placeless)) {
    throw new Fault("document.external_unavailable", {
      public: "the reference is relative, and the document came without a place of its own",
      status: 422,
    });
  }
  // A document from the network must not read the disk of whoever imports it.
  if (reference.uri.startsWith("file:") && !document.uri?.startsWith("file:")) {
    throw new Fault("document.external_unavailable", {
      public: "only a document on disk may refer to files on disk",
      status: 422,
    });
  }
  const fetched = await fetchFile(reference.uri, { bytesMax, signal });
  if (fetched.bytes.length > bytesMax) {
    throw new Fault("document.too_large", { public: `the file has more than ${bytesMax} bytes`, status: 413 });
  }
  return fetched;
};

/** The same document without the files that nothing in it leads to any more. */
export const withReferredFilesOnly = (document: OpenApiDocument): OpenApiDocument => {
  let externals = new Map<string, SourceFile>();
  for (;;) {
    const reached = new Map<string, SourceFile>();
    for (const { file } of firstOfEachFile({ ...document, externals })) {
      const source = document.externals.get(file);
      if (source !== undefined) reached.set(file, source);
    }
    // Each round keeps what the one before has reached, and what that leads to.
    if (reached.size <= externals.size) return { ...document, externals };
    externals = reached;
  }
};

const firstOfEachFile = (document: OpenApiDocument): readonly ExternalReference[] => {
  const first = new Map<string, ExternalReference>();
  for (const reference of collectExternalReferences(document)) {
    if (!first.has(reference.file)) first.set(reference.file, reference);
  }
  return [...first.values()];
};

const tooMany = (document: OpenApiDocument, reference: ExternalReference, limits: ExternalLimits): Fault => {
  const message = `more than ${limits.filesMax} files are referred to`;
  return new Fault("document.too_many_externals", {
    public: `${document.name}: ${message}.`,
    status: 422,
    findings: [findingAt(document, reference, message)],
  });
};

const findingAt = (document: OpenApiDocument, reference: ExternalReference, reason: string): Finding => {
  const place = splitPlace(reference.pointer);
  const source = place.file === undefined ? document : document.externals.get(place.file);
  const position =
    source === undefined
      ? undefined
      : sourceMap(source)
          .positions([`${place.pointer}/$ref`])
          .get(`${place.pointer}/$ref`);
  return {
    message: `${reference.ref}: ${reason}`,
    file: place.file ?? document.name,
    path: place.pointer,
    ...(position === undefined ? {} : { line: position.line, column: position.column }),
    next: "Make the file reachable, or bundle the document into one file.",
  };
};
