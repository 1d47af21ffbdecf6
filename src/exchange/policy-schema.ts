import { z } from "zod";
import { durationMs, durationPattern } from "../base/duration.ts";
import { tokenPattern } from "./headers.ts";

/*
 * Pieces of configuration that several policies share. They live here because policies never import each other.
 */

/** A duration as people write it, in milliseconds: `60s`, `5m`; a bare number counts in seconds. */
export const durationAttribute: z.ZodType<number, string | number> = z
  .union([z.string().meta({ pattern: durationPattern }), z.number()])
  .transform((value, context) => {
    const ms = durationMs(value);
    if (ms !== undefined) return ms;
    context.addIssue({ code: "custom", message: "write a duration such as 60s, 5m, 1h, or seconds as a bare number" });
    return z.NEVER;
  });

/** A duration as people write it, kept as it is written. */
export const durationText: z.ZodType<string | number> = z
  .union([z.string().meta({ pattern: durationPattern }), z.number().nonnegative()])
  .refine((value) => durationMs(value) !== undefined, "write a duration such as 500ms, 60s, 5m, 1h or 7d");

/** A value that may be an expression: text with a leading `=`, or a literal of the type. */
export const textValue: z.ZodType<string | number | boolean> = z.union([z.string(), z.number(), z.boolean()]);
/** A number, or an expression that gives one. */
export const numberValue: z.ZodType<string | number> = z.union([z.number(), z.string()]);
/** A boolean, or an expression that gives one. */
export const booleanValue: z.ZodType<string | boolean> = z.union([z.boolean(), z.string()]);

/** One of a thing or a list of it: what XML writes as repeated elements. */
export const oneOrMany = <T extends z.ZodType>(
  entry: T,
  max: number,
): z.ZodType<z.output<T>[], z.input<T> | z.input<T>[]> =>
  z
    .union([z.array(entry).max(max), entry])
    .transform((value): z.output<T>[] => (Array.isArray(value) ? value : [value])) as unknown as z.ZodType<
    z.output<T>[],
    z.input<T> | z.input<T>[]
  >;

/** A header name. */
export const headerNameAttribute: z.ZodType<string> = z
  .string()
  .max(256)
  .regex(tokenPattern, "a header name has only letters, digits and !#$%&'*+-.^_`|~");

/** The name of a variable: what `variables.NAME` can read. */
export const variableNameAttribute: z.ZodType<string> = z
  .string()
  .min(1)
  .max(100)
  .regex(
    /^[A-Za-z_][A-Za-z0-9_.-]*$/,
    "a variable's name begins with a letter or '_' and has letters, digits, '_', '-', '.'",
  );

/** A status code of a final reply. */
export const statusAttribute: z.ZodType<number> = z.int().min(200).max(599);
