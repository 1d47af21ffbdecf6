/** A body that a reply carries: whole, or as chunks with backpressure. */
export type ReplyBody = string | Uint8Array | AsyncIterable<Uint8Array> | null;

/**
 * An answer made at the gateway: it ends the request. Framing fields (`content-length`, `transfer-encoding`, `connection`)
 * are the engine's business and must not be among `headers`.
 */
export interface Reply {
  readonly status: number;
  readonly reason?: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: ReplyBody;
  /** Set on refusals: the engine writes the body as problem details with the request's id (RFC 9457). */
  readonly problem?: ReplyProblem;
}

/** What a refusal says beside its row in the table. */
export interface ReplyProblem {
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly errors?: readonly unknown[];
}

/** A reply with a whole body; `content-type` as given. */
export const replyWith = (
  status: number,
  contentType: string,
  body: string | Uint8Array,
  headers: readonly (readonly [string, string])[] = [],
): Reply => ({ status, headers: [["content-type", contentType], ...headers], body });

/** A reply without a body. */
export const emptyReply = (status: number, headers: readonly (readonly [string, string])[] = []): Reply => ({
  status,
  headers,
  body: null,
});
