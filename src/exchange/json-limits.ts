/** What a JSON text may be made of. */
export interface JsonLimits {
  readonly depth: number;
  readonly entries: number;
  readonly elements: number;
  readonly nameLength: number;
  readonly stringLength: number;
  readonly numberLength: number;
  readonly allowsDuplicates: boolean;
}

/** Why a text was given up; null: nothing yet. */
export type JsonFault = string | null;

/** Reads a JSON text in pieces, as they come, and stops at the first thing beyond its limits. */
export interface JsonScanner {
  /** Takes the next bytes; what it answers once, it answers ever after. */
  push(bytes: Uint8Array): JsonFault;
  /** The end of the text: answers whether it was whole. */
  end(): JsonFault;
}

interface Level {
  readonly isObject: boolean;
  count: number;
  readonly names: Set<string> | null;
}

type Expect = "value" | "value-or-end" | "name" | "name-or-end" | "colon" | "comma-or-end" | "nothing";

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
const literalPattern = /^(?:true|false|null)$/;
const numberPattern = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * A scanner that holds one level per depth, the names of open objects where duplicates matter, and the token it stands in: never the
 * text. Knows RFC 8259's grammar, so that what it passes is JSON.
 */
export const jsonScanner = (limits: JsonLimits): JsonScanner => {
  const levels: Level[] = [];
  let expect: Expect = "value";
  let fault: JsonFault = null;
  /** The token that is open: none, a string (value or name), a literal. */
  let token: "none" | "string" | "name" | "literal" = "none";
  let text: number[] = [];
  let length = 0;
  let escapeLeft = 0;

  const top = (): Level | undefined => levels.at(-1);
  const fail = (why: string): undefined => {
    fault ??= why;
    return undefined;
  };
  const valueEnds = (): undefined => {
    expect = levels.length === 0 ? "nothing" : "comma-or-end";
  };
  const valueBegins = (): undefined => {
    const level = top();
    if (level === undefined || level.isObject) return;
    level.count += 1;
    if (level.count > limits.elements) fail(`a list has more than ${limits.elements} elements`);
  };
  const open = (isObject: boolean): undefined => {
    if (expect !== "value" && expect !== "value-or-end") return fail("it is not JSON");
    valueBegins();
    if (levels.length >= limits.depth) return fail(`it is nested more than ${limits.depth} deep`);
    levels.push({ isObject, count: 0, names: isObject && !limits.allowsDuplicates ? new Set() : null });
    expect = isObject ? "name-or-end" : "value-or-end";
  };
  const close = (isObject: boolean): undefined => {
    const isEmptyEnd = expect === (isObject ? "name-or-end" : "value-or-end");
    if (top()?.isObject !== isObject || (!isEmptyEnd && expect !== "comma-or-end")) return fail("it is not JSON");
    levels.pop();
    valueEnds();
  };
  const nameEnds = (): undefined => {
    const level = top();
    if (level === undefined) return fail("it is not JSON");
    level.count += 1;
    if (level.count > limits.entries) fail(`an object has more than ${limits.entries} properties`);
    expect = "colon";
    if (level.names === null) return;
    const raw = Buffer.from(text).toString("utf8");
    let name: unknown;
    try {
      // Two spellings of a name are one name: "a" and "\\u0061".
      name = JSON.parse(`"${raw}"`);
    } catch {
      // An escape that is none, or a control character.
      return fail("it is not JSON");
    }
    if (level.names.has(String(name))) fail("an object has the same property twice");
    level.names.add(String(name));
  };
  const literalEnds = (): undefined => {
    const word = Buffer.from(text).toString("latin1");
    token = "none";
    if (!literalPattern.test(word) && !numberPattern.test(word)) return fail("it is not JSON");
    valueEnds();
  };
  const begin = (byte: number): undefined => {
    if (byte === 0x22) {
      const isName = expect === "name" || expect === "name-or-end";
      if (!isName && expect !== "value" && expect !== "value-or-end") return fail("it is not JSON");
      if (!isName) valueBegins();
      token = isName ? "name" : "string";
      text = [];
      length = 0;
      escapeLeft = 0;
      return;
    }
    if (byte === 0x7b || byte === 0x5b) return open(byte === 0x7b);
    if (byte === 0x7d || byte === 0x5d) return close(byte === 0x7d);
    if (byte === 0x3a && expect === "colon") {
      expect = "value";
      return;
    }
    if (byte === 0x2c && expect === "comma-or-end") {
      expect = top()?.isObject === true ? "name" : "value";
      return;
    }
    if (expect !== "value" && expect !== "value-or-end") return fail("it is not JSON");
    valueBegins();
    token = "literal";
    text = [byte];
  };
  const inString = (byte: number): undefined => {
    if (escapeLeft > 0) {
      if (escapeLeft === 5 && byte !== 0x75) {
        if (!'"\\/bfnrt'.includes(String.fromCharCode(byte))) fail("it is not JSON");
        escapeLeft = 0;
      } else {
        if (escapeLeft < 5 && !/[0-9a-fA-F]/.test(String.fromCharCode(byte))) fail("it is not JSON");
        escapeLeft -= 1;
      }
    } else if (byte === 0x5c) escapeLeft = 5;
    else if (byte === 0x22) {
      const wasName = token === "name";
      token = "none";
      if (wasName) nameEnds();
      else valueEnds();
      return;
    } else if (byte < 0x20) return fail("it is not JSON");
    length += 1;
    const max = token === "name" ? limits.nameLength : limits.stringLength;
    if (length > max) return fail(`a ${token === "name" ? "property's name" : "text"} has more than ${max} bytes`);
    if (token === "name" && !limits.allowsDuplicates) text.push(byte);
  };
  const take = (byte: number): undefined => {
    if (token === "string" || token === "name") return inString(byte);
    if (token === "literal") {
      const ends = isSpace(byte) || byte === 0x2c || byte === 0x7d || byte === 0x5d;
      if (!ends) {
        text.push(byte);
        if (text.length > limits.numberLength) fail(`a number has more than ${limits.numberLength} characters`);
        return;
      }
      literalEnds();
    }
    if (!isSpace(byte) && fault === null) begin(byte);
  };

  return {
    push: (bytes) => {
      for (let index = 0; index < bytes.length && fault === null; index++) take(bytes[index] ?? 0);
      return fault;
    },
    end: () => {
      if (token === "literal" && fault === null) literalEnds();
      if (fault === null && expect !== "nothing") fail("it is not JSON");
      return fault;
    },
  };
};
