import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyReply } from "../../src/exchange/reply.ts";
import { answering, eventually, okReply, startOrigin, startTestWire } from "./testing-wire.ts";

test("a client that resets takes its backend request with it", async () => {
  const origin = await startOrigin(() => {});
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => origin.requestLines.length === 1);
  client.socket.resetAndDestroy();
  await eventually(() => origin.connections[0]?.hasEnded === true || origin.connections[0]?.isClosed === true);
  await eventually(() => gateway.ended.length === 1);
  assert.equal(gateway.ended[0]?.outcome.isAborted, true);
  assert.equal(gateway.ended[0]?.outcome.status, 0);
  assert.equal(gateway.wire.exchangeCount, 0);
  await gateway.close();
  await origin.close();
});

test("a client that closes in the middle of the reply stops the backend", async () => {
  let isWriting = true;
  const origin = await startOrigin((connection) => {
    connection.socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    const pump = (): void => {
      if (!isWriting || connection.isClosed || connection.hasEnded) return;
      connection.socket.write("3\r\nabc\r\n");
      setTimeout(pump, 5);
    };
    pump();
  });
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until((text) => text.includes("abc"));
  client.socket.destroy();
  await eventually(() => gateway.ended.length === 1);
  await eventually(() => origin.connections[0]?.hasEnded === true || origin.connections[0]?.isClosed === true);
  assert.equal(gateway.ended[0]?.outcome.isAborted, true);
  assert.equal(gateway.ended[0]?.outcome.status, 200);
  isWriting = false;
  await gateway.close();
  await origin.close();
});

test("a client that breaks off its body: the backend's connection ends, so that it sees the truncation", async () => {
  const origin = await startOrigin(() => {});
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  await eventually(() => origin.text.endsWith("abc"));
  client.socket.destroy();
  await eventually(() => origin.connections[0]?.hasEnded === true || origin.connections[0]?.isClosed === true);
  assert.equal(gateway.wire.exchangeCount, 0);
  await gateway.close();
  await origin.close();
});

test("a half-closed client gets its reply", async () => {
  const origin = await startOrigin((connection) => {
    setTimeout(() => connection.socket.write(okReply(), "latin1"), 50);
  });
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.socket.end("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(await client.whole(), /^HTTP\/1\.1 200 [\s\S]*Connection: close[\s\S]*hello$/);
  await gateway.close();
  await origin.close();
});

test("a half-closed client gets the replies of all its pipelined requests, and a refusal of what is incomplete", async () => {
  const origin = await startOrigin(answering(okReply()));
  const gateway = await startTestWire({ origin });
  const request = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
  const whole = await gateway.connect();
  whole.socket.end(request.repeat(3));
  const replies = await whole.whole();
  assert.equal(replies.match(/HTTP\/1\.1 200 /g)?.length, 3);
  assert.match(replies, /Connection: close[\s\S]*hello$/);
  assert.equal(replies.match(/Connection: close/g)?.length, 1);
  const cut = await gateway.connect();
  cut.socket.end(request + request.slice(0, -3));
  assert.match(await cut.whole(), /^HTTP\/1\.1 200 [\s\S]*HTTP\/1\.1 400 [\s\S]*request\.head_invalid/);
  await eventually(() => gateway.wire.connectionCount === 0);
  assert.equal(origin.requestLines.length, 4);
  await gateway.close();
  await origin.close();
});

test("a half-closed client that waits too long counts as gone", async () => {
  const origin = await startOrigin(() => {});
  const gateway = await startTestWire({ origin, limits: { halfClosedMs: 50 } });
  const client = await gateway.connect();
  client.socket.end("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => gateway.ended[0]?.outcome.isAborted === true);
  await eventually(() => origin.connections[0]?.hasEnded === true || origin.connections[0]?.isClosed === true);
  await gateway.close();
  await origin.close();
});

test("a half-closed client with an incomplete body is refused", async () => {
  const origin = await startOrigin(() => {});
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.socket.end("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  assert.match(await client.whole(), /^HTTP\/1\.1 400 [\s\S]*request\.body_invalid/);
  await gateway.close();
  await origin.close();
});

test("an early end at every byte of a request: nothing is left over, nothing incomplete is answered with success", async () => {
  const origin = await startOrigin((connection) => {
    if (connection.text.endsWith("0\r\n\r\n")) connection.socket.write(okReply(), "latin1");
  });
  const gateway = await startTestWire({ origin });
  const request = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  for (let length = 0; length < request.length; length++) {
    const client = await gateway.connect();
    client.socket.end(request.slice(0, length));
    const reply = await client.whole();
    assert.ok(reply === "" || /^HTTP\/1\.1 400 /.test(reply), `${length}: ${reply}`);
  }
  await eventually(() => gateway.wire.connectionCount === 0);
  assert.equal(gateway.wire.exchangeCount, 0);
  await eventually(() => origin.connections.every(({ isClosed, hasEnded }) => isClosed || hasEnded));
  await gateway.close();
  await origin.close();
});

test("a backend that dies in the middle of a body: the client's connection ends without an end of the body", async () => {
  for (const head of ["Content-Length: 100\r\n", "Transfer-Encoding: chunked\r\n"]) {
    const origin = await startOrigin((connection) => {
      connection.socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n3\r\nabc\r\n`, "latin1", () => {
        setTimeout(() => connection.socket.destroy(), 20);
      });
    });
    const gateway = await startTestWire({ origin });
    const reply = await gateway.ask("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.match(reply, /abc\r\n$/);
    assert.doesNotMatch(reply, /0\r\n\r\n$/);
    assert.equal(reply.match(/^HTTP\/1\.1 /gm)?.length, 1);
    assert.equal(gateway.ended[0]?.outcome.isAborted, true);
    await gateway.close();
    await origin.close();
  }
});

test("a backend that dies before its head is complete is 502, and the client's connection goes on", async () => {
  for (const bytes of ["", "HTTP/1.1 200 OK\r\nContent-"]) {
    const origin = await startOrigin((connection) => {
      connection.socket.end(bytes);
    });
    const gateway = await startTestWire({ origin });
    const client = await gateway.connect();
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab");
    await client.until((text) => text.includes("backend.reply_invalid"));
    assert.match(client.text, /^HTTP\/1\.1 502 /);
    assert.doesNotMatch(client.text, /Connection: close/);
    await gateway.close();
    await origin.close();
  }
});

test("a decision that comes after the client has gone ends the exchange all the same", async () => {
  let decide = (): void => {};
  const gateway = await startTestWire({
    inbound: () =>
      new Promise((resolve) => {
        decide = () => resolve(emptyReply(204));
      }),
  });
  const client = await gateway.connect();
  client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => gateway.wire.exchangeCount === 1);
  client.socket.resetAndDestroy();
  await eventually(() => gateway.wire.connectionCount === 0);
  assert.equal(gateway.ended.length, 0);
  decide();
  await eventually(() => gateway.ended.length === 1);
  assert.equal(gateway.ended[0]?.outcome.isAborted, true);
  await gateway.close();
});

test("connections that come and go leave nothing", async () => {
  const origin = await startOrigin(answering(okReply()));
  const gateway = await startTestWire({ origin });
  for (let round = 0; round < 50; round++) {
    const client = await gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".slice(0, round));
    client.socket.destroy();
  }
  await eventually(() => gateway.wire.connectionCount === 0);
  assert.equal(gateway.wire.exchangeCount, 0);
  await gateway.close();
  await origin.close();
});
