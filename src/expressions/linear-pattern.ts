import { setFlagsFromString } from "node:v8";
import { boundedMap } from "../base/bounded-map.ts";
import { expressionLimits } from "./limits.ts";

/*
 * CEL's `matches` promises time linear in the text (it names RE2). JavaScript's ordinary engine backtracks, so that a caller who
 * chooses the text could stall a thread for minutes with `(a+)+$`. V8 carries a second engine that never backtracks; it is
 * chosen by the flag `l`, which exists once this switch is on. The switch changes no expression without that flag.
 */
setFlagsFromString("--enable-experimental-regexp-engine");

const patternsKeptMax = 256;
const kept = boundedMap<string, RegExp>(patternsKeptMax);

/**
 * A pattern that is matched in linear time. Throws a SyntaxError for what cannot be: back references, look-around, large counted
 * repetitions, and flags such as `(?i)`.
 */
export const linearPattern = (source: string): RegExp => {
  const known = kept.get(source);
  if (known) return known;
  if (source.length > expressionLimits.patternCharactersMax)
    throw new SyntaxError(`a pattern has at most ${expressionLimits.patternCharactersMax} characters`);
  const pattern = new RegExp(source, "l");
  kept.set(source, pattern);
  return pattern;
};
