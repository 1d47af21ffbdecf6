import { z } from "zod";
import { nearest } from "./nearest.ts";

/** A breach of a schema with its place in the value, in words for people. */
export interface SchemaIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly next?: string;
  /** Whether the name or the value at `path` is what is wrong. */
  readonly at: "key" | "value";
  /** The schema knows no field of that name. */
  readonly isUnknown?: true;
}

/** An issue in one text: what is wrong, and what was probably meant. */
export const issueText = ({ message, next }: Pick<SchemaIssue, "message" | "next">): string =>
  next === undefined ? message : `${message}. ${next}`;

type Issue = z.core.$ZodIssue;

/** Says what is wrong with `value`, everything at once; empty where the schema accepts it. */
export const schemaIssues = (schema: z.ZodType, value: unknown, error: z.ZodError): readonly SchemaIssue[] =>
  error.issues.flatMap((issue) => explain(schema, value, issue, []));

const explain = (
  schema: z.ZodType,
  root: unknown,
  issue: Issue,
  above: readonly PropertyKey[],
): readonly SchemaIssue[] => {
  const path = [...above, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    const known = fieldsAt(schema, path);
    return issue.keys.map((key) => ({
      path: [...path, key],
      at: "key",
      isUnknown: true,
      message: `unknown field '${key}'`,
      ...suggestion(key, known),
    }));
  }
  if (issue.code === "invalid_key") {
    const reason = issue.issues[0]?.message;
    return [
      {
        path,
        at: "key",
        message: `the name '${String(path.at(-1))}' is not allowed${reason === undefined ? "" : `: ${reason}`}`,
      },
    ];
  }
  if (issue.code === "invalid_union") return explainUnion(schema, root, issue, path);
  const isMissing = path.length > 0 && !existsAt(root, path);
  if (isMissing) return [{ path, at: "key", message: `the field '${String(path.at(-1))}' is missing` }];
  if (issue.code === "invalid_type")
    return [{ path, at: "value", ...typeMessage(issue.expected, valueAt(root, path)) }];
  if (issue.code === "invalid_value") {
    const options = issue.values.map(String);
    return [
      {
        path,
        at: "value",
        message: `${shown(valueAt(root, path))} is not one of ${options.join(", ")}`,
        ...suggestion(String(valueAt(root, path)), options),
      },
    ];
  }
  return [{ path, at: "value", message: sentence(issue.message) }];
};

const explainUnion = (
  schema: z.ZodType,
  root: unknown,
  issue: Extract<Issue, { readonly code: "invalid_union" }>,
  path: readonly PropertyKey[],
): readonly SchemaIssue[] => {
  const value = valueAt(root, path);
  if (issue.errors.length === 0) {
    const options = "options" in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
    if (!existsAt(root, path)) {
      return [
        {
          path,
          at: "key",
          message: `the field '${String(path.at(-1))}' is missing`,
          next: `It is one of ${options.join(", ")}.`,
        },
      ];
    }
    return [
      {
        path,
        at: "value",
        message: `${shown(value)} is not one of ${options.join(", ")}`,
        ...suggestion(String(value), options),
      },
    ];
  }
  const isPlain = !issue.message.startsWith("Invalid input");
  if (isPlain) return [{ path, at: "value", message: sentence(issue.message) }];
  if (value === undefined && path.length > 0)
    return [{ path, at: "key", message: `the field '${String(path.at(-1))}' is missing` }];
  // The branch that the writer meant is the one that accepts the value's type; among those, the one with the fewest complaints.
  const branches = issue.errors.filter(
    (branch) => !branch.some((one) => one.code === "invalid_type" && one.path.length === 0),
  );
  if (branches.length === 0) {
    const kinds = issue.errors.flatMap((branch) =>
      branch.map((one) => (one.code === "invalid_type" ? one.expected : "value")),
    );
    return [
      {
        path,
        at: "value",
        message: `expected ${[...new Set(kinds)].map(withArticle).join(" or ")}, found ${kindOf(value)}`,
      },
    ];
  }
  const best = branches.reduce((least, branch) => (branch.length < least.length ? branch : least));
  return best.flatMap((one) => explain(schema, root, one, path));
};

const suggestion = (word: string, known: readonly string[]): { readonly next?: string } => {
  const meant = nearest(word, known);
  if (meant !== undefined) return { next: `Did you mean '${meant}'?` };
  return known.length === 0 || known.length > 30 ? {} : { next: `Known: ${known.join(", ")}.` };
};

const typeMessage = (expected: string, value: unknown): { readonly message: string; readonly next?: string } => {
  const message = `expected ${withArticle(expected)}, found ${kindOf(value)}`;
  const isUnquoted = expected === "string" && (typeof value === "number" || typeof value === "boolean");
  return isUnquoted ? { message, next: `Put it in quotes: "${String(value)}".` } : { message };
};

const withArticle = (kind: string): string => {
  const name =
    kind === "record" || kind === "object"
      ? "mapping"
      : kind === "array"
        ? "list"
        : kind === "int"
          ? "whole number"
          : kind;
  return `${/^[aeiou]/.test(name) ? "an" : "a"} ${name}`;
};

const kindOf = (value: unknown): string => {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  return `the ${typeof value} ${shown(value)}`;
};

const shown = (value: unknown): string => {
  const text = typeof value === "string" ? `'${value}'` : (JSON.stringify(value) ?? "nothing");
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
};

const sentence = (message: string): string => {
  const plain = message.replace(/^Invalid input: /, "");
  return /^[A-Z][a-z]/.test(plain) ? plain.charAt(0).toLowerCase() + plain.slice(1) : plain;
};

const existsAt = (root: unknown, path: readonly PropertyKey[]): boolean => {
  const holder = valueAt(root, path.slice(0, -1));
  const last = path.at(-1);
  return typeof holder === "object" && holder !== null && last !== undefined && Object.hasOwn(holder, last);
};

const valueAt = (root: unknown, path: readonly PropertyKey[]): unknown => {
  let value = root;
  for (const part of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = Reflect.get(value, part);
  }
  return value;
};

/** The names of the fields that a schema knows at a path, over all branches that lead there. */
const fieldsAt = (schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] => {
  let here = unfold(schema);
  for (const part of path) here = here.flatMap((one) => step(one, part)).flatMap(unfold);
  return [...new Set(here.flatMap((one) => (one instanceof z.ZodObject ? Object.keys(one.shape) : [])))];
};

const step = (schema: z.core.$ZodType, part: PropertyKey): readonly z.core.$ZodType[] => {
  if (schema instanceof z.ZodObject) {
    const field: z.core.$ZodType | undefined = schema.shape[String(part)];
    return field === undefined ? [] : [field];
  }
  if (schema instanceof z.ZodRecord) return [schema.valueType];
  if (schema instanceof z.ZodArray) return [schema.element];
  return [];
};

const unfold = (schema: z.core.$ZodType): readonly z.core.$ZodType[] => {
  if (schema instanceof z.ZodOptional) return unfold(schema.unwrap());
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(unfold);
  return [schema];
};
