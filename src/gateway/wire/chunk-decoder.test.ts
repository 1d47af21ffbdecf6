import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BodyReader } from "./body-reader.ts";

const limits = { chunkExtensionBytesMax: 64, trailerBytesMax: 128, headerCountMax: 4 };

interface Read {
  readonly out: string;
  readonly isDone: boolean;
  readonly problem: string;
  readonly trailers: string;
  readonly rest: string;
}

/** Reads `text` in pieces; what came out, and what was left behind the body. */
const read = (text: string, cuts: readonly number[], isRaw: boolean, bytesMax = 1_000): Read => {
  const bytes = Buffer.from(text, "latin1");
  const points = [...new Set([...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  let out = "";
  const reader = new BodyReader(limits);
  reader.begin("chunked", 0, bytesMax);
  reader.isRaw = isRaw;
  reader.sink = {
    isFlushed: false,
    take: (part) => {
      out += part.toString("latin1");
      return true;
    },
    end: () => {},
    fail: () => {},
  };
  let from = 0;
  let rest = "";
  for (const to of points) {
    if (to === from) continue;
    const piece = bytes.subarray(from, to);
    from = to;
    if (reader.isDone) rest += piece.toString("latin1");
    else if (reader.problem === "") {
      const used = reader.feed(piece, 0);
      if (reader.isDone) rest += piece.toString("latin1", used);
    }
  }
  // What was handed on before a fault was found depends on the pieces: bytes that came earlier are legal either way.
  const { isDone, problem, trailers } = reader;
  return { out: problem === "" ? out : "", isDone, problem, trailers, rest };
};

test("data of chunks, and the bytes behind the body stay", () => {
  const got = read("5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\nGET /", [], false);
  assert.deepEqual(got, { out: "hello0123456789", isDone: true, problem: "", trailers: "", rest: "GET /" });
});

test("raw: the framing goes on as it came, without extensions and with only legal trailers", () => {
  const text =
    '5;a=b\r\nhello\r\n1 ; x="y;z"\r\n!\r\n0;last\r\nX-Sum: 1\r\nContent-Length: 9\r\nHost: evil\r\n\r\nnext';
  const got = read(text, [], true);
  assert.equal(got.out, "5\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 1\r\n\r\n");
  assert.equal(got.trailers, "X-Sum: 1\r\n");
  assert.equal(got.rest, "next");
});

const refused: readonly (readonly [why: string, text: string])[] = [
  ["a size that is no number", "x\r\n"],
  ["an empty size", "\r\nhello\r\n"],
  ["a sign", "+5\r\nhello\r\n0\r\n\r\n"],
  ["a prefix", "0x5\r\nhello\r\n0\r\n\r\n"],
  ["a space before the size", " 5\r\nhello\r\n0\r\n\r\n"],
  ["a space behind the size", "5 \r\nhello\r\n0\r\n\r\n"],
  ["nine digits", "000000005\r\nhello\r\n0\r\n\r\n"],
  ["a bare LF behind the size", "5\nhello\r\n0\r\n\r\n"],
  ["a bare CR behind the size", "5\rhello\r\n0\r\n\r\n"],
  ["a bare LF in an extension", "5;a\nhello\r\n0\r\n\r\n"],
  ["a bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"],
  ["NUL in an extension", "5;\0\r\nhello\r\n0\r\n\r\n"],
  ["data longer than its size", "4\r\nhello\r\n0\r\n\r\n"],
  ["data that a bare LF ends", "5\r\nhello\n0\r\n\r\n"],
  ["data that a bare CR ends", "5\r\nhello\r0\r\n\r\n"],
  ["a bare LF behind the last chunk", "0\n\r\n"],
  ["a bare LF as the end", "0\r\n\n"],
  ["a trailer that a bare LF ends", "0\r\nA: b\n\r\n"],
  ["a trailer with a space before its colon", "0\r\nA : b\r\n\r\n"],
  ["a folded trailer", "0\r\nA: b\r\n c\r\n\r\n"],
  ["a trailer with NUL", "0\r\nA: \0\r\n\r\n"],
];

for (const [why, text] of refused) {
  test(`a chunked body is refused for ${why}`, () => {
    assert.equal(read(text, [], false).problem, "bad");
    assert.equal(read(text, [], true).problem, "bad");
  });
}

test("limits: extensions, trailers, number of trailers, bytes of the body", () => {
  assert.equal(read(`5;${"a".repeat(70)}\r\nhello\r\n0\r\n\r\n`, [], false).problem, "too-large");
  assert.equal(read(`${`1;${"a".repeat(20)}\r\nx\r\n`.repeat(4)}0\r\n\r\n`, [], false).problem, "too-large");
  assert.equal(read(`0\r\nA: ${"b".repeat(200)}\r\n\r\n`, [], false).problem, "too-large");
  assert.equal(read(`0\r\n${"A: b\r\n".repeat(5)}\r\n`, [], false).problem, "bad");
  assert.equal(read("5\r\nhello\r\n6\r\nworld!\r\n0\r\n\r\n", [], false, 10).problem, "too-large");
  assert.equal(read("5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n", [], false, 10).isDone, true);
});

const pieces = fc
  .array(
    fc.oneof(
      {
        weight: 8,
        arbitrary: fc
          .string({ minLength: 1, maxLength: 20 })
          .map((text) => `${text.length.toString(16)}\r\n${text}\r\n`),
      },
      { weight: 2, arbitrary: fc.constantFrom("3;a=b\r\nabc\r\n", "2 ;x\r\nok\r\n") },
      { weight: 1, arbitrary: fc.constantFrom("\n", "\r", "5", ";", "0\r\n", "\0", "g") },
    ),
    { maxLength: 10 },
  )
  .chain((parts) =>
    fc
      .constantFrom("0\r\n\r\n", "0\r\nA: b\r\nHost: c\r\n\r\nGET", "0;x\r\n\r\nmore", "")
      .map((end) => parts.join("") + end),
  );

test("any split of the bytes gives the same result", () => {
  fc.assert(
    fc.property(pieces, fc.array(fc.nat(400), { maxLength: 30 }), fc.boolean(), (text, cuts, isRaw) => {
      assert.deepEqual(read(text, cuts, isRaw), read(text, [], isRaw));
    }),
    { numRuns: 2_000, interruptAfterTimeLimit: 4_000 },
  );
});

test("what goes on raw decodes to the same data", () => {
  fc.assert(
    fc.property(pieces, (text) => {
      const raw = read(text, [], true);
      if (!raw.isDone) return;
      const again = read(raw.out, [], false);
      assert.equal(again.problem, "");
      assert.equal(again.out, read(text, [], false).out);
      assert.equal(again.rest, "");
      assert.doesNotMatch(raw.out, /Host/);
    }),
    { numRuns: 1_000, interruptAfterTimeLimit: 4_000 },
  );
});
