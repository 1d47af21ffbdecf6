import { expressionLimits } from "./limits.ts";
import { linearPattern } from "./linear-pattern.ts";

/*
 * CEL terminates, but nested comprehensions over lists that a caller chose (claims, split headers) multiply, and `cel.bind` can
 * double a string at every level. The library bounds only the syntax tree, so the checked tree is fitted with meters: each
 * operator that costs more than a constant pays for its operands before it runs, and shows its result.
 */

/** A checked node of the library's syntax tree, as far as it is fitted here. */
interface Node {
  readonly op: string;
  readonly args: unknown;
  readonly meta: { readonly alternate?: unknown; readonly macro?: unknown };
  handle?: (...operands: readonly unknown[]) => unknown;
}

/** Thrown where an evaluation exceeds its bounds. */
class ExpressionTooCostly extends Error {}

let stepsLeft = 0;

/** Runs one evaluation with a full budget. Evaluations are synchronous and do not nest. */
export const withBudget = <T>(evaluate: () => T): T => {
  stepsLeft = expressionLimits.stepsMax;
  const result = evaluate();
  // `||`, `&&` and the quantifiers may swallow an error of one operand, but not this one.
  if (stepsLeft < 0) throw tooManySteps();
  return bounded(result);
};

/** Fits meters to a checked tree, once. Throws a SyntaxError where a literal pattern of `matches` is not legal. */
export const fitMeters = (root: unknown): void => {
  const seen = new Set<object>();
  const visit = (value: unknown): void => {
    if (value === null || typeof value !== "object" || seen.has(value)) return;
    seen.add(value);
    if (Array.isArray(value)) {
      for (const entry of value) visit(entry);
      return;
    }
    if (!isNode(value)) {
      // Arguments of an expanded macro: `iterable`, `step`, `val`, `exp`, and others that are nodes.
      if (Object.getPrototypeOf(value) === Object.prototype) for (const entry of Object.values(value)) visit(entry);
      return;
    }
    fit(value);
    visit(value.args);
    visit(value.meta.alternate);
    visit(value.meta.macro);
  };
  visit(root);
};

const isNode = (value: object): value is Node => "op" in value && "meta" in value && "args" in value;

const fit = (node: Node): void => {
  const meter = node.op === "rcall" ? methodMeter(node) : meters[node.op];
  const handle = node.handle;
  if (!meter || !handle) return;
  node.handle = (...operands) => {
    const own = meter(operands);
    return bounded(own === useLibrary ? handle(...operands) : own);
  };
};

const useLibrary = Symbol("use the library's handler");
type Meter = (operands: readonly unknown[]) => unknown;

/** Charges what the operands cost. `handle` receives (left, right, ...), or the list of arguments first. */
const meters: Readonly<Record<string, Meter | undefined>> = {
  comprehension: ([iterable]) => charge(sizeOf(iterable)),
  in: ([, list]) => charge(Array.isArray(list) ? list.length : 1),
  "==": ([left, right]) => charge(deepSize(left) + deepSize(right)),
  "!=": ([left, right]) => charge(deepSize(left) + deepSize(right)),
  "+": ([left, right]) => charge(1 + ((sizeOf(left) + sizeOf(right)) >> 4)),
  call: ([args]) => charge(callCost(args)),
};

const methodMeter = (node: Node): Meter => {
  const [method, , callArguments] = Array.isArray(node.args) ? node.args : [];
  if (method === "matches") return matchesMeter(callArguments);
  if (method === "join") return ([args]) => charge(joinCost(args));
  // A time zone costs a formatter each time.
  if (typeof method === "string" && /^get[A-Z]/.test(method))
    return ([args]) => charge(Array.isArray(args) && args.length > 1 ? 400 : 1);
  return ([args]) => charge(callCost(args));
};

/** `matches` by the linear engine instead of the library's; a literal pattern is compiled when configured. */
const matchesMeter = (callArguments: unknown): Meter => {
  const pattern: unknown = Array.isArray(callArguments) ? callArguments[0] : undefined;
  if (pattern !== null && typeof pattern === "object" && isNode(pattern) && pattern.op === "value")
    linearPattern(String(pattern.args));
  return ([args]) => {
    const [text, source] = Array.isArray(args) ? args : [];
    if (typeof text !== "string" || typeof source !== "string") return useLibrary;
    charge(1 + ((text.length * (source.length + 16)) >> 8));
    return linearPattern(source).test(text);
  };
};

const charge = (steps: number): typeof useLibrary => {
  stepsLeft -= steps;
  if (stepsLeft < 0) throw tooManySteps();
  return useLibrary;
};

const tooManySteps = (): ExpressionTooCostly => new ExpressionTooCostly(`more than ${expressionLimits.stepsMax} steps`);

const callCost = (args: unknown): number => {
  if (!Array.isArray(args)) return 1;
  let cost = 1;
  for (const argument of args) cost += sizeOf(argument) >> 4;
  return cost;
};

const joinCost = (args: unknown): number => {
  const [list, separator] = Array.isArray(args) ? args : [];
  if (!Array.isArray(list)) return 1;
  let characters = list.length * (typeof separator === "string" ? separator.length : 0);
  for (const part of list) characters += sizeOf(part);
  if (characters > expressionLimits.stringCharactersMax) throw tooLong("string", expressionLimits.stringCharactersMax);
  return 1 + list.length + (characters >> 4);
};

const sizeOf = (value: unknown): number => {
  if (typeof value === "string" || Array.isArray(value) || value instanceof Uint8Array) return value.length;
  if (value instanceof Map || value instanceof Set) return value.size;
  return value !== null && typeof value === "object" ? Object.keys(value).length : 1;
};

const deepSizeMax = expressionLimits.stepsMax;

/** Elements in a value with all that is below it, counted no further than the budget goes. */
const deepSize = (value: unknown): number => {
  if (value === null || typeof value !== "object") return 0;
  let size = 1;
  for (const entry of Array.isArray(value) ? value : value instanceof Map ? value.values() : Object.values(value)) {
    size += 1 + deepSize(entry);
    if (size > deepSizeMax) break;
  }
  return size;
};

const bounded = <T>(result: T): T => {
  if (typeof result === "string" && result.length > expressionLimits.stringCharactersMax)
    throw tooLong("string", expressionLimits.stringCharactersMax);
  if (Array.isArray(result) && result.length > expressionLimits.listElementsMax)
    throw tooLong("list", expressionLimits.listElementsMax);
  return result;
};

const tooLong = (what: string, max: number): ExpressionTooCostly =>
  new ExpressionTooCostly(`a ${what} would become longer than ${max}`);
