import { isUtf8 } from "node:buffer";
import { Fault } from "../base/fault.ts";
import { schemaIssues } from "../base/schema-issues.ts";
import { documentHash, hasReferredFiles, noReferredFiles, type ReferredFiles } from "../model/referred-files.ts";
import {
  type DocumentReference,
  type Resource,
  type ResourceKind,
  resourceKey,
  resourceSchemas,
} from "../model/resource.ts";
import { mayReferToFiles } from "../openapi/external-references.ts";
import { documentFileNames, placeOf } from "./bundle-paths.ts";
import { cachedFacts, type FactsCache } from "./document-facts.ts";
import { type BundleFinding, pathParts, pathText, sortFindings } from "./finding.ts";
import { checkReferences, type ReferenceContext } from "./references.ts";
import { withoutMistakes } from "./repair.ts";
import { readYamlText, type YamlText } from "./yaml-text.ts";

/** The files of a bundle by their path relative to its directory, with `/` between segments. */
export type BundleFiles = ReadonlyMap<string, Uint8Array>;

/** What a bundle says, and everything that is to be said about it. Use nothing of it where `findings` has an error. */
export interface BundleReading {
  /** In the order of `resourceKinds` is not promised; by path. Files with mistakes have none. */
  readonly resources: readonly Resource[];
  /** What remains of files with mistakes when these are taken out: only good for finding further mistakes in them. */
  readonly repaired: readonly Resource[];
  /** The documents' bytes by content hash. */
  readonly documents: ReadonlyMap<string, Uint8Array>;
  /** By the same hash, of those that refer to files, the files. */
  readonly files: ReadonlyMap<string, ReferredFiles>;
  readonly findings: readonly BundleFinding[];
}

/** The bounds of a bundle. */
export interface BundleLimits {
  readonly filesMax: number;
  readonly configBytesMax: number;
  /** portico.yaml may hold up to 100,000 digests of keys. */
  readonly settingsBytesMax: number;
  readonly documentBytesMax: number;
  readonly bundleBytesMax: number;
}

/** 20,000 files, 1 MiB of configuration a file (32 MiB portico.yaml), 32 MiB a document, 512 MiB in all. */
export const bundleLimits: BundleLimits = {
  filesMax: 20_000,
  configBytesMax: 1024 * 1024,
  settingsBytesMax: 32 * 1024 * 1024,
  documentBytesMax: 32 * 1024 * 1024,
  bundleBytesMax: 512 * 1024 * 1024,
};

/** What a reader may be told beside the files. */
export interface ReadBundleOptions {
  /** True for resources that the bundle may name although it does not hold them: `product/free`. */
  readonly isElsewhere?: (key: string) => boolean;
  /** The files that came with an API's document when it was imported: a platform keeps them, a directory has none. */
  readonly filesOf?: (api: string) => ReferredFiles | undefined;
  /** The cache that units are made with: documents that it knows are not parsed again. */
  readonly cache?: { readonly facts: FactsCache };
  readonly limits?: Partial<BundleLimits>;
}

/**
 * Reads a bundle. Pure; never throws. Syntax, fields and references of all files are checked, and every mistake found comes
 * at once with file, line, column and path.
 */
export const readBundle = (files: BundleFiles, options: ReadBundleOptions = {}): BundleReading => {
  const limits = { ...bundleLimits, ...options.limits };
  const findings: BundleFinding[] = [];
  const configs: ConfigFile[] = [];
  const documentFiles = new Map<string, DocumentFile[]>();
  const tooMuch = sizeFinding(files, limits);
  if (tooMuch !== undefined)
    return { resources: [], repaired: [], documents: new Map(), files: new Map(), findings: [tooMuch] };
  for (const path of [...files.keys()].sort()) {
    const bytes = files.get(path) ?? noBytes;
    const place = placeOf(path);
    if (place.role === "refused")
      findings.push({ severity: "error", file: path, message: place.message, next: place.next });
    if (place.role === "ignored") findings.push({ severity: "info", file: path, message: place.message });
    if (place.role === "document")
      documentFiles.set(place.api, [...(documentFiles.get(place.api) ?? []), { path, bytes }]);
    if (place.role === "resource") {
      const config = readConfig(path, place.kind, place.name, bytes, limits);
      findings.push(...config.findings);
      configs.push(config);
    }
  }
  const documents = new Map<string, Uint8Array>();
  const referred = new Map<string, ReferredFiles>();
  const operationIds = new Map<string, readonly string[]>();
  const references = readDocuments(
    documentFiles,
    configs,
    { ...options, limits },
    { findings, documents, files: referred, operationIds },
  );
  const resources = configs.flatMap((config) => resourceOf(config, references));
  // References of files with mistakes are checked as well, on what remains of them: all errors at once.
  const repaired = configs.flatMap((config) => (config.isValid ? [] : repairedOf(config)));
  findings.push(...referenceFindings([...resources, ...repaired], configs, operationIds, options));
  return { resources, repaired, documents, files: referred, findings: sortFindings(collapseIgnored(findings)) };
};

/**
 * Gives findings that know only file and path (as those of a unit that does not compile) their lines, as far as the files
 * of a bundle have them.
 */
export const placeFindings = <F extends { readonly file?: string; readonly path?: string }>(
  files: BundleFiles,
  findings: readonly F[],
): readonly (F & { readonly line?: number; readonly column?: number })[] => {
  const texts = new Map<string, YamlText>();
  return findings.map((finding) => {
    const bytes = finding.file === undefined ? undefined : files.get(finding.file);
    if (finding.file === undefined || bytes === undefined) return finding;
    const yaml = texts.get(finding.file) ?? readYamlText(new TextDecoder().decode(bytes));
    texts.set(finding.file, yaml);
    return { ...finding, ...yaml.place(pathParts(finding.path ?? ""), "key") };
  });
};

interface ConfigFile {
  readonly path: string;
  readonly kind: ResourceKind;
  readonly name: string;
  readonly source: string;
  readonly yaml: YamlText;
  readonly body: unknown;
  readonly isValid: boolean;
  readonly findings: readonly BundleFinding[];
}

interface DocumentFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

const noBytes = new Uint8Array();

const sizeFinding = (files: BundleFiles, limits: BundleLimits): BundleFinding | undefined => {
  if (files.size > limits.filesMax) {
    return {
      severity: "error",
      message: `the bundle has ${files.size} files; at most ${limits.filesMax} are read (filesMax)`,
      next: "Split it into several bundles.",
    };
  }
  let bytes = 0;
  for (const content of files.values()) bytes += content.length;
  if (bytes <= limits.bundleBytesMax) return undefined;
  return {
    severity: "error",
    message: `the bundle has ${bytes} bytes; at most ${limits.bundleBytesMax} are read (bundleBytesMax)`,
    next: "Split it into several bundles.",
  };
};

const readConfig = (
  path: string,
  kind: ResourceKind,
  name: string,
  bytes: Uint8Array,
  limits: BundleLimits,
): ConfigFile => {
  const refuse = (
    message: string,
    next: string,
    at: { readonly line?: number; readonly column?: number } = {},
  ): ConfigFile => ({
    path,
    kind,
    name,
    source: "",
    yaml: readYamlText(""),
    body: undefined,
    isValid: false,
    findings: [{ severity: "error", file: path, ...at, message, next }],
  });
  const bytesMax = kind === "settings" ? limits.settingsBytesMax : limits.configBytesMax;
  if (bytes.length > bytesMax) {
    return refuse(`has ${bytes.length} bytes; at most ${bytesMax} are read`, "Split the file.", { line: 1, column: 1 });
  }
  if (!isUtf8(bytes)) return refuse("is not UTF-8", "Save the file as UTF-8.", { line: 1, column: 1 });
  // The byte order mark stays in the source: `pull` gives the file back byte for byte.
  const source = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const yaml = readYamlText(source);
  const schema = resourceSchemas[kind];
  const parsed = yaml.mistakes.length > 0 ? undefined : schema.safeParse(yaml.value ?? {});
  const isEmpty = yaml.value === null || yaml.value === undefined;
  const findings: BundleFinding[] = yaml.mistakes.map((mistake) => ({ severity: "error", file: path, ...mistake }));
  if (parsed?.success === false) {
    for (const issue of schemaIssues(schema, yaml.value ?? {}, parsed.error)) {
      findings.push({
        severity: "error",
        file: path,
        path: pathText(issue.path),
        ...yaml.place(issue.path, issue.at),
        message: isEmpty ? `the file is empty: ${issue.message}` : issue.message,
        ...(issue.next === undefined ? {} : { next: issue.next }),
      });
    }
  }
  return { path, kind, name, source, yaml, body: parsed?.data, isValid: parsed?.success === true, findings };
};

interface DocumentResults {
  readonly findings: BundleFinding[];
  readonly documents: Map<string, Uint8Array>;
  readonly files: Map<string, ReferredFiles>;
  readonly operationIds: Map<string, readonly string[]>;
}

const readDocuments = (
  documentFiles: ReadonlyMap<string, readonly DocumentFile[]>,
  configs: readonly ConfigFile[],
  options: DocumentOptions,
  results: DocumentResults,
): ReadonlyMap<string, DocumentReference> => {
  const references = new Map<string, DocumentReference>();
  const apis = new Map(configs.filter((config) => config.kind === "api").map((config) => [config.name, config]));
  for (const api of apis.values()) {
    if (documentFiles.has(api.name)) continue;
    results.findings.push({
      severity: "error",
      file: api.path,
      line: 1,
      column: 1,
      message: `the API '${api.name}' has no document`,
      next: `Put its OpenAPI document beside it as ${documentFileNames.join(" or ")}.`,
    });
  }
  for (const [api, [file, ...others]] of documentFiles) {
    if (file === undefined) continue;
    if (!apis.has(api)) {
      results.findings.push({
        severity: "error",
        file: file.path,
        message: `the API '${api}' has a document but no api.yaml`,
        next: `Add apis/${api}/api.yaml; its smallest content is \`path: /${api}\`.`,
      });
    }
    for (const other of others) {
      results.findings.push({
        severity: "error",
        file: other.path,
        message: `the API '${api}' has more than one document`,
        next: `Keep one of ${[file, ...others].map((one) => fileNameOf(one.path)).join(", ")}.`,
      });
    }
    const files = filesFor(file, options.filesOf?.(api));
    const hash = documentHash(file.bytes, files);
    references.set(api, { fileName: fileNameOf(file.path), hash });
    results.documents.set(hash, file.bytes);
    if (hasReferredFiles(files)) results.files.set(hash, files);
    const ids = documentOperations(file, hash, files, options, results.findings);
    if (ids !== undefined) results.operationIds.set(api, ids);
  }
  return references;
};

/** Those that came with the document before, unless it refers to none any more. */
const filesFor = (file: DocumentFile, before: ReferredFiles | undefined): ReferredFiles =>
  before !== undefined && mayReferToFiles(new TextDecoder().decode(file.bytes)) ? before : noReferredFiles;

interface DocumentOptions extends Pick<ReadBundleOptions, "cache" | "filesOf"> {
  readonly limits: BundleLimits;
}

const documentOperations = (
  file: DocumentFile,
  hash: string,
  files: ReferredFiles,
  { limits, cache }: DocumentOptions,
  findings: BundleFinding[],
): readonly string[] | undefined => {
  if (file.bytes.length > limits.documentBytesMax) {
    findings.push({
      severity: "error",
      file: file.path,
      message: `has ${file.bytes.length} bytes; at most ${limits.documentBytesMax} are read`,
      next: "Split the document.",
    });
    return undefined;
  }
  try {
    const reference = { hash, fileName: fileNameOf(file.path) };
    const facts = cachedFacts(cache?.facts, reference, () => file.bytes, { mocks: false, contract: undefined }, files);
    const operations = facts?.operations ?? [];
    for (const { ref, line, column } of facts?.missingFiles ?? []) {
      findings.push({
        severity: "error",
        file: file.path,
        line,
        column,
        message: `the document refers to ${ref}, which did not come with it`,
        next: "Bundle the document into one file, or import it with `portico import`, which brings the files along.",
      });
    }
    if (operations.length === 0 && facts?.describesOnlyWebhooks !== true) {
      findings.push({
        severity: "error",
        file: file.path,
        line: 1,
        column: 1,
        message: "the document has no operations",
        next: "Add paths with operations.",
      });
    }
    return operations.map((operation) => operation.id);
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    const found = thrown.findings.length > 0 ? thrown.findings : [{ message: thrown.message }];
    findings.push(...found.map((finding) => ({ ...finding, severity: "error" as const, file: file.path })));
    return undefined;
  }
};

const fileNameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

const resourceOf = (config: ConfigFile, references: ReadonlyMap<string, DocumentReference>): readonly Resource[] => {
  if (!config.isValid) return [];
  const document = config.kind === "api" ? references.get(config.name) : undefined;
  if (config.kind === "api" && document === undefined) return [];
  const made = {
    kind: config.kind,
    name: config.name,
    body: config.body,
    source: config.source,
    ...(document === undefined ? {} : { document }),
  };
  // `body` is what the schema of `kind` has just made.
  return [made as Resource];
};

const repairedOf = (config: ConfigFile): readonly Resource[] => {
  const body = withoutMistakes(config.kind, config.name, config.yaml.value);
  return body === undefined ? [] : [{ kind: config.kind, name: config.name, body } as Resource];
};

const referenceFindings = (
  resources: readonly Resource[],
  configs: readonly ConfigFile[],
  operationIds: ReadonlyMap<string, readonly string[]>,
  options: ReadBundleOptions,
): readonly BundleFinding[] => {
  const byKey = new Map(configs.map((config) => [resourceKey(config), config]));
  const context: ReferenceContext = {
    operationIdsOf: (api) => operationIds.get(api),
    // A file with mistakes of its own exists nevertheless: who refers to it is not to blame.
    isElsewhere: (key) => byKey.has(key) || (options.isElsewhere?.(key) ?? false),
    namesElsewhere: (kind) => configs.filter((config) => config.kind === kind).map((config) => config.name),
  };
  return checkReferences(resources, context).map(({ kind, name, path, at, severity, message, next }) => {
    const config = byKey.get(`${kind}/${name}`);
    return {
      severity,
      message,
      ...(config === undefined ? {} : { file: config.path, ...config.yaml.place(path, at) }),
      ...(path.length === 0 ? {} : { path: pathText(path) }),
      ...(next === undefined ? {} : { next }),
    };
  });
};

// One line for a folder that is left to others, not one for each of its files.
const collapseIgnored = (findings: readonly BundleFinding[]): readonly BundleFinding[] => {
  const seen = new Set<string>();
  return findings.filter((finding) => {
    if (
      finding.severity !== "info" ||
      finding.file === undefined ||
      !finding.file.includes("/") ||
      finding.line !== undefined
    )
      return true;
    if (seen.has(finding.message)) return false;
    seen.add(finding.message);
    return true;
  });
};
