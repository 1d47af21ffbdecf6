import { messageOf } from "../base/fault.ts";
import { jsonFault } from "./json-fault.ts";
import { pointerTo } from "./pointer.ts";

/** The places somebody asks for, as a tree: the scan goes only where a branch leads and skips the rest. */
export interface Wanted {
  /** Where the member's name begins (for an element of a list: its value). */
  key: number | undefined;
  /** Where the value begins. */
  value: number | undefined;
  readonly below: Map<string, Wanted>;
}

/** A name that an object has twice: only its last value counts. */
export interface DuplicateKey {
  readonly pointer: string;
  readonly offset: number;
}

/** Notes in `wanted` where each wanted value of a valid JSON text begins. One pass, no copies but of wanted names. */
export const locateInJson = (text: string, wanted: Wanted): void => {
  locate(text, skipSpace(text, 0), wanted);
};

/** The names that objects of a valid JSON text have more than once, in the order of the text, at most `countMax`. */
export const duplicateKeysInJson = (text: string, countMax: number): readonly DuplicateKey[] => {
  const found: DuplicateKey[] = [];
  const tokens: (string | number)[] = [];
  const visit = (start: number): number => {
    const code = text.charCodeAt(start);
    if (code === brace) {
      const seen = new Set<string>();
      return eachMember(text, start, (name, keyAt, valueAt) => {
        if (seen.has(name) && found.length < countMax) {
          found.push({ pointer: pointerTo("", ...tokens, name), offset: keyAt });
        }
        seen.add(name);
        tokens.push(name);
        const end = visit(valueAt);
        tokens.pop();
        return end;
      });
    }
    if (code === bracket) {
      return eachElement(text, start, (index, valueAt) => {
        tokens.push(index);
        const end = visit(valueAt);
        tokens.pop();
        return end;
      });
    }
    return skipScalar(text, start);
  };
  visit(skipSpace(text, 0));
  return found;
};

/** What a JSON text says (RFC 8259), or where and why it cannot be read. */
export type JsonReading =
  | { readonly value: unknown; readonly fault?: undefined }
  | { readonly fault: { readonly message: string; readonly offset: number } };

/** Reads JSON with the engine's own parser, which is many times faster than any in JavaScript. */
export const readJson = (text: string): JsonReading => {
  try {
    return { value: JSON.parse(text) };
  } catch (thrown) {
    // The engine names a position for some faults only.
    return { fault: jsonFault(text) ?? { offset: 0, message: messageOf(thrown) } };
  }
};

const quote = 0x22;
const comma = 0x2c;
const bracket = 0x5b;
const backslash = 0x5c;
const bracketEnd = 0x5d;
const brace = 0x7b;
const braceEnd = 0x7d;

const locate = (text: string, start: number, wanted: Wanted): number => {
  wanted.value = start;
  const code = text.charCodeAt(start);
  if (wanted.below.size === 0) return skipValue(text, start);
  if (code === brace) {
    return eachMember(text, start, (name, keyAt, valueAt) => {
      const next = wanted.below.get(name);
      if (next === undefined) return skipValue(text, valueAt);
      next.key = keyAt;
      return locate(text, valueAt, next);
    });
  }
  if (code === bracket) {
    return eachElement(text, start, (index, valueAt) => {
      const next = wanted.below.get(String(index));
      if (next === undefined) return skipValue(text, valueAt);
      next.key = valueAt;
      return locate(text, valueAt, next);
    });
  }
  return skipScalar(text, start);
};

type Visit<K> = (key: K, ...at: K extends string ? [keyAt: number, valueAt: number] : [valueAt: number]) => number;

const eachMember = (text: string, start: number, visit: Visit<string>): number => {
  let at = skipSpace(text, start + 1);
  while (text.charCodeAt(at) === quote) {
    const keyEnd = skipString(text, at);
    const valueAt = skipSpace(text, skipSpace(text, keyEnd) + 1);
    at = skipSpace(text, visit(nameOf(text, at, keyEnd), at, valueAt));
    if (text.charCodeAt(at) !== comma) break;
    at = skipSpace(text, at + 1);
  }
  return at + 1;
};

const eachElement = (text: string, start: number, visit: Visit<number>): number => {
  let at = skipSpace(text, start + 1);
  if (text.charCodeAt(at) === bracketEnd) return at + 1;
  for (let index = 0; at < text.length; index++) {
    at = skipSpace(text, visit(index, at));
    if (text.charCodeAt(at) !== comma) break;
    at = skipSpace(text, at + 1);
  }
  return at + 1;
};

const nameOf = (text: string, start: number, end: number): string => {
  const raw = text.slice(start + 1, end - 1);
  return raw.includes("\\") ? String(JSON.parse(`"${raw}"`)) : raw;
};

const skipValue = (text: string, start: number): number => {
  const first = text.charCodeAt(start);
  if (first !== brace && first !== bracket) return skipScalar(text, start);
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = skipString(text, at) - 1;
    else if (code === brace || code === bracket) depth++;
    else if ((code === braceEnd || code === bracketEnd) && --depth === 0) return at + 1;
  }
  return text.length;
};

const skipScalar = (text: string, start: number): number => {
  if (text.charCodeAt(start) === quote) return skipString(text, start);
  let at = start;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === comma || code === braceEnd || code === bracketEnd || code <= 0x20) break;
    at++;
  }
  return at;
};

const skipString = (text: string, start: number): number => {
  let at = start + 1;
  for (;;) {
    const end = text.indexOf('"', at);
    if (end < 0) return text.length;
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === backslash) slashes++;
    if (slashes % 2 === 0) return end + 1;
    at = end + 1;
  }
};

const skipSpace = (text: string, start: number): number => {
  let at = start;
  while (at < text.length && text.charCodeAt(at) <= 0x20) at++;
  return at;
};
