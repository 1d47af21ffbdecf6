/** The longest text made for a pattern, and the most repetitions of one part. */
const lengthMax = 256;
/** Patterns longer than this are not read. */
const patternLengthMax = 512;

/**
 * A text that a simple regular expression matches, the same every time: literals, classes, groups, alternatives, quantifiers.
 * Undefined for whatever else, for what does not compile, and where the text made does not match after all.
 */
export const textForPattern = (pattern: string, lengthMin: number): string | undefined => {
  if (pattern.length > patternLengthMax) return undefined;
  const expression = compiled(pattern);
  if (expression === undefined) return undefined;
  // Most patterns with a repetition take a longer text when asked to repeat more.
  for (const repeat of [1, lengthMin]) {
    const made = alternatives({ pattern, at: 0, repeat });
    if (made !== undefined && made.length >= lengthMin && made.length <= lengthMax && expression.test(made))
      return made;
  }
  return undefined;
};

const compiled = (pattern: string): RegExp | undefined => {
  try {
    return new RegExp(pattern, "u");
  } catch {
    // Written for another dialect, or without the strictness of `u`: the caller makes a text without it.
    return undefined;
  }
};

interface Reading {
  readonly pattern: string;
  at: number;
  /** How often a part is repeated that may be repeated without end. */
  readonly repeat: number;
}

// Takes the first alternative and reads past the others.
const alternatives = (reading: Reading): string | undefined => {
  const first = sequence(reading);
  let isKnown = first !== undefined;
  while (reading.pattern[reading.at] === "|") {
    reading.at++;
    isKnown = sequence(reading) !== undefined && isKnown;
  }
  return isKnown ? first : undefined;
};

const sequence = (reading: Reading): string | undefined => {
  let made = "";
  while (reading.at < reading.pattern.length) {
    const next = reading.pattern.charAt(reading.at);
    if (next === "|" || next === ")") break;
    const atom = one(reading);
    if (atom === undefined) return undefined;
    const times = quantifier(reading);
    if (times === undefined || made.length + atom.length * times > lengthMax) return undefined;
    made += atom.repeat(times);
  }
  return made;
};

const one = (reading: Reading): string | undefined => {
  const next = reading.pattern.charAt(reading.at++);
  if (next === "^" || next === "$") return "";
  if (next === ".") return "a";
  if (next === "[") return fromClass(reading);
  if (next === "\\") return fromEscape(reading.pattern.charAt(reading.at++));
  if (next === "(") return fromGroup(reading);
  return "*+?{}]".includes(next) ? undefined : next;
};

const fromGroup = (reading: Reading): string | undefined => {
  const prefix = /^\?(?::|<[A-Za-z_]\w*>)/.exec(reading.pattern.slice(reading.at));
  if (prefix) reading.at += prefix[0].length;
  else if (reading.pattern[reading.at] === "?") return undefined;
  const made = alternatives(reading);
  if (reading.pattern[reading.at] !== ")") return undefined;
  reading.at++;
  return made;
};

const fromEscape = (letter: string): string | undefined => {
  const byClass = { d: "0", w: "a", s: " ", D: "a", W: "-", S: "a", t: "\t", n: "\n", r: "\r", b: "" }[letter];
  if (byClass !== undefined) return byClass;
  return /[A-Za-z0-9]/.test(letter) || letter === "" ? undefined : letter;
};

const fromClass = (reading: Reading): string | undefined => {
  const end = classEnd(reading.pattern, reading.at);
  if (end === undefined) return undefined;
  const body = reading.pattern.slice(reading.at, end);
  reading.at = end + 1;
  const expression = compiled(`^[${body}]$`);
  if (expression === undefined) return undefined;
  // The first readable character that the class takes, letters before digits before marks.
  return [..."aA0bB1-_ ./:xXzZ9", ...ascii].find((character) => expression.test(character));
};

const ascii = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index));

const classEnd = (pattern: string, start: number): number | undefined => {
  for (let at = start; at < pattern.length; at++) {
    if (pattern[at] === "\\") at++;
    else if (pattern[at] === "]") return at;
  }
  return undefined;
};

const quantifier = (reading: Reading): number | undefined => {
  const match = /^(?:([*+?])|\{(\d+)(,)?(\d+)?\})\??/.exec(reading.pattern.slice(reading.at));
  if (!match) return 1;
  reading.at += match[0].length;
  if (match[1] !== undefined) return match[1] === "?" ? 1 : Math.max(1, Math.min(reading.repeat, lengthMax));
  const least = Number(match[2]);
  const most = match[3] === undefined ? least : match[4] === undefined ? lengthMax : Number(match[4]);
  const times = Math.min(Math.max(least, reading.repeat), most);
  return times <= lengthMax ? times : undefined;
};
