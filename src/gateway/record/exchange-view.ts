import type { Body, Caller, Exchange } from "../../exchange/exchange.ts";

type Fields = readonly (readonly [name: string, value: string])[];

/** What steps may change of an exchange, as it stood at one moment. Raw: secrets are taken out when the record is written. */
export interface ExchangeView {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Fields;
  readonly requestBody: unknown;
  readonly caller: Caller | null;
  readonly backend: string | null;
  readonly backendUrl: string | null;
  readonly variables: ReadonlyMap<string, unknown>;
  readonly status: number;
  readonly replyHeaders: Fields;
  readonly replyBody: unknown;
}

/** One difference between two views. */
export interface RawChange {
  readonly what: string;
  readonly name: string;
  readonly before: unknown;
  readonly after: unknown;
}

const noFields: Fields = [];
const noVariables: ReadonlyMap<string, unknown> = new Map();

/** The exchange as it stands now. Costs a copy of its header fields and variables. */
export const viewOf = (x: Exchange): ExchangeView => {
  const { request, reply } = x;
  return {
    method: request.method,
    path: request.upstreamPath,
    query: request.upstreamQuery,
    headers: [...request.headers.entries()],
    requestBody: contentOf(request.body),
    caller: x.caller,
    backend: x.backend,
    backendUrl: x.backendUrl,
    variables: x.variables.size === 0 ? noVariables : new Map(x.variables),
    status: reply === null ? 0 : reply.status,
    replyHeaders: reply === null ? noFields : [...reply.headers.entries()],
    replyBody: reply === null ? undefined : contentOf(reply.body),
  };
};

/** What is different in `after`. */
export const changesBetween = (before: ExchangeView, after: ExchangeView): readonly RawChange[] => {
  const changes: RawChange[] = [];
  const compare = (what: string, was: unknown, is: unknown, name = ""): void => {
    if (!Object.is(was, is)) changes.push({ what, name, before: was, after: is });
  };
  compare("method", before.method, after.method);
  compare("path", before.path, after.path);
  compare("query", before.query, after.query);
  compareFields(changes, "request.header", before.headers, after.headers);
  compare("request.body", before.requestBody, after.requestBody);
  compare("caller", before.caller, after.caller);
  compare("backend", before.backend ?? undefined, after.backend ?? undefined);
  compare("backend-url", before.backendUrl ?? undefined, after.backendUrl ?? undefined);
  for (const [name, value] of after.variables) {
    // Policies keep things of their own under names that no document can write.
    if (!name.startsWith("=")) compare("variable", before.variables.get(name), value, name);
  }
  for (const [name, value] of before.variables)
    if (!after.variables.has(name)) compare("variable", value, undefined, name);
  compare("status", before.status === 0 ? undefined : before.status, after.status === 0 ? undefined : after.status);
  compareFields(changes, "reply.header", before.replyHeaders, after.replyHeaders);
  compare("reply.body", before.replyBody, after.replyBody);
  return changes;
};

const compareFields = (changes: RawChange[], what: string, before: Fields, after: Fields): void => {
  if (
    before.length === after.length &&
    before.every((field, at) => field[0] === after[at]?.[0] && field[1] === after[at]?.[1])
  )
    return;
  const was = joined(before);
  const is = joined(after);
  for (const [name, value] of is) {
    const old = was.get(name);
    if (old !== value) changes.push({ what, name, before: old, after: value });
  }
  for (const [name, value] of was) if (!is.has(name)) changes.push({ what, name, before: value, after: undefined });
};

const joined = (fields: Fields): ReadonlyMap<string, string> => {
  const map = new Map<string, string>();
  for (const [name, value] of fields) {
    const lower = name.toLowerCase();
    const known = map.get(lower);
    map.set(lower, known === undefined ? value : `${known}, ${value}`);
  }
  return map;
};

/** What would be sent instead of the bytes that came; undefined while those pass. */
const contentOf = (body: Body): unknown => ("replaced" in body ? body.replaced : undefined);
