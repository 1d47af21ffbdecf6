import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { stringify } from "yaml";
import { jsonFault } from "./json-fault.ts";
import { pointerTo, tokensOf, valueAt } from "./pointer.ts";
import { type SourceText, sourceMap } from "./position.ts";

/** Every pointer of a value. */
const pointersOf = (value: unknown, pointer = ""): readonly string[] => {
  if (Array.isArray(value))
    return [pointer, ...value.flatMap((item, index) => pointersOf(item, pointerTo(pointer, index)))];
  if (typeof value !== "object" || value === null) return [pointer];
  return [pointer, ...Object.entries(value).flatMap(([name, below]) => pointersOf(below, pointerTo(pointer, name)))];
};

const offsetOf = (source: SourceText, pointer: string, at: "key" | "value"): number => {
  const found = sourceMap(source).positions([pointer], at).get(pointer);
  assert.ok(found);
  const lines = source.text.split("\n");
  const before = lines.slice(0, found.line - 1).reduce((sum, line) => sum + line.length + 1, 0);
  assert.equal(before + found.column - 1, found.offset);
  return found.offset;
};

/** The JSON value that begins at an offset: the longest prefix is not needed, the parser says where it ends. */
const jsonAt = (text: string, offset: number): unknown => {
  const fault = jsonFault(text.slice(offset));
  return JSON.parse(text.slice(offset, fault === undefined ? undefined : offset + fault.offset));
};

const timeBox = { interruptAfterTimeLimit: 4000, numRuns: 400 };

describe("positions", () => {
  test("every pointer into random JSON leads to its value, and to its name", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.constantFrom(undefined, 2, "\t"), (compact, indent) => {
        const value: unknown = JSON.parse(compact);
        const text = JSON.stringify(value, null, indent).replaceAll("\n", "\r\n");
        const source: SourceText = { syntax: "json", text };
        const pointers = pointersOf(value);
        const values = sourceMap(source).positions(pointers, "value");
        const keys = sourceMap(source).positions(pointers, "key");
        for (const pointer of pointers) {
          assert.deepEqual(jsonAt(text, values.get(pointer)?.offset ?? -1), valueAt(value, pointer));
          assert.equal(values.get(pointer)?.offset, offsetOf(source, pointer, "value"));
          const parent = valueAt(value, pointer.slice(0, pointer.lastIndexOf("/")));
          if (pointer === "" || Array.isArray(parent)) continue;
          assert.equal(jsonAt(text, keys.get(pointer)?.offset ?? -1), tokensOf(pointer).at(-1));
        }
      }),
      timeBox,
    );
  });

  test("every pointer into random YAML leads to its value", () => {
    const scalar = fc.oneof(
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.string({ unit: "grapheme", maxLength: 12 }),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        scalar,
        fc.array(tie("tree"), { maxLength: 4 }),
        fc.dictionary(fc.string({ maxLength: 8 }), tie("tree"), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(tree, fc.boolean(), (value, isFlow) => {
        // Every scalar is quoted, so that what stands at a place can be recognised; two-digit numbers stay readable.
        const text = stringify(value, {
          lineWidth: 0,
          defaultStringType: "QUOTE_DOUBLE",
          defaultKeyType: "QUOTE_DOUBLE",
          collectionStyle: isFlow ? "flow" : "block",
        });
        const source: SourceText = { syntax: "yaml", text };
        const pointers = pointersOf(value);
        const values = sourceMap(source).positions(pointers, "value");
        const keys = sourceMap(source).positions(pointers, "key");
        for (const pointer of pointers) {
          const expected = valueAt(value, pointer);
          const at = values.get(pointer)?.offset ?? -1;
          if (typeof expected !== "object" || expected === null) {
            assert.ok(
              text.startsWith(typeof expected === "string" ? '"' : String(expected), at),
              `${pointer} in\n${text}`,
            );
          }
          if (typeof expected === "string") assert.equal(jsonAt(text, at), expected);
          const parent = valueAt(value, pointer.slice(0, pointer.lastIndexOf("/")));
          if (pointer === "" || Array.isArray(parent)) continue;
          assert.equal(jsonAt(text, keys.get(pointer)?.offset ?? -1), tokensOf(pointer).at(-1));
        }
      }),
      timeBox,
    );
  });

  test("a pointer to nothing gets the place of what would hold it", () => {
    for (const source of [
      { syntax: "json", text: '{\n "a": {"b": 1}\n}' },
      { syntax: "yaml", text: "\na:\n  b: 1\n" },
    ] as const) {
      assert.equal(sourceMap(source).positions(["/a/c/d"]).get("/a/c/d")?.line, 2);
      assert.deepEqual(sourceMap(source).positions(["/x"]).get("/x")?.line, source.syntax === "json" ? 1 : 2);
    }
  });

  test("what came through a merge key stands where it was written", () => {
    const text = "base: &base\n  a: 1\n  b: 2\nboth:\n  <<: *base\n  b: 3\nlist:\n  - <<: [*base, {c: 4}]\n";
    const positions = sourceMap({ syntax: "yaml", text }).positions(["/both/a", "/both/b", "/list/0/c", "/list/0/a"]);
    assert.deepEqual(
      [...positions.values()].map(({ line, column }) => [line, column]),
      [
        [2, 3],
        [6, 3],
        [8, 18],
        [2, 3],
      ],
    );
  });

  test("names that an object has twice are found in both notations; the last one is the one that counts", () => {
    const json = { syntax: "json", text: '{"a": {"b": 1, "b": [{"c": 1, "\\u0063": 2}]},\n "a": 3}' } as const;
    assert.deepEqual(
      sourceMap(json)
        .duplicateKeys(10)
        .map(({ pointer, offset }) => [pointer, offset]),
      [
        ["/a/b", 15],
        ["/a/b/0/c", 30],
        ["/a", json.text.lastIndexOf('"a"')],
      ],
    );
    assert.equal(sourceMap(json).positions(["/a"], "value").get("/a")?.line, 2);
    const yaml = { syntax: "yaml", text: "a:\n  b: 1\n  b: 2\na: 3\n" } as const;
    assert.deepEqual(
      sourceMap(yaml)
        .duplicateKeys(10)
        .map(({ pointer }) => pointer),
      ["/a/b", "/a"],
    );
    assert.equal(sourceMap(yaml).positions(["/a"]).get("/a")?.line, 4);
    assert.equal(sourceMap(json).duplicateKeys(1).length, 1);
  });

  test("the place where JSON breaks agrees with the engine's own parser", () => {
    const broken = fc.tuple(fc.json(), fc.nat(), fc.string({ maxLength: 2 })).map(([text, at, junk]) => {
      const cut = at % (text.length + 1);
      return text.slice(0, cut) + junk + text.slice(cut + (at % 3));
    });
    fc.assert(
      fc.property(broken, (text) => {
        let isValid = true;
        try {
          JSON.parse(text);
        } catch {
          isValid = false;
        }
        const fault = jsonFault(text);
        assert.equal(fault === undefined, isValid, text);
        assert.ok(fault === undefined || (fault.offset >= 0 && fault.offset <= text.length));
      }),
      { ...timeBox, numRuns: 3000 },
    );
  });
});
