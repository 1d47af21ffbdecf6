import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Headers, plainHeaders } from "../../exchange/headers.ts";
import { Head, scanTrailerFields } from "./head.ts";
import { HeadFields } from "./head-fields.ts";

const limits = { headBytesMax: 1 << 16, targetBytesMax: 0, headerCountMax: 200 };

const fieldsOf = (list: readonly (readonly [string, string])[]): HeadFields => {
  const bytes = Buffer.from(`${list.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`, "latin1");
  const head = new Head();
  head.begin(bytes, 0);
  assert.equal(scanTrailerFields(head, bytes.length, limits), "complete");
  const fields = new HeadFields();
  fields.reset(head);
  return fields;
};

test("names that break a head and values that do are refused", () => {
  const fields = fieldsOf([]);
  for (const name of ["", "a b", "a:", "é", "a\r\n"]) assert.throws(() => fields.set(name, "x"), RangeError);
  for (const value of ["a\r\nb", "a\nb", "\0", "€", "\x7f"]) assert.throws(() => fields.append("x", value), RangeError);
});

test("fields over offsets and edits behave as a plain list does", () => {
  const name = fc.constantFrom("A", "a", "Host", "HOST", "Content-Length", "x-b", "X-B", "x^y", "x~y");
  const value = fc.constantFrom("1", "two words", "", "ü");
  const edit = fc.tuple(fc.constantFrom("set", "append", "delete"), name, value);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(name, value), { maxLength: 40 }),
      fc.array(edit, { maxLength: 10 }),
      (list, edits) => {
        const both: readonly Headers[] = [fieldsOf(list), plainHeaders(list)];
        for (const headers of both) {
          for (const [what, key, text] of edits) {
            if (what === "set") headers.set(key, text);
            else if (what === "append") headers.append(key, text);
            else headers.delete(key);
          }
        }
        const [ours, plain] = both;
        assert.deepEqual(ours?.entries(), plain?.entries());
        for (const key of ["a", "hOst", "X-b", "x^y", "x~y", "none"]) {
          assert.equal(ours?.get(key), plain?.get(key));
          assert.deepEqual(ours?.getAll(key), plain?.getAll(key));
          assert.equal(ours?.has(key), plain?.has(key));
        }
      },
    ),
    { numRuns: 500, interruptAfterTimeLimit: 3_000 },
  );
});
