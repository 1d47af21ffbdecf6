/** One row of a table of refusals: everything a caller may see of it, but for the detail of the moment. */
export interface ProblemRow {
  readonly status: number;
  readonly title: string;
  /** When it happens and what to do, for docs/errors.md. */
  readonly help: string;
}

/** A table of refusals by their stable code, `noun.what_happened`. Codes are never reused. */
export type ProblemTable = Readonly<Record<string, ProblemRow>>;

/** RFC 9457 problem details as Portico writes them. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly requestId: string;
  readonly errors?: readonly unknown[];
}

/** The media type of problem details, RFC 9457 section 3. */
export const problemMediaType = "application/problem+json";

/** The `type` URI of a code: a place in docs/errors.md, as a URN so that it names no host. */
export const problemType = (code: string): string => `urn:portico:error:${code}`;
