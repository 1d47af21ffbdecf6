import assert from "node:assert/strict";
import { test } from "node:test";
import { answering, okReply, startOrigin, startTestWire } from "./testing-wire.ts";

test("a request and its reply pass through", async () => {
  const origin = await startOrigin(answering(okReply()));
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.send("GET /a/b?x=1&y=%20 HTTP/1.1\r\nHost: api.example:8080\r\nAccept: */*\r\nUser-Agent: raw\r\n\r\n");
  const reply = await client.until((text) => text.endsWith("hello"));
  assert.match(
    reply,
    /^HTTP\/1\.1 200 OK\r\nContent-Type: text\/plain\r\nContent-Length: 5\r\nX-Request-Id: \S+\r\ndate: /,
  );
  assert.match(
    origin.text,
    /^GET \/a\/b\?x=1&y=%20 HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\nAccept: \*\/\*\r\nUser-Agent: raw\r\n/,
  );
  assert.match(
    origin.text,
    /\r\nX-Forwarded-For: 127\.0\.0\.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: api\.example:8080\r\n/,
  );
  assert.match(
    origin.text,
    /\r\nForwarded: for=127\.0\.0\.1;host="api\.example:8080";proto=http\r\nVia: 1\.1 portico\r\n/,
  );
  assert.match(origin.text, /\r\ntraceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-00\r\n\r\n$/);
  await gateway.close();
  await origin.close();
});

test("a connection serves many requests, and so does the one to the backend", async () => {
  const origin = await startOrigin(answering(okReply()));
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  for (let at = 1; at <= 20; at++) {
    client.send(`GET /${at} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await client.until((text) => text.split("hello").length === at + 1);
  }
  assert.equal(origin.connections.length, 1);
  assert.equal(origin.requestLines.length, 20);
  assert.equal(new Set(client.text.match(/X-Request-Id: (\S+)/g)).size, 20);
  assert.equal(gateway.ended.length, 20);
  assert.deepEqual(
    gateway.ended.map(({ outcome }) => [outcome.status, outcome.isAborted]),
    Array.from({ length: 20 }, () => [200, false]),
  );
  await gateway.close();
  await origin.close();
});
