import createClient from "openapi-fetch";
import type { paths } from "../ui/generated/management.ts";
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

/** The management API on this origin, with the session's cookie; its types are those of its OpenAPI document. */
export const management = createClient<paths>({
  baseUrl: location.origin,
  credentials: "same-origin",
  // A foreign page cannot send this header without being allowed to, and it never is.
  headers: { "x-portico-request": "studio" },
});

interface Answer {
  readonly data?: unknown;
  readonly error?: unknown;
  readonly response: Response;
}

/** What an answer holds; a refusal is thrown as `Problem`, an unreachable platform as one too. */
export const taken = async <A extends Answer>(answer: Promise<A>): Promise<NonNullable<A["data"]>> => {
  const { data, error, response } = await reached(answer);
  if (!response.ok) throw problemOf(error, response);
  // Of a 2xx the data is what the document says; where it says nothing, nobody looks.
  return data as NonNullable<A["data"]>;
};

const reached = async <T>(answer: Promise<T>): Promise<T> => {
  try {
    return await answer;
  } catch (thrown) {
    if (thrown instanceof DOMException && thrown.name === "AbortError") throw thrown;
    throw new Problem({
      status: 0,
      code: "studio.offline",
      title: strings.problem.title,
      detail: strings.problem.offline,
    });
  }
};

const problemOf = (fields: unknown, response: Response): Problem => {
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
