import { z } from "zod";
import { schemaIssues } from "../base/schema-issues.ts";
import type { ParseRequest, RequestParts } from "./operation.ts";
import { type RequestMistake, refuse } from "./refuse.ts";

/** Parses parameters, query and body. All mistakes of the parameters come together, then all of the body. */
export const parseRequest: ParseRequest = (definition, parts) => {
  const mistakes: RequestMistake[] = [];
  const params = definition.params?.safeParse(parts.params);
  if (params?.success === false) mistakes.push(...parameterMistakes(params.error));
  const query = (definition.query ?? noQuery).strict().safeParse(parts.query);
  if (!query.success) mistakes.push(...parameterMistakes(query.error));
  if (mistakes.length > 0) {
    throw refuse("parameter.invalid", mistakes.map((one) => `${one.parameter}: ${one.message}`).join("; "), mistakes);
  }
  // What a definition has no schema for, its operation does not read.
  return {
    params: params?.data as never,
    query: query.data as never,
    body: (definition.body === undefined ? undefined : parseBody(definition.body, parts, definition)) as never,
  };
};

const noQuery = z.object({});

const parameterMistakes = (error: z.ZodError): RequestMistake[] =>
  error.issues.flatMap((issue): RequestMistake[] => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({ parameter: key, message: "is not a parameter of this operation" }));
    }
    return [{ parameter: String(issue.path[0] ?? ""), message: issue.message }];
  });

const parseBody = <B extends z.ZodType>(
  schema: B,
  parts: RequestParts,
  options: { readonly isBodyOptional?: boolean; readonly readOnlyFields?: readonly string[] },
): z.output<B> => {
  if (parts.bytes.length === 0 && options.isBodyOptional !== true) {
    throw refuse("body.missing", "This operation needs a JSON body.");
  }
  const value = parts.bytes.length === 0 ? {} : readJsonBody(parts.bytes);
  return checkBody(schema, withoutFields(value, options.readOnlyFields ?? []));
};

/** A value without the fields that GET adds, so that what was read can be changed and sent back. */
export const withoutFields = (value: unknown, fields: readonly string[]): unknown => {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => !fields.includes(name)));
};

/** Checks a value with a schema; refuses with a JSON pointer for each mistake. */
export const checkBody = <B extends z.ZodType>(schema: B, value: unknown): z.output<B> => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const mistakes = schemaIssues(schema, value, parsed.error).map((issue) => ({
    pointer: pointerOf(issue.path),
    message: issue.message,
    ...(issue.next === undefined ? {} : { next: issue.next }),
  }));
  const first = mistakes[0];
  throw refuse(
    "body.invalid",
    `${first === undefined || first.pointer === "" ? "The body" : first.pointer}: ${first?.message ?? "not valid"}${mistakes.length > 1 ? ` (and ${mistakes.length - 1} more)` : ""}`,
    mistakes,
  );
};

/** A JSON pointer (RFC 6901) of a path. */
const pointerOf = (path: readonly PropertyKey[]): string =>
  path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

/** Reads JSON text in UTF-8. NUL is refused, because PostgreSQL cannot keep it in a text. */
export const readJsonBody = (bytes: Uint8Array): unknown => {
  let value: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (text.includes("\u0000") || /\\u0000/.test(text)) throw new SyntaxError("the character U+0000 is not allowed");
    value = JSON.parse(text);
  } catch (thrown) {
    throw refuse(
      "body.malformed",
      `The body is not valid JSON: ${thrown instanceof Error ? thrown.message : "unreadable"}`,
    );
  }
  return value;
};
