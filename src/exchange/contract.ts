/*
 * What an API's document says of its operations, as a unit carries it (`model/contract.ts`): the data plane knows no `model`, and the
 * compiler holds both equal.
 */

/** JSON Schema 2020-12 with nothing but what is checked; `$ref` is `schema:NAME`, a name in the contract's `schemas`. */
export type ContractSchema = boolean | { readonly [keyword: string]: unknown };

/** How a parameter's value is written (OpenAPI's `style`); 2.0's collection formats are among them. */
export type ContractStyle =
  | "simple"
  | "label"
  | "matrix"
  | "form"
  | "spaceDelimited"
  | "pipeDelimited"
  | "tabDelimited"
  | "deepObject"
  | "cookie";

/** The JSON types that a text may stand for, and those of what it holds; empty: any. */
export interface ContractShape {
  readonly types: readonly string[];
  readonly items?: readonly string[];
  readonly properties?: Readonly<Record<string, readonly string[]>>;
}

/** A parameter of an operation, or a header of a response. Header names are in lower case. */
export interface ContractParameter {
  readonly name: string;
  readonly in: "path" | "query" | "header" | "cookie" | "querystring";
  readonly required: boolean;
  readonly style: ContractStyle;
  readonly explode: boolean;
  readonly allowReserved?: boolean;
  readonly allowEmptyValue?: boolean;
  /** Set where the value is text of a media type (`content`) instead of a style. */
  readonly mediaType?: string;
  readonly shape: ContractShape;
  readonly schema: ContractSchema;
}

/** A body in one media type or range of them, in lower case. */
export interface ContractContent {
  readonly mediaType: string;
  readonly schema: ContractSchema;
  /** The schema is that of each item of a stream (3.2's `itemSchema`). */
  readonly isStream?: boolean;
  /** Of forms: what the fields' texts stand for. */
  readonly shape?: ContractShape;
}

/** An answer: `200`, a range `2XX`, or `default`. */
export interface ContractResponse {
  readonly status: string;
  readonly headers: readonly ContractParameter[];
  readonly content: readonly ContractContent[];
}

/** What an operation takes and answers, as its document says. */
export interface OperationContract {
  readonly parameters: readonly ContractParameter[];
  readonly body?: { readonly required: boolean; readonly content: readonly ContractContent[] };
  readonly responses: readonly ContractResponse[];
  /** Alternatives, of which each needs all its schemes with their scopes; absent where the document asks for nothing. */
  readonly security?: readonly (readonly { readonly scheme: string; readonly scopes: readonly string[] }[])[];
}

/**
 * The contract of an API's operations, from its own document. `hash` is the content hash of all other fields. Required names that a
 * property's `readOnly` or `writeOnly` excuses in one direction stand under `requiredInReply` and `requiredInRequest`.
 */
export interface ApiContract {
  readonly hash: string;
  readonly operations: Readonly<Record<string, OperationContract>>;
  readonly schemas: Readonly<Record<string, ContractSchema>>;
}
