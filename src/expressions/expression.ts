import { TypeError as CelTypeError, Optional, ParseError } from "@marcbachmann/cel-js";
import { UnsignedInt } from "@marcbachmann/cel-js/evaluator";
import { type Clock, systemClock } from "../base/clock.ts";
import { Fault, messageOf } from "../base/fault.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { MessageName, ValueTypes } from "../exchange/policy.ts";
import { bodyReads } from "./body-reads.ts";
import { fitMeters, withBudget } from "./budget.ts";
import { celEnvironment, timestampText } from "./environment.ts";
import { expressionLimits } from "./limits.ts";
import { plainValue } from "./plain-value.ts";
import { Scope } from "./scope.ts";

/** What the result of an expression is converted to: `any` keeps integers as bigint and everything else as it is. */
export type ResultType = keyof ValueTypes;

/** An expression ready to run, or why it cannot be. Lines and columns count from 1, within the expression. */
export type CompiledExpression<T> =
  | {
      readonly evaluate: (x: Exchange) => T;
      /** Messages whose bodies must be here as a whole before it is evaluated. */
      readonly reads: readonly MessageName[];
      readonly mistake?: never;
    }
  | {
      readonly evaluate?: never;
      readonly reads?: never;
      readonly mistake: string;
      readonly line: number;
      readonly column: number;
    };

/**
 * Compiles a CEL expression over an exchange. Syntax, types and names are checked here; what remains for a call is a closure.
 * Evaluation throws a Fault `policy.fault` where the expression fails (a header that is absent, a bound that is passed).
 */
export const compileExpression = <K extends ResultType>(
  source: string,
  type: K,
  clock: Clock = systemClock,
): CompiledExpression<ValueTypes[K]> => {
  if (source.length > expressionLimits.sourceCharactersMax)
    return {
      mistake: `an expression has at most ${expressionLimits.sourceCharactersMax} characters`,
      line: 1,
      column: 1,
    };
  if (source.trim() === "") return { mistake: "an expression is empty", line: 1, column: 1 };
  let run: (context: Scope) => unknown;
  let reads: readonly MessageName[];
  try {
    const parsed = celEnvironment.parse(source);
    const checked = parsed.check();
    if (!checked.valid) return mistakeOf(checked.error, source);
    const resultType = checked.type ?? "dyn";
    const refusal = conversions[type].refuse(resultType);
    if (refusal !== undefined) return { mistake: refusal, line: 1, column: 1 };
    const steps: unknown = parsed.ast;
    reads = bodyReads(steps);
    fitMeters(steps);
    run = parsed;
  } catch (thrown) {
    return mistakeOf(thrown, source);
  }
  const convert = conversions[type].convert;
  return {
    reads,
    evaluate: (x) => {
      try {
        return convert(withBudget(() => run(new Scope(x, clock))));
      } catch (thrown) {
        throw new Fault("policy.fault", {
          public: "An expression of the API's policy failed.",
          internal: `expression ${source}: ${summaryOf(thrown)}`,
          cause: thrown,
        });
      }
    },
  };
};

interface Conversion<T> {
  /** Why a static type can never become this, or undefined. */
  refuse(type: string): string | undefined;
  convert(result: unknown): T;
}

const scalarTypes = /^(string|int|uint|double|bool|google\.protobuf\.(Timestamp|Duration))$/;
const isDynamic = (type: string): boolean => /^(dyn|optional<)/.test(type);

const conversions: { readonly [K in ResultType]: Conversion<ValueTypes[K]> } = {
  string: {
    refuse: (type) =>
      isDynamic(type) || scalarTypes.test(type) ? undefined : `gives a ${type}, but a string is needed here`,
    convert: (result) => textOf(result),
  },
  number: {
    refuse: (type) =>
      isDynamic(type) || /^(int|uint|double)$/.test(type)
        ? undefined
        : `gives a ${type}, but a number is needed here${type === "string" ? ": write int(...) or double(...)" : ""}`,
    convert: (result) => numberOf(result),
  },
  boolean: {
    refuse: (type) => (isDynamic(type) || type === "bool" ? undefined : `gives a ${type}, but a bool is needed here`),
    convert: (result) => {
      const value = unwrapped(result);
      if (typeof value === "boolean") return value;
      throw new RangeError(`gave ${describe(value)}, but a bool is needed`);
    },
  },
  any: { refuse: () => undefined, convert: (result) => unwrapped(result) },
};

const textOf = (result: unknown): string => {
  const value = unwrapped(result);
  switch (typeof value) {
    case "string":
      return value;
    case "number":
    case "bigint":
    case "boolean":
      return String(value);
    default:
      break;
  }
  if (value instanceof Date) return timestampText(value);
  if (value instanceof UnsignedInt) return value.toString();
  const plain = plainValue(value);
  if (typeof plain === "string" && !(value instanceof Uint8Array)) return plain;
  throw new RangeError(`gave ${describe(value)}, but a string is needed`);
};

const numberOf = (result: unknown): number => {
  const value = unwrapped(result);
  const number = value instanceof UnsignedInt ? Number(value.valueOf()) : Number(value);
  const isNumeric = typeof value === "number" || typeof value === "bigint" || value instanceof UnsignedInt;
  if (!isNumeric || !Number.isFinite(number)) throw new RangeError(`gave ${describe(value)}, but a number is needed`);
  if (typeof value === "bigint" && !Number.isSafeInteger(number))
    throw new RangeError("gave an integer beyond 2^53, which is not exact as a number");
  return number;
};

/** An optional stands for its value; an empty one has none to give. */
const unwrapped = (result: unknown): unknown => {
  if (!(result instanceof Optional)) return result;
  if (!result.hasValue()) throw new RangeError("gave an empty optional: add .orValue(...)");
  return result.value();
};

const describe = (value: unknown): string => {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (value instanceof Map || typeof value === "object") return "a map";
  return `a ${typeof value}`;
};

const mistakeOf = (thrown: unknown, source: string): CompiledExpression<never> => {
  const start = thrown instanceof ParseError || thrown instanceof CelTypeError ? (thrown.range?.start ?? 0) : 0;
  const before = source.slice(0, start).split("\n");
  return { mistake: summaryOf(thrown), line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
};

/** One line: the library's messages go on with the source and a pointer below it. */
const summaryOf = (thrown: unknown): string => messageOf(thrown).split("\n")[0] ?? "";
