import assert from "node:assert/strict";
import { test } from "node:test";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { testExchange, textOf } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { findAndReplace } from "./find-and-replace.ts";

async function* parts(list: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* list;
}

test("every occurrence is replaced, wherever the pieces of the body end", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("a", "b", "ab", "aab", "é", "x"), { maxLength: 40 }),
      fc.constantFrom("ab", "aab", "a", "é", "xx"),
      fc.constantFrom("", "Z", "ab"),
      fc.integer({ min: 1, max: 5 }),
      async (words, from, to, size) => {
        const bytes = Buffer.from(words.join(""));
        const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
          bytes.subarray(n * size, (n + 1) * size),
        );
        const x = testExchange({ body: parts(pieces) });
        await buildPolicy(findAndReplace, { from, to }, testTools()).step(x);
        assert.equal(await textOf(x.request.body.content), words.join("").replaceAll(from, to));
      },
    ),
    { numRuns: 300, interruptAfterTimeLimit: 5_000 },
  );
});

test("a coded body is decoded and goes on plain, without what described its bytes", async () => {
  for (const [coding, bytes] of [
    ["gzip", gzipSync("old and old")],
    ["br", brotliCompressSync("old and old")],
    ["zstd", zstdCompressSync("old and old")],
    ["gzip, br", brotliCompressSync(gzipSync("old and old"))],
  ] as const) {
    const headers = { "content-encoding": coding, etag: '"1"', "content-md5": "x" };
    const x = testExchange({ reply: { headers, body: bytes } });
    await buildPolicy(findAndReplace, { from: "old", to: "new" }, testTools({ section: "outbound" })).step(x);
    assert.equal(await textOf(x.reply?.body.content ?? null), "new and new");
    assert.deepEqual(x.reply?.headers.entries(), [["etag", 'W/"1"']]);
  }
});

test("a body in an unknown coding and an absent body pass unchanged", async () => {
  const x = testExchange({ body: "old", headers: { "content-encoding": "x-own" } });
  await buildPolicy(findAndReplace, { from: "old", to: "new" }, testTools()).step(x);
  assert.equal(x.request.body.isReplaced, false);
  const empty = testExchange();
  await buildPolicy(findAndReplace, { from: "old", to: "new" }, testTools()).step(empty);
  assert.equal(empty.request.body.isReplaced, false);
});

test("bytes that are not what the coding says break the body off", async () => {
  const x = testExchange({ body: "no gzip", headers: { "content-encoding": "gzip" } });
  await buildPolicy(findAndReplace, { from: "a", to: "b" }, testTools()).step(x);
  await assert.rejects(textOf(x.request.body.content), { code: "request.body_invalid" });
});

test("mistakes are named with their path", () => {
  assert.equal(mistakesOf(findAndReplace, { to: "x" })[0]?.path, ".from");
  assert.equal(mistakesOf(findAndReplace, { from: "", to: "x" })[0]?.path, ".from");
  assert.equal(mistakesOf(findAndReplace, { from: "x", to: "=nope" })[0]?.path, ".to");
});
