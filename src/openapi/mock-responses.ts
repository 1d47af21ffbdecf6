import type { MockResponse } from "../model/operation.ts";
import { type BodyExample, bodyExamples, type ExampleLimits, isJsonMediaType } from "./example.ts";
import type { Content, ResponsePart } from "./operation-parts.ts";
import { type DocumentOperation, operationsOf } from "./operations.ts";
import type { OpenApiDocument } from "./read-document.ts";

/** The bounds of what mocks may weigh: they travel in the API's unit to every gateway. */
export interface MockLimits {
  readonly bodyBytesMax: number;
  readonly operationBytesMax: number;
  /** All operations together; only `mocksOf` looks at it. */
  readonly documentBytesMax: number;
  readonly responsesMax: number;
  /** Media types for which a body is made from one schema; examples that the document gives always count. */
  readonly generatedTypesMax: number;
  readonly generated: ExampleLimits;
}

/** 8 KiB a body, 16 KiB and 24 answers an operation, 2 MiB a document; generated bodies are five levels deep. */
export const mockLimits: MockLimits = {
  bodyBytesMax: 8 * 1024,
  operationBytesMax: 16 * 1024,
  documentBytesMax: 2 * 1024 * 1024,
  responsesMax: 24,
  generatedTypesMax: 2,
  generated: { depthMax: 5, valuesMax: 100 },
};

/**
 * The ready answers of an operation: success first, then by status; within a status in the document's order. A body that is
 * too large is made again from less of the schema, and left out where even that does not fit. Never empty.
 */
export const mockResponses = (
  document: OpenApiDocument,
  operation: DocumentOperation,
  limits: MockLimits = mockLimits,
): readonly MockResponse[] => {
  const found: MockResponse[] = [];
  let bytesLeft = limits.operationBytesMax;
  for (const { response, status } of ordered(operation.responses)) {
    for (const mock of answersOf(document, response, status, limits)) {
      const bytes = bytesOf(mock);
      if (found.length >= limits.responsesMax || bytes > bytesLeft) continue;
      bytesLeft -= bytes;
      found.push(mock);
    }
  }
  return found.length > 0 ? found : [{ status: 200 }];
};

/**
 * The ready answers of all operations, by operation id, together within `documentBytesMax`: where they would weigh more,
 * generated bodies become smaller for all operations alike, and in the end only statuses remain.
 */
export const mocksOf = (
  document: OpenApiDocument,
  limits: MockLimits = mockLimits,
): ReadonlyMap<string, readonly MockResponse[]> => {
  for (const share of shares) {
    const generated = {
      depthMax: Math.ceil(limits.generated.depthMax * share),
      valuesMax: limits.generated.valuesMax * share,
    };
    const narrowed = {
      ...limits,
      generated,
      bodyBytesMax: limits.bodyBytesMax * share,
      operationBytesMax: limits.operationBytesMax * share,
    };
    const found = new Map<string, readonly MockResponse[]>();
    let bytes = 0;
    for (const operation of operationsOf(document)) {
      const mocks = mockResponses(document, operation, share === 1 ? limits : narrowed);
      for (const mock of mocks) bytes += bytesOf(mock);
      found.set(operation.id, mocks);
      if (bytes > limits.documentBytesMax) break;
    }
    if (bytes <= limits.documentBytesMax) return found;
  }
  return new Map(operationsOf(document).map((operation) => [operation.id, [{ status: 200 }]]));
};

/** How much of the bounds one attempt uses, the next one after it where that was too much. */
const shares = [1, 0.5, 0.2, 0.05, 0] as const;

const bytesOf = (mock: MockResponse): number => (mock.body === undefined ? 0 : Buffer.byteLength(mock.body));

interface Answer {
  readonly response: ResponsePart;
  readonly status: number;
}

const ordered = (responses: readonly ResponsePart[]): readonly Answer[] => {
  const hasSuccess = responses.some((response) => /^[123]/.test(response.status));
  const rank = (status: number): number => (status >= 200 && status < 300 ? 0 : status < 400 ? 1 : 2);
  return responses
    .map((response) => ({ response, status: statusOf(response.status, hasSuccess) }))
    .filter((answer) => answer.status >= 200)
    .sort((a, b) => rank(a.status) - rank(b.status) || a.status - b.status);
};

// `default` stands for the errors where a success is declared, and for everything where none is.
const statusOf = (status: string, hasSuccess: boolean): number => {
  if (status === "default") return hasSuccess ? 500 : 200;
  return Number(status.replace("XX", "00"));
};

const answersOf = (
  document: OpenApiDocument,
  response: ResponsePart,
  status: number,
  limits: MockLimits,
): readonly MockResponse[] => {
  // RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5: these carry no content.
  if (response.content.length === 0 || status === 204 || status === 205 || status === 304) return [{ status }];
  const answers: MockResponse[] = [];
  const made = new Set<Content>(mostReadable(response.content).slice(0, limits.generatedTypesMax));
  for (const content of response.content) {
    if (content.examples.length === 0 && !made.has(content)) continue;
    // A range such as `application/*` or `*/*` is no type that a reply can carry.
    const mediaType = content.mediaType.includes("*") ? "application/json" : content.mediaType;
    for (const body of bodiesOf(document, content, limits)) answers.push({ status, mediaType, body });
  }
  return answers.length > 0 ? answers : [{ status }];
};

// JSON first; types of which a text cannot be made (protobuf, cbor, images) only where there is nothing else.
const mostReadable = (contents: readonly Content[]): readonly Content[] => {
  const rank = ({ mediaType }: Content): number => (isJsonMediaType(mediaType) ? 0 : readable.test(mediaType) ? 1 : 2);
  const sorted = [...contents].sort((a, b) => rank(a) - rank(b));
  const best = sorted[0] === undefined ? 2 : rank(sorted[0]);
  return sorted.filter((content) => best === 2 || rank(content) < 2);
};

const readable = /^text\/|[/+](xml|yaml|x-yaml|jsonl|ndjson|x-www-form-urlencoded)\b|\*/i;

const bodiesOf = (document: OpenApiDocument, content: Content, limits: MockLimits): readonly string[] => {
  const fits = (text: string): boolean => Buffer.byteLength(text) <= limits.bodyBytesMax;
  const texts = bodyExamples(document, content, "response", limits.generated).map((example) =>
    compact(content, example),
  );
  const fitting = texts.filter(fits);
  if (fitting.length > 0) return fitting;
  return bodyExamples(document, { ...content, examples: [] }, "response", { depthMax: 1, valuesMax: 20 })
    .map((example) => compact(content, example))
    .filter(fits);
};

const compact = (content: Content, example: BodyExample): string =>
  isJsonMediaType(content.mediaType) && !content.isStream && example.value !== undefined
    ? JSON.stringify(example.value)
    : example.text;
