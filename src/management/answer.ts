/** What an operation answers. At most one of `json`, `bytes` and `stream` is set; without any the answer has no body. */
export interface Answer {
  readonly status: number;
  readonly json?: unknown;
  readonly bytes?: { readonly mediaType: string; readonly content: Uint8Array };
  readonly stream?: { readonly mediaType: string; readonly content: ReadableStream<Uint8Array> };
  readonly headers?: Readonly<Record<string, string>>;
  /** Set by the change that made it. */
  readonly revision?: number;
  /** False where a write was only tried. */
  readonly isCommitted?: boolean;
}
