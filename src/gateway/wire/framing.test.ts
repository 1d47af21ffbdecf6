import assert from "node:assert/strict";
import { test } from "node:test";
import { frameReply, frameRequest } from "./framing.ts";
import { Head, scanReplyHead, scanRequestHead } from "./head.ts";

const limits = { headBytesMax: 4096, targetBytesMax: 200, headerCountMax: 20 };

const headOf = (startLine: string, fields: readonly string[]): Head => {
  const bytes = Buffer.from(`${startLine}\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n`);
  const head = new Head();
  head.begin(bytes, 0);
  const scan = startLine.startsWith("HTTP") ? scanReplyHead : scanRequestHead;
  assert.equal(scan(head, bytes.length, limits), "complete");
  return head;
};

const ambiguous: readonly (readonly string[])[] = [
  ["Content-Length: 3", "Content-Length: 4"],
  ["Content-Length: 3", "Content-Length: 3"],
  ["Content-Length: 3, 3"],
  ["Content-Length: +3"],
  ["Content-Length: -3"],
  ["Content-Length: 0x3"],
  ["Content-Length: 3 3"],
  ["Content-Length: 3.0"],
  ["Content-Length:"],
  ["Content-Length: three"],
  ["Content-Length: 9999999999999999"],
  ["Content-Length: 3", "Transfer-Encoding: chunked"],
  ["Transfer-Encoding: chunked", "content-length: 3"],
  ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
  ["Transfer-Encoding: chunked, chunked"],
  ["Transfer-Encoding: gzip, chunked"],
  ["Transfer-Encoding: chunked, identity"],
  ["Transfer-Encoding: identity"],
  ["Transfer-Encoding: xchunked"],
  ["Transfer-Encoding: chunked;q=1"],
  ['Transfer-Encoding: "chunked"'],
  ["Transfer-Encoding:"],
  ["Transfer-Encoding: \x0bchunked"].map((line) => line.replace("\x0b", "x ")),
];

for (const fields of ambiguous) {
  test(`ambiguous in a request and in a reply: ${fields.join(" | ")}`, () => {
    assert.equal(frameRequest(headOf("POST / HTTP/1.1", fields)), false);
    assert.equal(frameReply(headOf("HTTP/1.1 200 OK", fields), false), false);
  });
}

test("Transfer-Encoding in HTTP/1.0 is a fault", () => {
  assert.equal(frameRequest(headOf("POST / HTTP/1.0", ["Transfer-Encoding: chunked"])), false);
  assert.equal(frameReply(headOf("HTTP/1.0 200 OK", ["Transfer-Encoding: chunked"]), false), false);
});

test("legal framing is decided once: length, chunked, none", () => {
  const framed = (fields: readonly string[]): readonly unknown[] => {
    const head = headOf("POST / HTTP/1.1", fields);
    assert.equal(frameRequest(head), true);
    return [head.framing, head.bodyLength];
  };
  assert.deepEqual(framed([]), ["none", 0]);
  assert.deepEqual(framed(["Content-Length: 0"]), ["none", 0]);
  assert.deepEqual(framed(["Content-Length: 007"]), ["length", 7]);
  assert.deepEqual(framed(["content-LENGTH:\t12 "]), ["length", 12]);
  assert.deepEqual(framed(["Transfer-Encoding: Chunked"]), ["chunked", 0]);
});

test("replies: HEAD, 1xx, 204 and 304 have no body; without a field it ends with the connection", () => {
  const framed = (line: string, fields: readonly string[], isHead = false): string => {
    const head = headOf(line, fields);
    assert.equal(frameReply(head, isHead), true);
    return head.framing;
  };
  assert.equal(framed("HTTP/1.1 200 OK", []), "close");
  assert.equal(framed("HTTP/1.1 200 OK", ["Content-Length: 5"], true), "none");
  assert.equal(framed("HTTP/1.1 200 OK", ["Transfer-Encoding: chunked"], true), "none");
  for (const line of ["HTTP/1.1 204 X", "HTTP/1.1 304 X", "HTTP/1.1 103 X"]) {
    assert.equal(framed(line, ["Content-Length: 5"]), "none");
  }
});
