import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Head, scanReplyHead, scanRequestHead } from "./head.ts";
import { HeadCollector } from "./head-collector.ts";

const limits = { headBytesMax: 1024, targetBytesMax: 200, headerCountMax: 20 };

/** Scans `text` in pieces cut at `cuts`; the first result that is not `incomplete`, and what the head then holds. */
const scanPieces = (text: string, cuts: readonly number[], scan = scanRequestHead): unknown => {
  const bytes = Buffer.from(text, "latin1");
  const points = [...new Set([...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  const head = new Head();
  const collector = new HeadCollector();
  let from = 0;
  for (const to of points) {
    if (to === from) continue;
    const result = collector.scan(head, bytes.subarray(from, to), 0, limits, scan);
    from = to;
    if (result === "complete") return { result, ...contentOf(head) };
    if (result !== "incomplete") return { result };
  }
  return { result: "incomplete" };
};

const contentOf = (head: Head): object => ({
  length: head.end - head.start,
  method: head.bytes.toString("latin1", head.methodStart, head.methodEnd),
  target: head.bytes.toString("latin1", head.targetStart, head.targetEnd),
  minor: head.minor,
  status: head.status,
  isPathSuspect: head.isPathSuspect,
  fields: Array.from({ length: head.count }, (_, at) => [head.name(at), head.value(at), head.kindAt(at)]),
});

const resultOf = (text: string, scan = scanRequestHead): unknown =>
  (scanPieces(text, [], scan) as { result: unknown }).result;

test("a head is offsets into its bytes: names, trimmed values, kinds", () => {
  const head = new Head();
  const bytes = Buffer.from("POST /a?b=c HTTP/1.1\r\nHoSt:  x \t\r\nEmpty:\r\nX-A: 1 2\r\n\r\nrest");
  head.begin(bytes, 0);
  assert.equal(scanRequestHead(head, bytes.length, limits), "complete");
  assert.equal(bytes.toString("latin1", head.end), "rest");
  assert.deepEqual(
    [0, 1, 2].map((at) => [head.name(at), head.value(at)]),
    [
      ["HoSt", "x"],
      ["Empty", ""],
      ["X-A", "1 2"],
    ],
  );
  assert.equal(bytes.toString("latin1", head.targetStart, head.pathEnd), "/a");
});

const refused: readonly (readonly [why: string, text: string])[] = [
  ["bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"],
  ["bare LF after a field", "GET / HTTP/1.1\r\nHost: a\n\r\n"],
  ["bare LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n"],
  ["bare CR in a value", "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n"],
  ["bare CR in the request line", "GET /\r HTTP/1.1\r\n\r\n"],
  ["space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"],
  ["tab before the colon", "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n"],
  ["folding with a space", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"],
  ["folding with a tab", "GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n"],
  ["space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"],
  ["a field without a name", "GET / HTTP/1.1\r\n: a\r\n\r\n"],
  ["a field without a colon", "GET / HTTP/1.1\r\nHost\r\n\r\n"],
  ["NUL in a name", "GET / HTTP/1.1\r\nHo\0st: a\r\n\r\n"],
  ["NUL in a value", "GET / HTTP/1.1\r\nHost: a\0\r\n\r\n"],
  ["DEL in a value", "GET / HTTP/1.1\r\nHost: a\x7f\r\n\r\n"],
  ["a control in a value", "GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n"],
  ["a byte above ASCII in a name", "GET / HTTP/1.1\r\nH\xf6st: a\r\n\r\n"],
  ["a method with a bracket", "G(T / HTTP/1.1\r\n\r\n"],
  ["an empty method", " / HTTP/1.1\r\n\r\n"],
  ["two spaces in the request line", "GET  / HTTP/1.1\r\n\r\n"],
  ["a space behind the version", "GET / HTTP/1.1 \r\n\r\n"],
  ["a tab in the request line", "GET\t/ HTTP/1.1\r\n\r\n"],
  ["no version", "GET /\r\n\r\n"],
  ["a version in lower case", "GET / http/1.1\r\n\r\n"],
  ["a version of two digits", "GET / HTTP/1.10\r\n\r\n"],
  ["NUL in the target", "GET /\0 HTTP/1.1\r\n\r\n"],
  ["a byte above ASCII in the target", "GET /\xe4 HTTP/1.1\r\n\r\n"],
  ["a fragment", "GET /a#b HTTP/1.1\r\n\r\n"],
  ["too many empty lines", `${"\r\n".repeat(6)}GET / HTTP/1.1\r\n\r\n`],
  ["TLS on the plain port", "\x16\x03\x01\x02\0\x01\0\x01\xfc"],
];

for (const [why, text] of refused) {
  test(`a head is refused for ${why}`, () => assert.equal(resultOf(text), "bad"));
}

test("a version that is not 1.x is told apart, the HTTP/2 preface too", () => {
  assert.equal(resultOf("GET / HTTP/2.0\r\n\r\n"), "version");
  assert.equal(resultOf("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "version");
  assert.equal(resultOf("GET / HTTP/0.9\r\n\r\n"), "version");
});

test("limits: exactly at the limit passes, one more is refused", () => {
  const target = `/${"a".repeat(199)}`;
  assert.equal(resultOf(`GET ${target} HTTP/1.1\r\n\r\n`), "complete");
  assert.equal(resultOf(`GET ${target}a HTTP/1.1\r\n\r\n`), "target-too-long");
  assert.equal(resultOf(`GET ${target}a`), "target-too-long");
  const fields = (count: number): string => "a: b\r\n".repeat(count);
  assert.equal(resultOf(`GET / HTTP/1.1\r\n${fields(20)}\r\n`), "complete");
  assert.equal(resultOf(`GET / HTTP/1.1\r\n${fields(21)}\r\n`), "too-large");
  const start = "GET / HTTP/1.1\r\na: ";
  const exact = `${start}${"x".repeat(1024 - start.length - 4)}\r\n\r\n`;
  assert.equal(exact.length, 1024);
  assert.equal(resultOf(exact), "complete");
  assert.equal(resultOf(`${start}${"x".repeat(1024 - start.length - 3)}\r\n\r\n`), "too-large");
  assert.equal(resultOf(`${start}${"x".repeat(2000)}`), "too-large");
});

test("replies: status lines as RFC 9112 section 4", () => {
  const ofReply = (text: string): unknown => resultOf(text, scanReplyHead);
  assert.equal(ofReply("HTTP/1.1 200 OK\r\n\r\n"), "complete");
  assert.equal(ofReply("HTTP/1.1 200 \r\n\r\n"), "complete");
  assert.equal(ofReply("HTTP/1.1 200\r\n\r\n"), "complete");
  assert.equal(ofReply("HTTP/1.0 404 Nicht da\r\nA: b\r\n\r\n"), "complete");
  for (const line of [
    "HTTP/1.1 20 OK",
    "HTTP/1.1 2000 OK",
    "HTTP/1.1 099 X",
    "HTTP/1.1 600 X",
    "HTTP/1.1  200 OK",
    "HTTP/1.1 2x0 OK",
    "ICY 200 OK",
    "HTTP/1.1 200 O\0K",
  ]) {
    assert.equal(ofReply(`${line}\r\n\r\n`), "bad", line);
  }
  assert.equal(ofReply("HTTP/2 200 OK\r\n\r\n"), "bad");
});

/** Heads that are nearly right: pieces of grammar, sometimes the wrong one. */
const nearlyHead = fc
  .array(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.constantFrom("GET / HTTP/1.1\r\n", "Host: a\r\n", "X: y z\r\n", "\r\n", "Content-Length: 3\r\n"),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          "\n",
          "\r",
          " ",
          "\0",
          ":",
          "a".repeat(300),
          "b: ".padEnd(900, "c"),
          "\t",
          "%2e",
          "é",
        ),
      },
    ),
    { maxLength: 12 },
  )
  .map((parts) => `GET /x HTTP/1.1\r\n${parts.join("")}`);

test("any split of the bytes gives the same result", () => {
  fc.assert(
    fc.property(nearlyHead, fc.array(fc.nat(2000), { maxLength: 40 }), (some, cuts) => {
      const text = `${some}\n`;
      assert.deepEqual(scanPieces(text, cuts), scanPieces(text, []));
    }),
    { numRuns: 1500, interruptAfterTimeLimit: 4_000 },
  );
});

test("any split of the bytes gives the same result, byte by byte and for any bytes", () => {
  fc.assert(
    fc.property(fc.oneof(nearlyHead, fc.string({ unit: "binary", maxLength: 60 })), (some) => {
      // A line that never ends is judged when its end or the limit comes.
      const text = `${some}\n`;
      const every = Array.from({ length: text.length }, (_, at) => at + 1);
      assert.deepEqual(scanPieces(text, every), scanPieces(text, []));
    }),
    { numRuns: 500, interruptAfterTimeLimit: 4_000 },
  );
});

test("a head sent byte by byte costs in proportion to its length, not to its square", () => {
  const large = { headBytesMax: 1 << 20, targetBytesMax: 200, headerCountMax: 20 };
  const timeOf = (length: number): number => {
    const bytes = Buffer.from(`GET / HTTP/1.1\r\na: ${"x".repeat(length)}\r\n\r\n`);
    const head = new Head();
    const collector = new HeadCollector();
    const startedMs = performance.now();
    for (let at = 0; at < bytes.length; at++)
      collector.scan(head, bytes.subarray(at, at + 1), 0, large, scanRequestHead);
    assert.ok(head.end > 0);
    return performance.now() - startedMs;
  };
  timeOf(20_000);
  const small = Math.min(timeOf(20_000), timeOf(20_000));
  const eightTimes = Math.min(timeOf(160_000), timeOf(160_000));
  // A square would make it 64 times as long.
  assert.ok(eightTimes < small * 24 + 20, `${small} ms, then ${eightTimes} ms`);
});
