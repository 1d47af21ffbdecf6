import type { BoundedMap } from "../base/bounded-map.ts";
import { httpBackendSchema } from "../model/backend.ts";
import type { ContractNeeds } from "../model/contract.ts";
import type { MockResponse, Operation } from "../model/operation.ts";
import { noReferredFiles, type ReferredFiles } from "../model/referred-files.ts";
import type { DocumentReference } from "../model/resource.ts";
import { type ContractMade, contractOf } from "../openapi/contract.ts";
import { missingFiles } from "../openapi/external-references.ts";
import { member, textOf } from "../openapi/json-value.ts";
import { mocksOf } from "../openapi/mock-responses.ts";
import { operationsOf, toOperation } from "../openapi/operations.ts";
import { describesOnlyWebhooks } from "../openapi/plan-import.ts";
import { splitPlace } from "../openapi/pointer.ts";
import { sourceMap } from "../openapi/position.ts";
import { type OpenApiDocument, readDocument } from "../openapi/read-document.ts";
import { securitySchemesOf } from "../openapi/security-schemes.ts";
import { serversOf } from "../openapi/servers.ts";

/** What the data plane needs of an API's document; small beside the document itself. */
export interface DocumentFacts {
  readonly title: string | undefined;
  readonly operations: readonly Operation[];
  /** Nothing can be routed to such an API; it is published to be read. */
  readonly describesOnlyWebhooks: boolean;
  /** Files that its references lead to and that did not come with it: what they describe is not there. */
  readonly missingFiles: readonly MissingFile[];
  /** The first absolute http(s) server URL that can be a backend. */
  readonly serverUrl: string | undefined;
  /** Names that the document's `apiKey` schemes give, header names in lower case. */
  readonly keyHeaders: readonly string[];
  readonly keyQueryParameters: readonly string[];
  /** Mock answers by operation, where they were asked for. */
  readonly mocks: ReadonlyMap<string, readonly MockResponse[]> | undefined;
  /** The operations' contracts, where they were asked for. */
  readonly contract: ContractMade | undefined;
}

/** A file that is not there, and where a document first asks for it. */
export interface MissingFile {
  readonly ref: string;
  readonly line: number;
  readonly column: number;
}

/** What is asked for beside the facts that every unit has. */
export interface FactsWanted {
  readonly mocks: boolean;
  readonly contract: ContractNeeds | undefined;
}

/** Reads a document for its facts. Throws the `Fault` of `readDocument` for what is no OpenAPI document. */
const readDocumentFacts = (
  bytes: Uint8Array,
  fileName: string,
  wanted: FactsWanted,
  { texts, place }: ReferredFiles = noReferredFiles,
): DocumentFacts => {
  const document = readDocument(bytes, {
    name: fileName,
    externals: texts,
    ...(place === undefined ? {} : { uri: place }),
  });
  const operations = operationsOf(document);
  return {
    title: textOf(member(document.root, "info"), "title"),
    operations: operations.map(toOperation),
    describesOnlyWebhooks: describesOnlyWebhooks(document),
    missingFiles: missingOf(document),
    serverUrl: serversOf(document).find((server) => canBeBackend(server.url))?.url,
    ...keyNames(document),
    mocks: wanted.mocks ? mocksOf(document) : undefined,
    contract: wanted.contract === undefined ? undefined : contractOf(document, wanted.contract),
  };
};

/** Facts that were read before, by document and by what is among them; bounded. */
export type FactsCache = BoundedMap<string, DocumentFacts>;

/** Facts out of the cache, else read from the bytes, which are asked for only then; undefined where there are none. */
export const cachedFacts = (
  cache: FactsCache | undefined,
  reference: DocumentReference,
  bytesOf: () => Uint8Array | undefined,
  wanted: FactsWanted,
  files?: ReferredFiles,
): DocumentFacts | undefined => {
  const key = `${reference.hash} ${reference.fileName} ${wanted.mocks} ${JSON.stringify(wanted.contract ?? null)}`;
  const known = cache?.get(key);
  if (known !== undefined) return known;
  // Whoever holds documents in a database need not fetch those whose facts are known.
  const bytes = bytesOf();
  if (bytes === undefined) return undefined;
  const facts = readDocumentFacts(bytes, reference.fileName, wanted, files);
  cache?.set(key, facts);
  return facts;
};

const missingOf = (document: OpenApiDocument): readonly MissingFile[] => {
  const missing = missingFiles(document).filter(({ pointer }) => splitPlace(pointer).file === undefined);
  if (missing.length === 0) return [];
  const positions = sourceMap(document).positions(missing.map(({ pointer }) => pointer));
  return missing.map(({ ref, pointer }) => ({
    ref,
    line: positions.get(pointer)?.line ?? 1,
    column: positions.get(pointer)?.column ?? 1,
  }));
};

/** True where a text is a URL that an `http` backend may have. */
export const canBeBackend = (url: string): boolean => httpBackendSchema.safeParse({ kind: "http", url }).success;

const keyNames = (document: OpenApiDocument): Pick<DocumentFacts, "keyHeaders" | "keyQueryParameters"> => {
  const keyHeaders = new Set<string>();
  const keyQueryParameters = new Set<string>();
  for (const { in: place, parameterName } of securitySchemesOf(document)) {
    if (parameterName === undefined || parameterName === "") continue;
    const header = parameterName.toLowerCase();
    if (place === "header" && tokenPattern.test(header) && !notForKeys.has(header)) keyHeaders.add(header);
    if (place === "query") keyQueryParameters.add(parameterName);
  }
  return { keyHeaders: [...keyHeaders].sort(), keyQueryParameters: [...keyQueryParameters].sort() };
};

const tokenPattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

// `x-api-key` works everywhere; the others belong to HTTP itself.
const notForKeys: ReadonlySet<string> = new Set([
  "x-api-key",
  "connection",
  "content-length",
  "content-type",
  "cookie",
  "expect",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
