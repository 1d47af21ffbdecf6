import type { z } from "zod";
import type { Actor } from "./actor.ts";
import type { Answer } from "./answer.ts";
import type { Change } from "./change.ts";
import type { Right } from "./rights.ts";
import type { ManagementTools } from "./tools.ts";

/** What an operation asks of its caller: a right, only to be somebody (`self`), or nothing (`public`). */
type Access = Right | "self" | "public";

export type Method = "GET" | "PUT" | "POST" | "PATCH" | "DELETE";

/** A body that is not JSON. */
interface BytesBody {
  readonly mediaTypes: readonly string[];
  readonly description: string;
  /** The operation reads the body itself, from `stream`, within `bodyBytesMax`. */
  readonly isStreamed?: boolean;
}

/** What an operation says about its change. */
interface CallChangeOptions {
  readonly message?: string | undefined;
  /** True where the body asks for a dry run. */
  readonly isDryRun?: boolean;
}

/** One request, parsed, on its way through an operation. */
interface Call<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** The body as it came. */
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  /** The body where it is too large to be held: see `BytesBody.isStreamed`. */
  readonly stream: ReadableStream<Uint8Array> | undefined;
  readonly headers: Headers;
  readonly actor: Actor;
  readonly requestId: string;
  readonly operationId: string;
  readonly isDryRun: boolean;
  readonly tools: ManagementTools;
  readonly signal: AbortSignal;
  /** Compares `If-Match` and `If-None-Match` with what is there now; undefined: nothing is. Refuses with 412. */
  match(current: unknown): void;
  /** The one way to write. Runs `work` under the revision lock; all of it is committed, or nothing. `work` may run again. */
  change(work: (change: Change) => Promise<Answer>, options?: CallChangeOptions): Promise<Answer>;
}

/** An answer as the document describes it. */
interface AnswerDescription {
  readonly description: string;
  readonly schema?: z.ZodType;
  readonly mediaTypes?: readonly string[];
}

/** An operation as its file defines it. */
export interface OperationDefinition<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType> {
  /** `operationId` of the document. */
  readonly id: string;
  readonly method: Method;
  /** Below `/api/v1`; a segment is a literal, `{name}`, or `{name}:verb`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly access: Access;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** Fields of what GET answers that a PUT may send back; they are not read. */
  readonly readOnlyFields?: readonly string[];
  /** The operation answers without a body when none is sent. */
  readonly isBodyOptional?: boolean;
  readonly bytesBody?: BytesBody;
  readonly bodyBytesMax?: number;
  /** A read that uses POST, such as a plan: takes no idempotency key and no `wait`. */
  readonly isRead?: boolean;
  /** The answer carries an entity tag, and `If-None-Match` on GET is answered with 304. */
  readonly hasEtag?: boolean;
  readonly answers: Readonly<Record<number, AnswerDescription>>;
  /** Statuses of its own refusals, beside those that every operation has. */
  readonly refusals?: readonly number[];
  run(call: Call<z.output<P>, z.output<Q>, z.output<B>>): Promise<Answer>;
}

/** What `defineOperation` gives to the server: the same without the types of one operation. */
export interface Operation extends Omit<OperationDefinition<z.ZodObject, z.ZodObject, z.ZodType>, "run"> {
  readonly isWrite: boolean;
  /** Parses the parts with the schemas and runs; refuses what does not parse. */
  readonly serve: (parts: RequestParts, parse: ParseRequest) => Promise<Answer>;
}

/** The parts of a request before they are parsed. */
export interface RequestParts extends Omit<Call<unknown, unknown, unknown>, "params" | "query" | "body"> {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
}

/** Parses the parts of a request with the operation's schemas; throws one refusal with all mistakes. */
export type ParseRequest = <P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType>(
  definition: Pick<OperationDefinition<P, Q, B>, "params" | "query" | "body" | "isBodyOptional" | "readOnlyFields">,
  parts: RequestParts,
) => { readonly params: z.output<P>; readonly query: z.output<Q>; readonly body: z.output<B> };

/** Makes an operation of its definition. */
export const defineOperation = <P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType>(
  definition: OperationDefinition<P, Q, B>,
): Operation => {
  const { run, ...rest } = definition;
  return {
    ...rest,
    isWrite: definition.method !== "GET" && definition.isRead !== true,
    serve: (parts, parse) => run({ ...parts, ...parse(definition, parts) }),
  };
};
