import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { tagOfSlug } from "./api-outline.ts";
import { tagSlug } from "./tag-slug.ts";

test("every tag has an address that no browser rewrites, and no two share one", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.oneof(fc.string(), fc.constantFrom("", "-", ".", "..", "~-", "a/b", "--"))),
      (names) => {
        const outline = {
          title: "t",
          operationCount: 0,
          tags: names.map((name) => ({ name, operations: [] })),
        };
        for (const name of names) {
          const url = new URL(`http://portal/apis/a/reference/${encodeURIComponent(tagSlug(name))}/op`);
          const segment = decodeURIComponent(url.pathname.split("/")[4] ?? "");
          assert.equal(url.pathname.split("/").length, 6);
          assert.equal(tagOfSlug(outline, segment)?.name.toWellFormed(), name.toWellFormed());
        }
      },
    ),
  );
});
