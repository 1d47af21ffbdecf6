import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { eventually, okReply, startOrigin, startTestWire } from "./testing-wire.ts";

/** Reads one connection of a backend as a strict server does; throws where anything is not exactly right. */
const requestsIn = (text: string): readonly string[] => {
  const lines: string[] = [];
  let rest = text;
  while (rest !== "") {
    const end = rest.indexOf("\r\n\r\n");
    if (end < 0) return lines;
    const [line = "", ...fields] = rest.slice(0, end).split("\r\n");
    // A body that was not announced is the begin of the next request: its method, `helloGET`, is a token like any other.
    assert.match(line, /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ \/\S* HTTP\/1\.1$/);
    for (const field of fields) assert.match(field, /^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[ \t]*[\t\x20-\x7e\x80-\xff]*$/);
    lines.push(line);
    const lengths = fields.filter((field) => /^content-length:/i.test(field));
    const codings = fields.filter((field) => /^transfer-encoding:/i.test(field));
    assert.ok(lengths.length + codings.length <= 1, "one framing field");
    assert.equal(fields.filter((field) => /^host:/i.test(field)).length, 1);
    rest = rest.slice(end + 4);
    if (codings.length === 1) {
      const body = /^(?:[0-9A-Fa-f]+\r\n[\s\S]*?\r\n)*?0\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(rest);
      if (body === null) return lines;
      rest = rest.slice(body[0].length);
    } else if (lengths.length === 1) rest = rest.slice(Number(lengths[0]?.split(":")[1]));
  }
  return lines;
};

/** Field lines and bodies that somebody might try; most requests made of them are illegal. */
const line = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("Accept: */*", "X-A: b", "Cookie: a=b") },
  { weight: 2, arbitrary: fc.constantFrom("Content-Length: 5", "Transfer-Encoding: chunked") },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "Content-Length: 0",
      "Content-Length: +5",
      "Content-Length: 5, 5",
      "Content-Length:\t5",
      "Content-Length : 5",
      " Content-Length: 5",
      "Content_Length: 5",
      "Transfer-Encoding: xchunked",
      "Transfer-Encoding : chunked",
      "Transfer-Encoding:\x0bchunked",
      "Transfer-Encoding: chunked, identity",
      "Transfer-Encoding\n: chunked",
      "X: y\nTransfer-Encoding: chunked",
      "X: y\rTransfer-Encoding: chunked",
      "transfer_encoding: chunked",
      "Connection: Content-Length",
      "Connection: Transfer-Encoding, close",
      "Connection: Host",
      "Host: other",
      "Expect: 100-continue",
    ),
  },
);
const body = fc.constantFrom(
  "",
  "hello",
  "5\r\nhello\r\n0\r\n\r\n",
  '5;x="\n"\r\nhello\r\n0\r\n\r\n',
  "5\nhello\n0\n\n",
  "0\r\n\r\n",
  "5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
  "00005\r\nhello\r\n0\r\n\r\n",
  "fffffffffffffff5\r\nhello\r\n0\r\n\r\n",
);
const request = fc.tuple(fc.constantFrom("GET", "POST"), fc.array(line, { maxLength: 4 }), body).map(
  ([method, lines, text]) =>
    (at: number) =>
      `${method} /r${at} HTTP/1.1\r\nHost: a\r\n${lines.map((field) => `${field}\r\n`).join("")}\r\n${text}`,
);

test("whatever a client sends, each backend connection carries only whole, unambiguous requests, none of them smuggled", async () => {
  const origin = await startOrigin((connection) => {
    const count = requestsIn(connection.text).length;
    const isWhole = /\r\n\r\n$|hello$|0\r\n\r\n$/.test(connection.text);
    const answered = replied.get(connection) ?? 0;
    if (count > answered && isWhole) {
      replied.set(connection, count);
      connection.socket.write(okReply(), "latin1");
    }
  });
  const replied = new WeakMap<object, number>();
  const gateway = await startTestWire({
    origin,
    limits: { headTimeoutMs: 100, bodyStallMs: 100, halfClosedMs: 50, lingerMs: 50 },
    target: { timeoutMs: 150 },
  });
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 3 }), fc.nat(200), async (makers, cut) => {
      const before = origin.requestLines.length;
      const text = makers.map((make, at) => make(at)).join("");
      const client = await gateway.connect();
      client.send(text.slice(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      client.socket.end(text.slice(cut), "latin1");
      const reply = await client.whole();
      const replies = reply.match(/HTTP\/1\.1 [2-5]\d\d /g)?.length ?? 0;
      await eventually(() => gateway.wire.connectionCount === 0);
      const reached = origin.requestLines.slice(before).length;
      assert.ok(reached <= makers.length, `${reached} requests reached the backend`);
      assert.ok(reached <= replies + 1, `${reached} reached, ${replies} were answered`);
      for (const connection of origin.connections) requestsIn(connection.text);
    }),
    { numRuns: 100, interruptAfterTimeLimit: 6_000 },
  );
  await gateway.close();
  await origin.close();
});
