import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkPath } from "./check-path.ts";

const refused = [
  "/a%2f..%2fb",
  "/..%2fa",
  "/a%2F%2e%2e",
  "",
  "a",
  "*",
  "/.",
  "/..",
  "/./a",
  "/../a",
  "/a/.",
  "/a/..",
  "/a/../b",
  "/%2e",
  "/%2E%2e/a",
  "/.%2e",
  "/%2e./b",
  "/a/%2E/b",
  "/..;/a",
  "/..;x=y/a",
  "/%2e%2e;a",
  "/.;",
  "/a\\b",
  "/a%5cb",
  "/a%5C",
  "/a%00b",
  "/%00",
  "/%0a",
  "/%0D%0a",
  "/%7f",
  "/a%",
  "/a%2",
  "/a%zz",
  "/a%2g",
  "/%u0041",
  "/a\x00",
  "/\x1f",
];
const accepted = [
  "/",
  "/a",
  "/a/b",
  "/a//b",
  "//",
  "/a/",
  "/...",
  "/a/...",
  "/.well-known/x",
  "/a.b",
  "/..a",
  "/a..",
  "/.a/b",
  "/%2f",
  "/a%2Fb",
  "/%25",
  "/%252e%252e/",
  "/a;b=c/d",
  "/;",
  "/a;..",
  "/~a/@b:c",
  "/%c3%a9",
  "/%2e%2e%2e",
  "/%ff",
];

for (const path of refused) test(`refused: ${JSON.stringify(path)}`, () => assert.equal(checkPath(path), false));
for (const path of accepted) test(`accepted: ${JSON.stringify(path)}`, () => assert.equal(checkPath(path), true));

test("an accepted path has no segment that decodes to a dot segment, and no backslash or control", () => {
  const part = fc.constantFrom("/", ".", "..", "%2e", "%2E", "%2f", "%5c", "%00", ";", "a", "%41", "%", "\\", "%25");
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const path = `/${parts.join("")}`;
      if (!checkPath(path)) return;
      const decoded = path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      );
      // As a reader would see it who takes `%2F` for a separator before he removes dot segments.
      for (const text of decoded.split("/")) {
        assert.ok(!/^\.{1,2}(;|$)/.test(text), path);
        assert.doesNotMatch(text, /[\\\x00-\x1f\x7f]/);
      }
    }),
    { numRuns: 2_000, interruptAfterTimeLimit: 3_000 },
  );
});
