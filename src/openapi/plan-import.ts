import { Fault, type Finding } from "../base/fault.ts";
import { diffContracts, routeOf } from "./contract-diff.ts";
import { type ChangeLevel, type ContractChange, heaviest } from "./contract-rules.ts";
import { isObject, member } from "./json-value.ts";
import { type DocumentOperation, isMethodServed, operationPlaces, operationsOf } from "./operations.ts";
import { parsePathTemplate } from "./path-template.ts";
import { type Position, sourceMap } from "./position.ts";
import type { OpenApiDocument } from "./read-document.ts";

/** What an import would do to an API's operations. JSON all through. */
export interface ImportPlan {
  readonly added: readonly PlannedOperation[];
  readonly removed: readonly PlannedOperation[];
  readonly changed: readonly ChangedOperation[];
  /** Operations that stay exactly as they are. */
  readonly unchangedCount: number;
  /** What changed in the document's head. */
  readonly document: readonly ContractChange[];
  /** The heaviest change; undefined where nothing changes, and for a first import. */
  readonly level: ChangeLevel | undefined;
  /** Ids that go away or change although a policy or product may name them: old id, and the new one if there is one. */
  readonly idsLost: readonly { readonly id: string; readonly becomes: string | undefined }[];
}

/** An operation in a plan. */
export interface PlannedOperation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly summary: string | undefined;
}

/** An operation that stays but changes. */
export interface ChangedOperation extends PlannedOperation {
  readonly previousId: string;
  readonly level: ChangeLevel;
  readonly changes: readonly ContractChange[];
}

/**
 * Plans the import of a document over the one that is there, or over nothing. Throws a `Fault` where the document cannot be
 * served: `document.no_operations`, `document.routes_ambiguous`.
 */
export const planImport = (previous: OpenApiDocument | null, next: OpenApiDocument): ImportPlan => {
  checkServable(next);
  if (previous === null) {
    const added = operationsOf(next).map(planned);
    return { added, removed: [], changed: [], unchangedCount: 0, document: [], level: undefined, idsLost: [] };
  }
  const diff = diffContracts(previous, next);
  const changed = diff.common.flatMap(({ before, after, changes }) => {
    const level = heaviest(changes);
    return level === undefined ? [] : [{ ...planned(after), previousId: before.id, level, changes }];
  });
  const levels = [
    ...changed,
    ...diff.document,
    ...diff.removed.map(() => ({ level: "breaking" as const })),
    ...diff.added.map(() => ({ level: "non-breaking" as const })),
  ];
  return {
    added: diff.added.map(planned),
    removed: diff.removed.map(planned),
    changed,
    unchangedCount: diff.common.length - changed.length,
    document: diff.document,
    level: heaviest(levels),
    idsLost: [
      ...diff.removed.map((operation) => ({ id: operation.id, becomes: undefined })),
      ...changed
        .filter((entry) => entry.id !== entry.previousId)
        .map((entry) => ({ id: entry.previousId, becomes: entry.id })),
    ].filter((lost) => lost.becomes !== undefined || !operationsOf(next).some((operation) => operation.id === lost.id)),
  };
};

const planned = ({ id, method, path, summary }: DocumentOperation): PlannedOperation => ({ id, method, path, summary });

const checkServable = (document: OpenApiDocument): void => {
  const operations = operationsOf(document);
  if (operations.length === 0 && !describesOnlyWebhooks(document)) throw nothingToServe(document);
  const routes = new Map<string, DocumentOperation>();
  const pairs: (readonly [DocumentOperation, DocumentOperation])[] = [];
  for (const operation of operations) {
    const other = routes.get(routeOf(operation));
    if (other === undefined) routes.set(routeOf(operation), operation);
    else pairs.push([other, operation]);
  }
  if (pairs.length === 0) return;
  const positions = placesOf(
    document,
    pairs.map(([, second]) => second.pointer),
  );
  throw new Fault("document.routes_ambiguous", {
    public: `${document.name} has operations that would answer the same calls.`,
    status: 422,
    findings: pairs.map(([first, second]) => ({
      message: `${second.method} ${second.path} takes the same calls as ${first.method} ${first.path}.`,
      file: document.name,
      path: second.pointer,
      ...lineOf(positions.get(second.pointer)),
      next: "Join the two paths, or make their literal segments differ.",
    })),
  });
};

/** Calls that the API makes, and none that it takes: such a document is published to be read, and no call is routed to it. */
export const describesOnlyWebhooks = (document: OpenApiDocument): boolean => {
  const webhooks = member(document.root, "webhooks");
  return !hasPaths(document) && isObject(webhooks) && Object.keys(webhooks).length > 0;
};

const hasPaths = (document: OpenApiDocument): boolean => {
  const paths = member(document.root, "paths");
  return isObject(paths) && Object.keys(paths).length > 0;
};

const nothingToServe = (document: OpenApiDocument): Fault => {
  const unservable = operationPlaces(document).flatMap((place) => {
    const problem = parsePathTemplate(place.path).problems[0];
    if (problem !== undefined) {
      return [{ pointer: place.pathItem.pointer, message: problem.message, next: "Correct the path." }];
    }
    const message = `${place.method} ${place.path} is not for a gateway.`;
    return isMethodServed(place.method)
      ? []
      : [{ pointer: place.operation.pointer, message, next: "Use another method." }];
  });
  const listed = unservable.slice(0, 20).map(({ pointer, message, next }) => finding(document, pointer, message, next));
  return new Fault("document.no_operations", {
    public: `${document.name} has no operations that could be served${unservable.length > 0 ? `: ${unservable[0]?.message}` : "."}`,
    status: 422,
    findings:
      listed.length > 0
        ? listed
        : [
            finding(
              document,
              hasPaths(document) ? "/paths" : "",
              "There are no operations.",
              "Add at least one operation under `paths`.",
            ),
          ],
  });
};

const finding = (document: OpenApiDocument, pointer: string, message: string, next: string): Finding => ({
  message,
  file: document.name,
  path: pointer,
  ...lineOf(placesOf(document, [pointer]).get(pointer)),
  next,
});

const placesOf = (document: OpenApiDocument, pointers: readonly string[]): ReadonlyMap<string, Position> =>
  sourceMap(document).positions(pointers.filter((pointer) => pointer === "" || pointer.startsWith("/")));

const lineOf = (position: Position | undefined): { readonly line?: number; readonly column?: number } =>
  position === undefined ? {} : { line: position.line, column: position.column };
