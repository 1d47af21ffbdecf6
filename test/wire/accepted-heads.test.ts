import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { answering, type Origin, okReply, startOrigin, startTestWire, type TestWire } from "./testing-wire.ts";

let origin: Origin;
let gateway: TestWire;
const stop = async (): Promise<void> => {
  await gateway?.close();
  await origin?.close();
};
beforeEach(async () => {
  await stop();
  origin = await startOrigin(answering(okReply()));
  gateway = await startTestWire({
    origin,
    inbound: (x) => void facts.push([x.request.host, x.request.path, x.request.query]),
  });
  facts.length = 0;
});
after(stop);
const facts: (readonly string[])[] = [];

const closing = "Connection: close\r\n\r\n";

test("absolute-form: the host comes from the target, not from Host (RFC 9112 section 3.2.2)", async () => {
  await gateway.ask(`GET http://Real.Example:81/p?q=1 HTTP/1.1\r\nHost: other\r\n${closing}`);
  assert.deepEqual(facts, [["real.example:81", "/p", "q=1"]]);
  assert.match(origin.text, /^GET \/p\?q=1 HTTP/);
  assert.match(origin.text, /X-Forwarded-Host: real\.example:81/);
  assert.doesNotMatch(origin.text, /other/);
});

test("absolute-form without a path, with and without a query", async () => {
  await gateway.ask(`GET http://a HTTP/1.1\r\nHost: a\r\n${closing}`);
  await gateway.ask(`GET http://a?x=/../y HTTP/1.1\r\nHost: a\r\n${closing}`);
  assert.deepEqual(facts, [
    ["a", "/", ""],
    ["a", "/", "x=/../y"],
  ]);
  assert.deepEqual(origin.requestLines, ["GET / HTTP/1.1", "GET /?x=/../y HTTP/1.1"]);
});

test("asterisk-form is for OPTIONS", async () => {
  await gateway.ask(`OPTIONS * HTTP/1.1\r\nHost: a\r\n${closing}`);
  assert.deepEqual(facts, [["a", "*", ""]]);
});

test("encoded slashes, double slashes and odd characters go on as they came", async () => {
  for (const path of ["/a%2Fb", "//a//b", "/a;b=c", "/%C3%A9?x=%2e%2e/../&y=\\", "/a{b}|c"]) {
    await gateway.ask(`GET ${path} HTTP/1.1\r\nHost: a\r\n${closing}`);
  }
  assert.deepEqual(origin.requestLines, [
    "GET /a%2Fb HTTP/1.1",
    "GET //a//b HTTP/1.1",
    "GET /a;b=c HTTP/1.1",
    "GET /%C3%A9?x=%2e%2e/../&y=\\ HTTP/1.1",
    "GET /a{b}|c HTTP/1.1",
  ]);
});

test("an empty line before the request line is overlooked (RFC 9112 section 2.2)", async () => {
  assert.match(await gateway.ask(`\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n${closing}`), /^HTTP\/1\.1 200 /);
});

test("IPv6 hosts, ports, empty ports", async () => {
  for (const host of ["[::1]:8080", "[2001:DB8::1]", "A.b:80", "a:"]) {
    await gateway.ask(`GET / HTTP/1.1\r\nHost: ${host}\r\n${closing}`);
  }
  assert.deepEqual(
    facts.map(([host]) => host),
    ["[::1]:8080", "[2001:db8::1]", "a.b:80", "a"],
  );
});

test("a head in single bytes is the same request", async () => {
  const client = await gateway.connect();
  for (const byte of `GET /slow HTTP/1.1\r\nHost: a\r\nX: y\r\n${closing}`) {
    client.send(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.match(await client.whole(), /^HTTP\/1\.1 200 OK\r\n[\s\S]*hello$/);
  assert.deepEqual(origin.requestLines, ["GET /slow HTTP/1.1"]);
});

test("HTTP/1.2 is spoken to as 1.1; HTTP/1.0 without Host is served", async () => {
  assert.match(await gateway.ask(`GET / HTTP/1.2\r\nHost: a\r\n${closing}`), /^HTTP\/1\.1 200 /);
  assert.match(await gateway.ask("GET / HTTP/1.0\r\n\r\n"), /^HTTP\/1\.1 200 /);
  assert.match(await gateway.ask("GET /x HTTP/1.1\r\n\r\n"), /^HTTP\/1\.1 400 /);
});

test("Upgrade is not passed on: the request goes on without it (RFC 9110 section 7.8 allows to ignore it)", async () => {
  const reply = await gateway.ask(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
  );
  assert.match(reply, /^HTTP\/1\.1 200 /);
  assert.doesNotMatch(origin.text, /upgrade|http2-settings/i);
});
