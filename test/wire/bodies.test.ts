import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { eventually, type OriginHandler, okReply, startOrigin, startTestWire } from "./testing-wire.ts";

/** Answers when the connection's text ends as given. */
const answeringAt =
  (end: string, reply = okReply("done")): OriginHandler =>
  (connection) => {
    if (connection.text.endsWith(end)) connection.socket.write(reply, "latin1");
  };

const bodyOf = (text: string): string => text.slice(text.indexOf("\r\n\r\n") + 4);

test("a body with a length passes, however it is cut", async () => {
  const origin = await startOrigin(answeringAt("0123456789"));
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234");
  await eventually(() => origin.text.endsWith("01234"));
  client.send("56789");
  await client.until((text) => text.endsWith("done"));
  assert.match(origin.text, /\r\nContent-Length: 10\r\n\r\n0123456789$/);
  assert.equal(origin.text.match(/content-length/gi)?.length, 1);
  await gateway.close();
  await origin.close();
});

test("a chunked body passes as chunks; extensions end here, trailers pass but for those that frame or route", async () => {
  const origin = await startOrigin(answeringAt("\r\n\r\n", ""));
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.send(
    'POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x="y"\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Sum: 7\r\nContent-Length: 99\r\n\r\n',
  );
  await eventually(() => origin.text.endsWith("7\r\n\r\n"));
  assert.equal(bodyOf(origin.text), "3\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Sum: 7\r\n\r\n");
  assert.match(origin.text, /\r\nTransfer-Encoding: chunked\r\n/);
  await gateway.close();
  await origin.close();
});

test("a bad chunk is refused with 400; the backend's connection ends, nothing behind it is a request", async () => {
  const origin = await startOrigin(() => {});
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.send("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  await eventually(() => origin.text.endsWith("abc\r\n"));
  client.send("zz\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
  const reply = await client.whole();
  assert.match(reply, /^HTTP\/1\.1 400 [\s\S]*"code":"request\.body_invalid"/);
  await eventually(() => origin.connections[0]?.isClosed === true || origin.connections[0]?.hasEnded === true);
  assert.equal(origin.requestLines.length, 1);
  assert.doesNotMatch(origin.text, /smuggled/);
  await gateway.close();
  await origin.close();
});

test("a chunked body over the limit is refused with 413 while it is counted", async () => {
  const origin = await startOrigin(() => {});
  const gateway = await startTestWire({ origin, limits: { bodyBytesMax: 10 } });
  const reply = await gateway.ask(
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nB\r\n0123456789a\r\n0\r\n\r\n",
  );
  assert.match(reply, /^HTTP\/1\.1 413 [\s\S]*"code":"request\.body_too_large"/);
  await gateway.close();
  await origin.close();
});

test("replies: length, chunked with trailers, and until close, which becomes chunked for 1.1 and stays for 1.0", async () => {
  const replies: Record<string, string> = {
    "/length": okReply("abcde"),
    "/chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nabcde\r\n0\r\nX-T: 1\r\n\r\n",
    "/close": "HTTP/1.1 200 OK\r\nX: 1\r\n\r\nabcde",
  };
  const origin = await startOrigin((connection, bytes) => {
    const path = /^GET (\S+)/.exec(bytes)?.[1] ?? "";
    connection.socket.write(replies[path] ?? "", "latin1");
    if (path === "/close") connection.socket.end();
  });
  const gateway = await startTestWire({ origin });
  const ask = (path: string, version: string): Promise<string> =>
    gateway.ask(`GET ${path} HTTP/${version}\r\nHost: a\r\nConnection: close\r\n\r\n`);
  assert.equal(bodyOf(await ask("/length", "1.1")), "abcde");
  assert.equal(bodyOf(await ask("/length", "1.0")), "abcde");
  const chunked = await ask("/chunked", "1.1");
  assert.equal(bodyOf(chunked), "5\r\nabcde\r\n0\r\nX-T: 1\r\n\r\n");
  assert.match(chunked, /Transfer-Encoding: chunked/);
  const old = await ask("/chunked", "1.0");
  assert.equal(bodyOf(old), "abcde");
  assert.doesNotMatch(old, /transfer-encoding/i);
  const untilClose = await ask("/close", "1.1");
  assert.equal(bodyOf(untilClose), "5\r\nabcde\r\n0\r\n\r\n");
  assert.match(untilClose, /Transfer-Encoding: chunked/);
  assert.equal(bodyOf(await ask("/close", "1.0")), "abcde");
  await gateway.close();
  await origin.close();
});

test("HEAD, 204 and 304 have no body, and the connection goes on", async () => {
  const origin = await startOrigin((connection, bytes) => {
    const [, method, path] = /^(\S+) (\S+)/.exec(bytes) ?? [];
    if (method === "HEAD") connection.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
    else if (path === "/204") connection.socket.write("HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n");
    else if (path === "/304")
      connection.socket.write("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: x\r\n\r\n");
    else connection.socket.write(okReply("end"));
  });
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.send("HEAD /h HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until((text) => text.endsWith("\r\n\r\n"));
  assert.match(client.text, /Content-Length: 500/);
  client.send("GET /204 HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until((text) => /204 No Content[\s\S]*\r\n\r\n$/.test(text));
  assert.doesNotMatch(client.text.slice(client.text.indexOf("204 No")), /content-length/i);
  client.send("GET /304 HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until((text) => /304 Not[\s\S]*\r\n\r\n$/.test(text));
  client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until((text) => text.endsWith("end"));
  assert.equal(origin.connections.length, 1);
  await gateway.close();
  await origin.close();
});

test("100 MiB pass in each direction without being held: what is in flight stays small while the other side waits", async () => {
  const total = 100 * 1024 * 1024;
  const sent = createHash("sha256");
  const received = createHash("sha256");
  let count = 0;
  const block = Buffer.alloc(64 * 1024, "portico ");
  const origin = await startOrigin((connection, bytes) => {
    // The request's head arrives alone: the body is held back until the backend has been seen to wait.
    if (!connection.text.startsWith("POST")) return;
    const at = count === 0 ? bytes.indexOf("\r\n\r\n") + 4 : 0;
    const data = Buffer.from(bytes.slice(at), "latin1");
    received.update(data);
    count += data.length;
    connection.text = "POST (cut)";
    if (count === total) connection.socket.write(okReply("whole"), "latin1");
  });
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${total}\r\n\r\n`);
  for (let at = 0; at < total; at += block.length) {
    sent.update(block);
    if (!client.socket.write(block)) await new Promise((resolve) => client.socket.once("drain", resolve));
  }
  await client.until((text) => text.endsWith("whole"));
  assert.equal(received.digest("hex"), sent.digest("hex"));
  await gateway.close();
  await origin.close();
});

test("backpressure towards the backend: a backend that does not read stops the client", async () => {
  const origin = await startOrigin((connection) => {
    connection.socket.pause();
  });
  const gateway = await startTestWire({ origin, limits: { bodyStallMs: 60_000 } });
  const client = await gateway.connect();
  const total = 256 * 1024 * 1024;
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${total}\r\n\r\n`);
  const block = Buffer.alloc(256 * 1024, "x");
  let written = 0;
  let lastProgressMs = performance.now();
  while (performance.now() - lastProgressMs < 700 && written < total) {
    if (client.socket.writableLength < block.length) {
      client.socket.write(block);
      written += block.length;
      lastProgressMs = performance.now();
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  // Kernel buffers on two connections and one chunk in each process part: far from the whole.
  assert.ok(written < 64 * 1024 * 1024, `${written} bytes were taken`);
  await gateway.close();
  await origin.close();
});

test("backpressure towards the client: a client that does not read stops the backend", async () => {
  let written = 0;
  let isOpen = true;
  const block = Buffer.alloc(256 * 1024, "y");
  const origin = await startOrigin((connection) => {
    connection.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${1024 * 1024 * 1024}\r\n\r\n`);
    const pump = (): void => {
      while (isOpen && connection.socket.writableLength < block.length) {
        connection.socket.write(block);
        written += block.length;
      }
      if (isOpen) setTimeout(pump, 2);
    };
    pump();
  });
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.socket.pause();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  let before = -1;
  await eventually(() => written > 0);
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    if (written === before) break;
    before = written;
    assert.ok(written < 64 * 1024 * 1024, `${written} bytes were taken`);
  }
  isOpen = false;
  client.socket.destroy();
  await gateway.close();
  await origin.close();
});
