import { createHash } from "node:crypto";

/** What an id is made from. */
export interface OperationKey {
  readonly method: string;
  readonly path: string;
  /** As the document has it. */
  readonly operationId: string | undefined;
}

/** The longest id. */
export const operationIdLengthMax = 120;

/**
 * One id per operation, in the order given, each once. An `operationId` that is unique and fit for a URL stands as it is; one
 * that is not fit has other characters replaced; whatever then lacks an id gets one from its method and path. Where two would
 * be equal, both carry a hash of method and path, so that the order of operations never matters.
 */
export const operationIds = (keys: readonly OperationKey[]): readonly string[] => {
  const ids: (string | undefined)[] = keys.map(() => undefined);
  const taken = new Set<string>();
  for (const candidate of [asWritten, sanitised, derivedId]) {
    const wanted = keys.map((key, index) => (ids[index] === undefined ? candidate(key) : undefined));
    const counts = new Map<string, number>();
    for (const id of wanted) if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
    wanted.forEach((id, index) => {
      if (id !== undefined && counts.get(id) === 1 && !taken.has(id)) ids[index] = id;
    });
    for (const id of ids) if (id !== undefined) taken.add(id);
  }
  return keys.map((key, index) => ids[index] ?? withHash(key, taken));
};

/** An id from method and path alone: `GET /orders/{id}` is `get-orders-by-id`. */
const derivedId = (key: OperationKey): string => {
  const words = [key.method.toLowerCase()];
  for (const segment of key.path.split("/")) {
    for (const part of segment.split(/(\{[^{}]*\})/)) {
      if (part === "") continue;
      words.push(part.startsWith("{") ? `by-${slug(part)}` : slug(part));
    }
  }
  return bounded(words.filter((word) => word !== "").join("-"), key);
};

// Characters that RFC 3986 section 2.3 calls unreserved; a leading letter, digit or underscore keeps dot segments out.
const fit = /^[A-Za-z0-9_][A-Za-z0-9._~-]*$/;

const asWritten = (key: OperationKey): string | undefined =>
  key.operationId !== undefined && key.operationId.length <= operationIdLengthMax && fit.test(key.operationId)
    ? key.operationId
    : undefined;

const sanitised = (key: OperationKey): string | undefined => {
  if (key.operationId === undefined) return undefined;
  // What is fit and still lacks an id is a duplicate: its name belongs to nobody.
  if (asWritten(key) !== undefined) return undefined;
  const text = slugKeepingCase(key.operationId);
  return text === "" ? undefined : bounded(text, key);
};

const withHash = (key: OperationKey, taken: ReadonlySet<string>): string => {
  const base = derivedId(key).slice(0, operationIdLengthMax - 9);
  const id = `${base}-${hashOf(key)}`;
  // Only an operationId written to look like this can already have it.
  return taken.has(id) ? `${base}-${hashOf(key, 24)}` : id;
};

const slug = (text: string): string => slugKeepingCase(text).toLowerCase();

const slugKeepingCase = (text: string): string =>
  text
    .normalize("NFKD")
    .replace(/[^A-Za-z0-9._~-]+/g, "-")
    .replace(/^[^A-Za-z0-9_]+|[-~.]+$/g, "");

const bounded = (text: string, key: OperationKey): string =>
  text.length <= operationIdLengthMax ? text : `${text.slice(0, operationIdLengthMax - 9)}-${hashOf(key)}`;

const hashOf = (key: OperationKey, length = 8): string =>
  createHash("sha256").update(`${key.method} ${key.path}`).digest("hex").slice(0, length);
