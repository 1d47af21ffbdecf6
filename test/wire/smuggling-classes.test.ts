import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type ReadRequest, readStrictly } from "../fuzz/strict-reader.ts";
import { type OriginConnection, startOrigin, startTestWire, type TestWire } from "./testing-wire.ts";

/** What stands where an attacker wants a second request. */
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

let gateway: TestWire;
let closeOrigin: () => Promise<void>;
/** Everything that reached the backend since the last look, and what of it is no HTTP. */
let arrived: ReadRequest[] = [];
let faults: string[] = [];
let heads = "";
const unread = new Map<OriginConnection, string>();

before(async () => {
  const origin = await startOrigin((connection, bytes) => {
    heads += bytes;
    const text = (unread.get(connection) ?? "") + bytes;
    const { requests, ending, why } = readStrictly(text);
    if (ending === "illegal") faults.push(why);
    let from = 0;
    for (const request of requests) {
      arrived.push(request);
      if (!request.isWhole) continue;
      from = request.end;
      connection.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
    unread.set(connection, text.slice(from));
  });
  closeOrigin = origin.close;
  gateway = await startTestWire({ origin, limits: { headTimeoutMs: 500, bodyStallMs: 500, halfClosedMs: 500 } });
});
after(async () => {
  await gateway.close();
  await closeOrigin();
});

const post = (fields: string, body: string): string => `POST /a HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`;
const get = (fields: string): string => `GET /a HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
const chunked = "Transfer-Encoding: chunked\r\n";

/** Refused with this status; the connection ends, and nothing whole reaches the backend. */
const refused: readonly (readonly [what: string, bytes: string, status: number])[] = [
  ["a bare LF behind a chunk size", post(chunked, `5\nhello\r\n0\r\n\r\n${smuggled}`), 400],
  ["a bare CR behind a chunk size", post(chunked, `5\rhello\r\n0\r\n\r\n${smuggled}`), 400],
  ["a line feed in a chunk extension", post(chunked, `5;a\nb\r\nhello\r\n0\r\n\r\n${smuggled}`), 400],
  ["a line feed in a quoted chunk extension", post(chunked, `5;a="\n"\r\nhello\r\n0\r\n\r\n${smuggled}`), 400],
  ["a bare CR in a chunk extension", post(chunked, `5;a\rb\r\nhello\r\n0\r\n\r\n${smuggled}`), 400],
  ["a chunk that ends in a bare LF", post(chunked, `5\r\nhello\n0\r\n\r\n${smuggled}`), 400],
  ["a chunk longer than its size", post(chunked, `5\r\nhelloXX0\r\n\r\n${smuggled}`), 400],
  ["a last chunk that ends in a bare LF", post(chunked, `0\n\r\n${smuggled}`), 400],
  ["an end of the trailers in a bare LF", post(chunked, `0\r\n\n${smuggled}`), 400],
  ["a chunk size beyond 64 bits", post(chunked, `10000000000000000\r\nhello\r\n0\r\n\r\n${smuggled}`), 400],
  ["a chunk size with a sign", post(chunked, `+5\r\nhello\r\n0\r\n\r\n${smuggled}`), 400],
  ["a chunk size with 0x", post(chunked, `0x5\r\nhello\r\n0\r\n\r\n${smuggled}`), 400],
  ["a chunk size with an underscore", post(chunked, `0_5\r\nhello\r\n0\r\n\r\n${smuggled}`), 400],
  ["an empty chunk size", post(chunked, `;a\r\nhello\r\n0\r\n\r\n${smuggled}`), 400],
  ["Transfer-Encoding twice", post(chunked + chunked, `0\r\n\r\n${smuggled}`), 400],
  ["Transfer-Encoding: chunked, chunked", post("Transfer-Encoding: chunked, chunked\r\n", `0\r\n\r\n${smuggled}`), 400],
  [
    "Transfer-Encoding: identity, chunked",
    post("Transfer-Encoding: identity, chunked\r\n", `0\r\n\r\n${smuggled}`),
    400,
  ],
  ["Transfer-Encoding with an empty member", post("Transfer-Encoding: ,chunked\r\n", `0\r\n\r\n${smuggled}`), 400],
  ["Transfer-Encoding behind a vertical tab", post("Transfer-Encoding:\x0bchunked\r\n", `0\r\n\r\n${smuggled}`), 400],
  ["Transfer-Encoding: x", post("Transfer-Encoding: x\r\n", smuggled), 400],
  [
    "Transfer-Encoding in HTTP/1.0",
    `POST /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n${chunked}\r\n0\r\n\r\n${smuggled}`,
    400,
  ],
  ["Content-Length and Transfer-Encoding", post(`Content-Length: 5\r\n${chunked}`, `0\r\n\r\n${smuggled}`), 400],
  [
    "Content-Length and Transfer-Encoding, one of them named by Connection",
    post(`Connection: Content-Length\r\nContent-Length: 5\r\n${chunked}`, `0\r\n\r\n${smuggled}`),
    400,
  ],
  ["a Content-Length in a folded line", post("X: a\r\n Content-Length: 5\r\n", smuggled), 400],
  ["a Content-Length behind a bare LF", post(`X: a\nContent-Length: ${smuggled.length}\r\n`, smuggled), 400],
  ["a name that ends in NUL", post(`Content-Length\0: ${smuggled.length}\r\n`, smuggled), 400],
  [
    "CONNECT with a body",
    `CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
    501,
  ],
  ["a space before the version's end", `GET /a HTTP/1.1 \r\nHost: a\r\n\r\n${smuggled}`, 400],
  ["a line feed in the target", `GET /a\nX HTTP/1.1\r\nHost: a\r\n\r\n${smuggled}`, 400],
  ["Expect with two members", post(`Expect: 100-continue, 100-continue\r\nContent-Length: 5\r\n`, "hello"), 417],
];

for (const [what, bytes, status] of refused) {
  test(`${what}: ${status}, the connection ends, and nothing whole reaches the backend`, async () => {
    const reply = await ask(bytes);
    assert.match(reply, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.equal(reply.match(/HTTP\/1\.1 \d\d\d /g)?.length, 1, "one reply");
    assert.deepEqual(
      arrived.filter(({ isWhole }) => isWhole),
      [],
    );
    assert.doesNotMatch(heads, /smuggled/);
  });
}

const body = smuggled;
const length = `Content-Length: ${body.length}\r\n`;
const inChunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

/** Legal: what looks like a request within a body stays a body, and the next request is the next. */
const passed: readonly (readonly [what: string, bytes: string])[] = [
  ["Connection: Content-Length", post(`Connection: Content-Length\r\n${length}`, body)],
  ["Connection: Transfer-Encoding", post(`Connection: Transfer-Encoding\r\n${chunked}`, inChunks)],
  ["Connection: Host, Content-Length, Transfer-Encoding", post(`Connection: Host, Content-Length\r\n${length}`, body)],
  ["GET with a body", get(length) + body],
  ["HEAD with a body", `HEAD /a HTTP/1.1\r\nHost: a\r\n${length}\r\n${body}`],
  ["OPTIONS with a chunked body", `OPTIONS /a HTTP/1.1\r\nHost: a\r\n${chunked}\r\n${inChunks}`],
  ["Expect: 100-continue with the body sent at once", post(`Expect: 100-continue\r\n${length}`, body)],
  ["Expect: 100-continue in GET with a body", get(`Expect: 100-continue\r\n${length}`) + body],
  [
    "Upgrade: h2c with HTTP2-Settings and a body",
    post(`Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n${length}`, body),
  ],
  ["Upgrade with Content-Length", post(`Connection: Upgrade\r\nUpgrade: foo\r\n${length}`, body)],
  ["Upgrade with a chunked body", post(`Connection: Upgrade\r\nUpgrade: foo\r\n${chunked}`, inChunks)],
  ["a Content-Length in a trailer", post(chunked, `${inChunks.slice(0, -2)}Content-Length: 99\r\n\r\n`)],
  ["a Transfer-Encoding in a trailer", post(chunked, `${inChunks.slice(0, -2)}Transfer-Encoding: chunked\r\n\r\n`)],
  ["content_length beside Content-Length", post(`content_length: 0\r\n${length}`, body)],
  ["a chunk extension", post(chunked, inChunks.replace("\r\n", ';a="GET /smuggled HTTP/1.1"\r\n'))],
];

for (const [what, bytes] of passed) {
  test(`${what}: the body stays a body, and the next request is the next`, async () => {
    const next = "GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    const reply = await ask(bytes + next);
    const finals = reply.match(/HTTP\/1\.1 [2-5]\d\d /g) ?? [];
    assert.deepEqual(finals, ["HTTP/1.1 200 ", "HTTP/1.1 200 "], reply);
    const whole = arrived.filter(({ isWhole }) => isWhole);
    assert.deepEqual(
      whole.map(({ target, body: got }) => [target, got]),
      [
        ["/a", body],
        ["/next", ""],
      ],
    );
    assert.doesNotMatch(heads, /upgrade|http2-settings|content_length/i, "what ends at this hop has ended");
    assert.doesNotMatch(heads, /Content-Length: 99/i);
  });
}

test("bytes sent early after an Upgrade that nobody takes are the next request, with its own head", async () => {
  const next = "GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const reply = await ask(get("Connection: Upgrade\r\nUpgrade: foo\r\n") + next);
  assert.equal(reply.match(/HTTP\/1\.1 200 /g)?.length, 2);
  assert.deepEqual(
    arrived.map(({ target }) => target),
    ["/a", "/next"],
  );
});

test("the preface of HTTP/2 behind an Upgrade: h2c is no request and no second protocol", async () => {
  const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  const reply = await ask(
    get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n") + preface,
  );
  assert.deepEqual(reply.match(/HTTP\/1\.1 \d\d\d /g), ["HTTP/1.1 200 ", "HTTP/1.1 505 "]);
  assert.deepEqual(
    arrived.map(({ target }) => target),
    ["/a"],
  );
});

const ask = async (bytes: string): Promise<string> => {
  arrived = [];
  faults = [];
  heads = "";
  const reply = await gateway.ask(bytes);
  assert.deepEqual(faults, [], "the backend got HTTP");
  return reply;
};
