import assert from "node:assert/strict";
import { test } from "node:test";
import { testExchange } from "../exchange/testing-exchange.ts";
import type { ResultType } from "./expression.ts";
import { plainValue } from "./plain-value.ts";
import { compileValue } from "./value.ts";

const x = testExchange({ headers: { a: "1" } });
const compile = <K extends ResultType>(source: unknown, type: K) => {
  const mistakes: string[] = [];
  return { value: compileValue(source, type, { mistake: (message) => mistakes.push(message) }), mistakes };
};

test("a leading = makes an expression, and a backslash before it a literal", () => {
  assert.equal(compile("=request.headers.a + 'x'", "string").value.of(x), "1x");
  assert.equal(compile("=request.headers.a", "string").value.constant, undefined);
  assert.equal(compile("\\=literal", "string").value.constant, "=literal");
  assert.equal(compile("plain", "string").value.of(x), "plain");
});

test("literals are read as their type, also as text, which is all that XML has", () => {
  assert.equal(compile(7, "string").value.constant, "7");
  assert.equal(compile("60", "number").value.constant, 60);
  assert.equal(compile("true", "boolean").value.constant, true);
  assert.deepEqual(compile({ a: 1 }, "any").value.constant, { a: 1 });
});

test("what is no value of the type is a mistake, and so is a failing expression with its place", () => {
  assert.match(compile("six", "number").mistakes[0] ?? "", /a number is needed/);
  assert.match(compile("yes", "boolean").mistakes[0] ?? "", /a boolean is needed/);
  assert.match(compile([], "string").mistakes[0] ?? "", /a string is needed/);
  // The column counts the leading `=`, so that it is the column in the configured text.
  assert.match(compile("=request.nope", "string").mistakes[0] ?? "", /^expression 1:\d+: No such key: nope$/);
  assert.match(compile("@(context.Request.Method)", "string").mistakes[0] ?? "", /C# expressions are not available/);
  assert.throws(() => compile("=nope", "string").value.of(x), /mistake/);
});

test("a result becomes plain JSON: integers, times and bytes included", () => {
  const result = compile(
    "={'n': 1, 'big': 9007199254740993, 'u': 2u, 'at': timestamp('2026-01-01T00:00:00.5Z'), 'for': duration('1500ms'), 'raw': b'ab', 'list': [1, null]}",
    "any",
  ).value.of(x);
  assert.equal(
    JSON.stringify(plainValue(result)),
    '{"n":1,"big":"9007199254740993","u":2,"at":"2026-01-01T00:00:00.5Z","for":"1.5s","raw":"YWI=","list":[1,null]}',
  );
  assert.equal(
    plainValue(() => 1),
    null,
  );
  assert.equal(plainValue(new (class Secret {})()), null);
});
