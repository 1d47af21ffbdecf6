import { strings } from "./strings.ts";

/** A refusal of the management API, RFC 9457. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly requestId: string | undefined;
  readonly mistakes: readonly Mistake[];

  constructor(fields: {
    readonly status: number;
    readonly code: string;
    readonly title: string;
    readonly detail: string;
    readonly requestId?: string | undefined;
    readonly mistakes?: readonly Mistake[];
  }) {
    super(fields.detail);
    this.status = fields.status;
    this.code = fields.code;
    this.title = fields.title;
    this.requestId = fields.requestId;
    this.mistakes = fields.mistakes ?? [];
  }
}

/** One mistake in what was sent. */
export interface Mistake {
  readonly message: string;
  readonly pointer?: string;
  readonly path?: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly next?: string;
}

/** An answer with what its headers say. */
export interface Answered<T> {
  readonly data: T;
  readonly revision: number | undefined;
}

/** Calls the management API on this origin, with the session's cookie. Refusals come as `Problem`. */
export const call = async <T>(
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<Answered<T>> => {
  const response = await send(method, path, body, signal);
  if (!response.ok) throw await problemOf(response);
  const revision = Number(response.headers.get("portico-revision") ?? Number.NaN);
  const text = await response.text();
  return {
    // The shape is the document's: the answers of our own origin are described by it and tested against it.
    data: (text === "" ? undefined : JSON.parse(text)) as T,
    revision: Number.isNaN(revision) ? undefined : revision,
  };
};

/** Reads below `/api/v1`. */
export const read = async <T>(path: string, signal?: AbortSignal): Promise<T> =>
  (await call<T>("GET", path, undefined, signal)).data;

const send = async (
  method: string,
  path: string,
  body: unknown,
  signal: AbortSignal | undefined,
): Promise<Response> => {
  try {
    return await fetch(`/api/v1${path}`, {
      method,
      credentials: "same-origin",
      headers: {
        accept: "application/json",
        // A foreign page cannot send this header without being allowed to, and it never is.
        ...(method === "GET" ? {} : { "x-portico-request": "studio" }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (thrown) {
    if (signal?.aborted) throw thrown;
    throw new Problem({
      status: 0,
      code: "studio.offline",
      title: strings.problem.title,
      detail: strings.problem.offline,
    });
  }
};

const problemOf = async (response: Response): Promise<Problem> => {
  const fields: unknown = await response.json().catch(() => ({}));
  const text = (name: string): string | undefined => {
    const value = isRecord(fields) ? fields[name] : undefined;
    return typeof value === "string" ? value : undefined;
  };
  const errors = isRecord(fields) ? fields.errors : undefined;
  return new Problem({
    status: response.status,
    code: text("code") ?? `http.${response.status}`,
    title: text("title") ?? response.statusText,
    detail: text("detail") ?? strings.problem.title,
    requestId: text("requestId") ?? response.headers.get("x-request-id") ?? undefined,
    mistakes: Array.isArray(errors)
      ? errors.filter(isRecord).map((error) => ({ ...error, message: String(error.message ?? "") }))
      : [],
  });
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === "object" && !Array.isArray(value);
