import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { stringify } from "yaml";
import { pathParts, pathText } from "./finding.ts";
import { readYamlText } from "./yaml-text.ts";

const mistakesOf = (text: string): readonly string[] =>
  readYamlText(text)
    .mistakes.map(({ line, column, message }) => `${line}:${column} ${message}`)
    .sort();

test("syntax errors come with line and column, all of one text at once", () => {
  assert.deepEqual(mistakesOf("a: 1\n\tb: 2\nc: [1,\nd: @x\n"), [
    "2:1 is not valid YAML: Tabs are not allowed as indentation",
    "4:1 is not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]",
    "4:4 is not valid YAML: Plain value cannot start with reserved character @",
  ]);
});

test("duplicate keys are mistakes at the second one, at every depth", () => {
  assert.deepEqual(mistakesOf("a: 1\nb: { c: 1, c: 2 }\na: 3\n"), [
    "2:12 the key 'c' stands twice in the same place",
    "3:1 the key 'a' stands twice in the same place",
  ]);
});

test("ten thousand keys are looked through in well under a second", () => {
  const text = Array.from({ length: 10_000 }, (_, index) => `key${index}: ${index}`).join("\n");
  const started = performance.now();
  assert.deepEqual(mistakesOf(text), []);
  assert.ok(performance.now() - started < 5_000);
});

test("tags, merge keys, a second document, prototype keys and control characters are mistakes", () => {
  assert.match(mistakesOf("a: !secret x\n")[0] ?? "", /1:4 .*Unresolved tag/);
  assert.match(mistakesOf("a: !!binary aGk=\n")[0] ?? "", /Unresolved tag/);
  assert.match(mistakesOf("b: &x { a: 1 }\nc:\n  <<: *x\n")[0] ?? "", /3:3 merge keys/);
  assert.match(mistakesOf("a: 1\n---\nb: 2\n")[0] ?? "", /multiple documents/i);
  assert.match(mistakesOf("__proto__: { a: 1 }\n")[0] ?? "", /'__proto__' is not allowed/);
  assert.match(mistakesOf("a: x\u0000y\n")[0] ?? "", /1:5 holds the control character U\+0000/);
  assert.match(mistakesOf("? [a]\n: b\n")[0] ?? "", /keys must be strings/);
});

test("aliases work, but not without bounds, and not without their anchor", () => {
  assert.deepEqual(readYamlText("a: &x [1, 2]\nb: *x\n").value, { a: [1, 2], b: [1, 2] });
  const bomb = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
  for (let level = 1; level < 9; level++) {
    const [name, before] = [String.fromCharCode(97 + level), String.fromCharCode(96 + level)];
    bomb.push(`${name}: &${name} [${Array(10).fill(`*${before}`).join(", ")}]`);
  }
  const started = performance.now();
  assert.match(mistakesOf(bomb.join("\n"))[0] ?? "", /Excessive alias count/);
  assert.ok(performance.now() - started < 2_000);
  assert.match(mistakesOf("a: &a [1, *a]\n")[0] ?? "", /1:11 .*alias \*a has no anchor/);
  assert.match(mistakesOf("a: 1\nb: *gone\n")[0] ?? "", /2:4 .*alias \*gone has no anchor/);
});

test("nesting without bounds is a mistake, not a crash", () => {
  assert.match(mistakesOf("[".repeat(100_000))[0] ?? "", /nested too deeply|not valid YAML/);
  assert.match(mistakesOf(`a: ${"[".repeat(150)}${"]".repeat(150)}`)[0] ?? "", /more than 100 levels/);
});

test("a byte order mark and CRLF do not move places", () => {
  const text = readYamlText("\uFEFFfirst: 1\r\nsecond: 2\r\n");
  assert.deepEqual(text.value, { first: 1, second: 2 });
  assert.deepEqual(text.place(["first"], "value"), { line: 1, column: 8 });
  assert.deepEqual(text.place(["second"], "key"), { line: 2, column: 1 });
});

test("only YAML 1.2: `no` is a text, dates are texts", () => {
  assert.deepEqual(readYamlText("a: no\nb: 2020-01-01\nc: 0o17\n").value, { a: "no", b: "2020-01-01", c: 15 });
});

test("whatever the text is, reading it ends without throwing, and places lie inside it", () => {
  const pieces = fc.constantFrom(
    "a",
    ": ",
    "\n",
    "  ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "*a",
    "&a ",
    "!t ",
    "'",
    '"',
    "|",
    ">",
    "#",
    "\t",
    "?",
    "<<",
    "\r",
    "\uFEFF",
    "\u0000",
    "---",
    "...",
    ",",
    "%",
    "@",
  );
  fc.assert(
    fc.property(
      fc.array(pieces, { maxLength: 40 }),
      fc.array(fc.oneof(fc.string(), fc.nat(3)), { maxLength: 4 }),
      (parts, path) => {
        const text = parts.join("");
        const read = readYamlText(text);
        const lineCount = text.split("\n").length;
        for (const place of [...read.mistakes, read.place(path, "key"), read.place(path, "value")]) {
          assert.ok(place.line >= 1 && place.line <= lineCount, `line ${place.line} of ${lineCount}`);
          assert.ok(place.column >= 1);
        }
        if (read.mistakes.length > 0) assert.equal(read.value, undefined);
      },
    ),
    { interruptAfterTimeLimit: 5_000, numRuns: 3_000 },
  );
});

test("every member of a value is found where it stands", () => {
  const key = fc
    .string({ unit: "grapheme-ascii", minLength: 1, maxLength: 8 })
    .filter((text) => text !== "__proto__" && text !== "<<");
  fc.assert(
    fc.property(
      fc.dictionary(key, fc.oneof(fc.integer(), fc.array(fc.integer(), { minLength: 1, maxLength: 3 })), {
        minKeys: 1,
        noNullPrototype: true,
      }),
      (value) => {
        const text = stringify(value);
        const read = readYamlText(text);
        assert.deepEqual(read.mistakes, []);
        assert.deepEqual(read.value, value);
        for (const name of Object.keys(value)) assert.ok(read.has([name]));
        const lines = Object.keys(value).map((name) => read.place([name], "key").line);
        assert.equal(new Set(lines).size, lines.length, "each key of a block mapping has its own line");
      },
    ),
    { interruptAfterTimeLimit: 5_000, numRuns: 500 },
  );
});

test("a path is taken apart as it was written", () => {
  const part = fc.oneof(fc.nat(50), fc.string({ minLength: 1, maxLength: 10 }));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (path) => {
      // A number that stands first has no bracket to lose: paths of files begin with a name.
      assert.deepEqual(pathParts(pathText(["root", ...path])), ["root", ...path]);
    }),
    { interruptAfterTimeLimit: 3_000 },
  );
});
