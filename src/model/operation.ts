/** A ready answer of the mock backend, made from the document's examples and schemas. */
export interface MockResponse {
  readonly status: number;
  /** Absent where the response has no body. */
  readonly mediaType?: string;
  readonly body?: string;
}

/** What the data plane knows of an operation. The whole description stays in the document. */
export interface Operation {
  /** Stable over re-imports: the document's operationId, or derived from method and path. */
  readonly id: string;
  /** A method that OpenAPI 3.2 has fields for, or any token of `additionalOperations`. */
  readonly method: string;
  /** As the document has it, `/orders/{orderId}`; always begins with a slash. */
  readonly path: string;
  readonly summary?: string;
  readonly deprecated?: boolean;
  readonly mocks?: readonly MockResponse[];
}
