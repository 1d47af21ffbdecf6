import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { schemaPattern } from "./schema-pattern.ts";

test("patterns of schemas mean what they mean to JavaScript", () => {
  const table: readonly (readonly [pattern: string, good: readonly string[], bad: readonly string[]])[] = [
    ["^[A-Z]{2}\\d{1,20}$", ["AB1", `XY${"9".repeat(20)}`], ["A1", "AB", `AB${"9".repeat(21)}`]],
    ["^(?=.*[A-Z])(?=.*\\d)(?!.*\\s).{8,}$", ["Abcdefg1"], ["abcdefg1", "Abcdefgh", "Abc defg1", "Ab1"]],
    ["^[a-z]{1,63}(-[a-z]{1,10}){0,3}$", ["a", "a-b-c-d"], ["a-b-c-d-e", "-a"]],
    ["^\\p{Lu}\\p{L}*$", ["Élan", "A"], ["élan", "1"]],
    ["^(?<year>\\d{4})-(0[1-9]|1[0-2])$", ["2026-11"], ["2026-13"]],
    ["a{2}", ["xaax"], ["xax"]],
    ["^x{0}$", [""], ["x"]],
    ["^[\\w.+\\-]+@[\\w\\-]+(\\.[\\w\\-]+)+$", ["a.b+c@d-e.fg"], ["a@b"]],
    ["^😀$", ["😀"], ["x"]],
    ["^(ab|cd)$|^x$", ["ab", "x"], ["abx"]],
    ["^\\{[}]$", ["{}"], ["{"]],
  ];
  for (const [pattern, good, bad] of table) {
    for (const text of good) assert.ok(schemaPattern(pattern).test(text), `${pattern} takes ${text}`);
    for (const text of bad) assert.ok(!schemaPattern(pattern).test(text), `${pattern} refuses ${text}`);
  }
});

test("patterns that let the ordinary engine hang answer at once", () => {
  for (const pattern of ["^(a+)+$", "^(a|aa)+$", "^(a?){25}a{25}$", "(x+x+)+y", "^([a-z]+){1,9}$"])
    assert.equal(schemaPattern(pattern).test(`${"a".repeat(50_000)}!`), false, pattern);
});

test("what cannot be linear is refused in words", () => {
  for (const [pattern, why] of [
    ["(a)\\1", /back references/],
    ["(?<=a)b", /look-behind/],
    ["a(?=b)", /look-ahead/],
    ["^(?=a)b|c", /alternatives/],
    ["^(a{1,100}){1,100}$", /repetitions/],
    ["(", /./],
  ] as const)
    assert.throws(() => schemaPattern(pattern), why, pattern);
});

test("written in other words a pattern finds what it found before", () => {
  const atom = fc.constantFrom("a", "b", "[ab]", "(?:ab|b)", "\\w", ".");
  const piece = fc
    .tuple(atom, fc.constantFrom("", "?", "*", "+", "{2}", "{1,3}", "{2,}"))
    .map(([one, times]) => one + times);
  fc.assert(
    fc.property(
      fc.array(piece, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      fc.stringMatching(/^[abc]{0,8}$/),
      (pieces, isWhole, text) => {
        const pattern = isWhole ? `^${pieces.join("")}$` : pieces.join("");
        return schemaPattern(pattern).test(text) === new RegExp(pattern, "u").test(text);
      },
    ),
    { interruptAfterTimeLimit: 2000 },
  );
});
