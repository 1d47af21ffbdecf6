import { type Clock, systemClock } from "../base/clock.ts";
import type { MessageName, Value, ValueTypes } from "../exchange/policy.ts";
import { compileExpression, type ResultType } from "./expression.ts";

/** What a value is compiled with. */
export interface ValueTools {
  readonly clock?: Clock;
  mistake(message: string): void;
  /** Told of the messages whose bodies the value reads: they must be here as a whole before it is asked. */
  reads?(message: MessageName): void;
}

/**
 * A literal, or with a leading `=` a CEL expression; `\=` begins a literal with `=`. Mistakes are reported, and the value that is
 * answered then throws when it is asked.
 */
export const compileValue = <K extends ResultType>(
  source: unknown,
  type: K,
  tools: ValueTools,
): Value<ValueTypes[K]> => {
  const text = typeof source === "string" ? source : undefined;
  if (text?.startsWith("@(") || text?.startsWith("@{")) {
    tools.mistake("C# expressions are not available in this version: write a CEL expression with a leading `=`");
    return impossible;
  }
  if (text?.startsWith("=")) {
    const expression = compileExpression(text.slice(1), type, tools.clock ?? systemClock);
    if (expression.mistake !== undefined) {
      tools.mistake(`expression ${expression.line}:${expression.column + 1}: ${expression.mistake}`);
      return impossible;
    }
    for (const message of expression.reads) tools.reads?.(message);
    return { constant: undefined, of: expression.evaluate };
  }
  const literal = literals[type](text?.startsWith("\\=") ? text.slice(1) : source);
  if (literal === undefined) {
    tools.mistake(`a ${type === "any" ? "value" : type} is needed here, or an expression with a leading \`=\``);
    return impossible;
  }
  return { constant: literal, of: () => literal };
};

/** Reads a literal of each type; undefined where it is none. XML attributes are always text, so numbers and booleans may be. */
const literals: { readonly [K in ResultType]: (source: unknown) => ValueTypes[K] | undefined } = {
  string: (source) =>
    typeof source === "string" || typeof source === "number" || typeof source === "boolean"
      ? String(source)
      : undefined,
  number: (source) => {
    if (typeof source === "number") return Number.isFinite(source) ? source : undefined;
    return typeof source === "string" && /^-?\d+(\.\d+)?$/.test(source) ? Number(source) : undefined;
  },
  boolean: (source) => {
    if (typeof source === "boolean") return source;
    return source === "true" ? true : source === "false" ? false : undefined;
  },
  any: (source) => source,
};

const impossible: Value<never> = {
  constant: undefined,
  of: () => {
    throw new Error("a value with a mistake was used");
  },
};
