import { setFlagsFromString } from "node:v8";

/*
 * Patterns of schemas meet texts that a caller chooses: JavaScript's ordinary engine could be stalled for minutes with `(a+)+$`. V8's
 * engine without backtracking is chosen by the flag `l`; it knows neither counted repetitions nor look-ahead nor Unicode properties, so
 * that these are written in other words first.
 */
setFlagsFromString("--enable-experimental-regexp-engine");

/** What a pattern may come to when its counted repetitions are written out. */
const patternCharactersMax: number = 6000;

/** A pattern of a schema. */
export interface SchemaPattern {
  test(text: string): boolean;
}

/**
 * A pattern whose time is linear in the text. Counted repetitions are written out, `^(?=A)(?!B)C` becomes three patterns, `\p{..}` the
 * characters it stands for (below U+10000; `.` is one UTF-16 unit). Throws a SyntaxError for what cannot be linear: back references,
 * look-behind, look-ahead elsewhere, and for repetitions that come to more than `patternCharactersMax`.
 */
export const schemaPattern = (source: string): SchemaPattern => {
  // What is no pattern at all is said in the ordinary engine's words.
  const plain = asRegExp(source);
  if (isTrivial(source)) return plain;
  const parts = { index: 0, source, looks: [] as { readonly source: string; readonly isWanted: boolean }[] };
  const isAnchored = source.startsWith("^");
  if (isAnchored) {
    parts.index = 1;
    leadingLooks(parts);
  }
  const rest = alternatives(parts);
  if (parts.index < source.length) throw new SyntaxError("unmatched `)`");
  if (isAnchored && parts.looks.length > 0 && hasAlternatives(source))
    throw new SyntaxError("alternatives beside look-ahead cannot be matched in linear time");
  const main = linear(isAnchored ? `^${rest}` : rest);
  const looks = parts.looks.map((look) => ({ pattern: linear(`^(?:${look.source})`), isWanted: look.isWanted }));
  if (looks.length === 0) return main;
  return { test: (text) => looks.every((look) => look.pattern.test(text) === look.isWanted) && main.test(text) };
};

const asRegExp = (source: string): RegExp => {
  try {
    return new RegExp(source, "u");
  } catch {
    // Many documents escape what needs no escape, which only the older syntax allows.
    return new RegExp(source);
  }
};

// Anchored, no group, at most one repetition of open length: one way to match, whatever the text.
const isTrivial = (source: string): boolean => {
  const bare = source.replace(/\\[^\d]/g, "x").replace(/\[[^\]]*\]/g, "x");
  if (!bare.startsWith("^") || /[()|\\[\]]/.test(bare)) return false;
  return (bare.match(/[*+?]|\{\d+,\d*\}/g) ?? []).length <= 1;
};

const linear = (source: string): RegExp => {
  if (source.length > patternCharactersMax)
    throw new SyntaxError(`its repetitions come to more than ${patternCharactersMax} characters`);
  try {
    return new RegExp(source, "l");
  } catch (cause) {
    throw new SyntaxError("it cannot be matched in time linear in the text", { cause });
  }
};

interface Reading {
  index: number;
  readonly source: string;
  readonly looks: { readonly source: string; readonly isWanted: boolean }[];
}

const leadingLooks = (at: Reading): void => {
  for (;;) {
    const isWanted = at.source.startsWith("(?=", at.index);
    if (!isWanted && !at.source.startsWith("(?!", at.index)) return;
    at.index += 3;
    const source = alternatives(at);
    if (at.source[at.index] !== ")") throw new SyntaxError("a group is not closed");
    at.index += 1;
    at.looks.push({ source, isWanted });
  }
};

const hasAlternatives = (source: string): boolean => {
  let depth = 0;
  for (let index = 0; index < source.length; index++) {
    const sign = source[index];
    if (sign === "\\") index += 1;
    else if (sign === "[") index = classEnd(source, index);
    else if (sign === "(") depth += 1;
    else if (sign === ")") depth -= 1;
    else if (sign === "|" && depth === 0) return true;
  }
  return false;
};

const alternatives = (at: Reading): string => {
  let made = "";
  while (at.index < at.source.length && at.source[at.index] !== ")") {
    if (at.source[at.index] === "|") {
      made += "|";
      at.index += 1;
      continue;
    }
    made += repeated(atom(at), at);
    if (made.length > patternCharactersMax)
      throw new SyntaxError(`its repetitions come to more than ${patternCharactersMax} characters`);
  }
  return made;
};

const repeated = (one: string, at: Reading): string => {
  const found = /^(?:[*+?]|\{(\d+)(,(\d*))?\})\??/.exec(at.source.slice(at.index, at.index + 24));
  if (found === null) return one;
  at.index += found[0].length;
  if (found[1] === undefined) return one + (found[0][0] ?? "");
  const least = Number(found[1]);
  const most = found[2] === undefined ? least : found[3] === "" ? undefined : Number(found[3]);
  const length = one.length * Math.max(least, most ?? 0);
  if (length > patternCharactersMax)
    throw new SyntaxError(`its repetitions come to more than ${patternCharactersMax} characters`);
  if (most === undefined) return `${one.repeat(least)}${one}*`;
  return one.repeat(least) + `${one}?`.repeat(most - least);
};

const atom = (at: Reading): string => {
  const sign = at.source[at.index] ?? "";
  if (sign === "(") return group(at);
  if (sign === "[") {
    const end = classEnd(at.source, at.index);
    const text = at.source.slice(at.index, end + 1);
    at.index = end + 1;
    return text.replace(/\\([pP])\{([^}]+)\}/g, (_, kind: string, name: string) => propertyRanges(name, kind === "P"));
  }
  if (sign === "\\") return escaped(at);
  const code = at.source.codePointAt(at.index) ?? 0;
  at.index += code > 0xffff ? 2 : 1;
  if (code > 0xffff) return `(?:${String.fromCodePoint(code)})`;
  return sign === "{" || sign === "}" ? `\\${sign}` : sign;
};

const group = (at: Reading): string => {
  const head = /^\((?:\?(?::|<(?![=!])[^>]*>))?/.exec(at.source.slice(at.index, at.index + 80));
  const opening = head?.[0] ?? "(";
  if (opening === "(" && at.source[at.index + 1] === "?")
    throw new SyntaxError(
      "look-ahead that does not stand behind a leading `^`, look-behind and flags cannot be linear",
    );
  at.index += opening.length;
  const inner = alternatives(at);
  if (at.source[at.index] !== ")") throw new SyntaxError("a group is not closed");
  at.index += 1;
  return `(?:${inner})`;
};

const classEnd = (source: string, from: number): number => {
  for (let index = from + 1; index < source.length; index++) {
    if (source[index] === "\\") index += 1;
    else if (source[index] === "]") return index;
  }
  throw new SyntaxError("a class is not closed");
};

const escaped = (at: Reading): string => {
  const rest = at.source.slice(at.index, at.index + 80);
  const property = /^\\([pP])\{([^}]+)\}/.exec(rest);
  if (property !== null) {
    at.index += property[0].length;
    return `[${propertyRanges(property[2] ?? "", property[1] === "P")}]`;
  }
  const point = /^\\u\{([0-9a-fA-F]+)\}/.exec(rest);
  if (point !== null) {
    at.index += point[0].length;
    return `(?:${String.fromCodePoint(Number.parseInt(point[1] ?? "0", 16)).replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")})`;
  }
  if (/^\\[1-9k]/.test(rest)) throw new SyntaxError("back references cannot be matched in linear time");
  const text = /^\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|c[A-Za-z]|[\s\S])/.exec(rest)?.[0];
  if (text === undefined) throw new SyntaxError("a backslash stands at the end");
  at.index += text.length;
  return text;
};

const ranges = new Map<string, string>();

/** The characters below U+10000 with a property, as the inside of a class. Bounded by the properties that Unicode has. */
const propertyRanges = (name: string, isInverted: boolean): string => {
  const key = `${isInverted ? "P" : "p"}{${name}}`;
  const known = ranges.get(key);
  if (known !== undefined) return known;
  const pattern = new RegExp(`^\\${key}$`, "u");
  let made = "";
  let start = -1;
  for (let code = 0; code <= 0x10000; code++) {
    const isIn = code < 0x10000 && pattern.test(String.fromCharCode(code));
    if (isIn && start < 0) start = code;
    if (isIn || start < 0) continue;
    made += start === code - 1 ? unit(start) : `${unit(start)}-${unit(code - 1)}`;
    start = -1;
  }
  ranges.set(key, made);
  return made;
};

const unit = (code: number): string => `\\u${code.toString(16).padStart(4, "0")}`;
