import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { answering, type Origin, okReply, startOrigin, startTestWire, type TestWire } from "./testing-wire.ts";

let origin: Origin;
let gateway: TestWire;
before(async () => {
  origin = await startOrigin(answering(okReply()));
  gateway = await startTestWire({
    origin,
    limits: { headBytesMax: 4096, targetBytesMax: 1024, headerCountMax: 40, bodyBytesMax: 1000 },
  });
});
after(async () => {
  await gateway.close();
  await origin.close();
});

/** Behind each refused request stands another: it must never be taken for a request. */
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

const rows: readonly (readonly [what: string, bytes: string, status: number, code: string])[] = [
  ["bare LF", "GET / HTTP/1.1\nHost: a\n\n", 400, "request.head_invalid"],
  ["bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400, "request.head_invalid"],
  ["folding", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400, "request.head_invalid"],
  ["space before the colon", "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", 400, "request.head_invalid"],
  ["NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 400, "request.head_invalid"],
  ["a control in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\x01: b\r\n\r\n", 400, "request.head_invalid"],
  ["an illegal method", "G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request.head_invalid"],
  ["HTTP/0.9", "GET /\r\n\r\n", 400, "request.head_invalid"],
  ["version 2.0 in a line", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "request.version_unsupported"],
  [
    "a preface of HTTP/2 that is not the first bytes",
    "\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    505,
    "request.version_unsupported",
  ],
  ["no Host in 1.1", "GET / HTTP/1.1\r\n\r\n", 400, "request.host_invalid"],
  ["two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "request.host_invalid"],
  ["two equal Hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400, "request.host_invalid"],
  ["two Hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, "request.host_invalid"],
  ["an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, "request.host_invalid"],
  ["userinfo in Host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, "request.host_invalid"],
  ["a path in Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "request.host_invalid"],
  ["a list in Host", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, "request.host_invalid"],
  ["a port that is none", "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", 400, "request.host_invalid"],
  [
    "two Content-Lengths",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 40\r\n\r\nabcd",
    400,
    "request.framing_invalid",
  ],
  [
    "two equal Content-Lengths",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
    400,
    "request.framing_invalid",
  ],
  [
    "a list of lengths",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 4\r\n\r\nabcd",
    400,
    "request.framing_invalid",
  ],
  ["a signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd", 400, "request.framing_invalid"],
  [
    "length and chunked",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    400,
    "request.framing_invalid",
  ],
  [
    "chunked and length",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    400,
    "request.framing_invalid",
  ],
  [
    "a coding that is not chunked",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    400,
    "request.framing_invalid",
  ],
  [
    "chunked twice",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    400,
    "request.framing_invalid",
  ],
  [
    "chunked in 1.0",
    "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    400,
    "request.framing_invalid",
  ],
  ["CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501, "request.method_refused"],
  ["TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "request.method_refused"],
  ["authority-form without CONNECT", "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request.path_invalid"],
  ["a relative path", "GET a/b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request.path_invalid"],
  ["asterisk-form without OPTIONS", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request.path_invalid"],
  ["another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request.path_invalid"],
  ["absolute-form with userinfo", "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request.host_invalid"],
  ["absolute-form without a host", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request.host_invalid"],
  ["absolute-form with dot segments", "GET http://a/../x HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request.path_invalid"],
  ["dot segments", "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request.path_invalid"],
  ["encoded dot segments", "GET /a/%2e%2E/b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request.path_invalid"],
  ["a backslash", "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request.path_invalid"],
  ["an encoded NUL", "GET /a%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request.path_invalid"],
  ["bad percent-encoding", "GET /a%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request.path_invalid"],
  [
    "an unknown expectation",
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\nContent-Length: 4\r\n\r\nabcd",
    417,
    "request.expectation_failed",
  ],
  [
    "a head over its limit",
    `GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(5000)}\r\n\r\n`,
    431,
    "request.header_too_large",
  ],
  ["too many fields", `GET / HTTP/1.1\r\nHost: a\r\n${"X: a\r\n".repeat(41)}\r\n`, 431, "request.header_too_large"],
  ["a long target", `GET /${"a".repeat(1024)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414, "request.target_too_long"],
  [
    "a declared body over the limit",
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n${"a".repeat(1001)}`,
    413,
    "request.body_too_large",
  ],
];

for (const [what, bytes, status, code] of rows) {
  test(`${what} is refused with ${status} and the connection is closed`, async () => {
    const reply = await gateway.ask(bytes + smuggled);
    const [head = "", body = ""] = reply.split("\r\n\r\n");
    assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.match(head, /^content-type: application\/problem\+json$/im);
    assert.match(head, /^Connection: close$/im);
    const problem = JSON.parse(body) as { code: string; status: number; type: string; requestId: string };
    assert.equal(problem.code, code);
    assert.equal(problem.status, status);
    assert.equal(problem.type, `urn:portico:error:${code}`);
    assert.equal(head.match(/^X-Request-Id: (.+)$/im)?.[1], problem.requestId);
    assert.equal(reply.match(/^HTTP\/1\.1 \d/gm)?.length, 1, "one reply");
    assert.equal(origin.text, "", "the backend saw nothing");
    assert.equal(gateway.ended.at(-1)?.outcome.status, status);
  });
}
