/** Methods that an operation may have: OpenAPI 3.2's fixed fields, or any token from `additionalOperations`. */
export const operationMethods = ["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE", "QUERY"] as const;

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
  readonly method: string;
  /** As the document has it, `/orders/{orderId}`; always begins with a slash. */
  readonly path: string;
  readonly summary?: string;
  readonly deprecated?: boolean;
  readonly mocks?: readonly MockResponse[];
}
