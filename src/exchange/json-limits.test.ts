import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type JsonLimits, jsonScanner } from "./json-limits.ts";

const wide: JsonLimits = {
  depth: 50,
  entries: 100,
  elements: 100,
  nameLength: 50,
  stringLength: 200,
  numberLength: 60,
  allowsDuplicates: true,
};
const scan = (text: string | Uint8Array, limits: Partial<JsonLimits> = {}, step = 1_000_000) => {
  const scanner = jsonScanner({ ...wide, ...limits });
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  for (let index = 0; index < bytes.length; index += step) scanner.push(bytes.subarray(index, index + step));
  return scanner.end();
};

test("each limit stops the text with its reason", () => {
  const table: readonly (readonly [string, Partial<JsonLimits>, RegExp])[] = [
    ["[[[]]]", { depth: 2 }, /nested more than 2/],
    ['{"a":1,"b":2}', { entries: 1 }, /more than 1 properties/],
    ["[1,2,3]", { elements: 2 }, /more than 2 elements/],
    ['{"abc":1}', { nameLength: 2 }, /name has more than 2/],
    ['["abc"]', { stringLength: 2 }, /text has more than 2/],
    ["[12345]", { numberLength: 4 }, /number has more than 4/],
    ['{"a":1,"\\u0061":2}', { allowsDuplicates: false }, /twice/],
  ];
  for (const [text, limits, why] of table) {
    assert.match(scan(text, limits) ?? "", why, text);
    assert.equal(scan(text), null, text);
  }
  assert.match(scan("[".repeat(1_000_000)) ?? "", /nested/);
});

test("what it passes is JSON and what JSON.parse refuses it refuses, however the bytes are cut", () => {
  const mutated = fc
    .tuple(fc.json({ maxDepth: 4 }), fc.nat(), fc.constantFrom("", ",", "{", "]", '"', "0", "\\", "-", ":", "e"))
    .map(([text, at, sign]) => text.slice(0, at % (text.length + 1)) + sign + text.slice(at % (text.length + 1)));
  fc.assert(
    fc.property(mutated, fc.integer({ min: 1, max: 5 }), (text, step) => {
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      return (
        (scan(
          text,
          { depth: 1000, stringLength: 1e6, nameLength: 1e6, numberLength: 1000, elements: 1e6, entries: 1e6 },
          step,
        ) ===
          null) ===
        isJson
      );
    }),
    { interruptAfterTimeLimit: 3000, numRuns: 1000 },
  );
});
