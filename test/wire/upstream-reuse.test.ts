import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, type OriginConnection, okReply, startOrigin, startTestWire } from "./testing-wire.ts";

/** Answers the first request of each connection and closes at the second without a byte. */
const dyingAtSecond = (connection: OriginConnection): void => {
  const requests = connection.text.match(/^[A-Z]+ \S+ HTTP\/1\.1$/gm)?.length ?? 0;
  if (requests === 1) connection.socket.write(okReply(), "latin1");
  else connection.socket.resetAndDestroy();
};

for (const [method, extra, isSentAgain] of [
  ["GET", "\r\n", true],
  ["HEAD", "\r\n", true],
  ["OPTIONS", "\r\n", true],
  ["DELETE", "\r\n", true],
  ["PUT", "Content-Length: 0\r\n\r\n", true],
  ["POST", "Content-Length: 0\r\n\r\n", false],
  ["PATCH", "Content-Length: 0\r\n\r\n", false],
  ["PUT", "Content-Length: 2\r\n\r\nab", false],
  ["LOCK", "\r\n", false],
] as const) {
  test(`${method} ${JSON.stringify(extra)} on a connection that dies without a byte: ${isSentAgain ? "sent again" : "502, once"}`, async () => {
    const origin = await startOrigin(dyingAtSecond);
    const gateway = await startTestWire({ origin });
    const client = await gateway.connect();
    client.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.until((text) => text.endsWith("hello"));
    client.send(`${method} /second HTTP/1.1\r\nHost: a\r\n${extra}`);
    const count = (): number => origin.requestLines.filter((line) => line.includes("/second")).length;
    if (isSentAgain) {
      await client.until((text) => text.match(/HTTP\/1\.1 200 /g)?.length === 2);
      assert.equal(count(), 2);
      assert.equal(origin.connections.length, 2);
    } else {
      await client.until((text) => text.includes("backend.reply_invalid"));
      assert.match(client.text, /HTTP\/1\.1 502 /);
      assert.equal(count(), 1);
    }
    await gateway.close();
    await origin.close();
  });
}

test("a request whose reply had begun is never sent again", async () => {
  const origin = await startOrigin((connection) => {
    if (connection.text.includes("/second")) connection.socket.end("HTTP/1.1 200 O");
    else connection.socket.write(okReply(), "latin1");
  });
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until((text) => text.endsWith("hello"));
  client.send("GET /second HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until((text) => text.includes("backend.reply_invalid"));
  assert.equal(origin.requestLines.length, 2);
  await gateway.close();
  await origin.close();
});

test("a fresh connection that dies is not tried again", async () => {
  const origin = await startOrigin((connection) => connection.socket.resetAndDestroy());
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until((text) => text.includes("backend.reply_invalid"));
  assert.equal(origin.connections.length, 1);
  await gateway.close();
  await origin.close();
});

test("a backend that closes after each reply gets a new connection each time, and no call fails", async () => {
  const origin = await startOrigin((connection) => {
    connection.socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  for (let at = 1; at <= 10; at++) {
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    await client.until((text) => text.match(/\r\n\r\nok/g)?.length === at);
    // The close of the last one has been seen: it is not in the pool.
    await eventually(() => gateway.upstreams.connectionCount === 0);
  }
  assert.equal(origin.connections.length, 10);
  await gateway.close();
  await origin.close();
});

test("`Connection: close`, HTTP/1.0 and bytes behind the reply end the connection to the backend", async () => {
  for (const reply of [
    okReply("hello", "Connection: close\r\n"),
    okReply().replace("HTTP/1.1", "HTTP/1.0"),
    `${okReply()}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`,
  ]) {
    const origin = await startOrigin((connection) => connection.socket.write(reply, "latin1"));
    const gateway = await startTestWire({ origin });
    const client = await gateway.connect();
    for (let at = 1; at <= 2; at++) {
      client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
      await client.until((text) => text.match(/\r\n\r\nhello/g)?.length === at);
    }
    assert.equal(origin.connections.length, 2);
    assert.doesNotMatch(client.text, /poison/);
    await gateway.close();
    await origin.close();
  }
});

test("bytes that nobody asked for on an idle connection are not the next call's reply", async () => {
  const origin = await startOrigin((connection) => {
    connection.socket.write(okReply(), "latin1");
    setTimeout(() => connection.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"), 20);
  });
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until((text) => text.endsWith("hello"));
  await eventually(() => gateway.upstreams.connectionCount === 0);
  client.send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until((text) => text.match(/\r\n\r\nhello/g)?.length === 2);
  assert.doesNotMatch(client.text, /poison/);
  await gateway.close();
  await origin.close();
});

test("the last idle connection is used first", async () => {
  const origin = await startOrigin((connection) => {
    setTimeout(() => connection.socket.write(okReply(), "latin1"), 10);
  });
  const gateway = await startTestWire({ origin });
  const clients = await Promise.all([1, 2, 3].map(() => gateway.connect()));
  for (const client of clients) client.send("GET /together HTTP/1.1\r\nHost: a\r\n\r\n");
  for (const client of clients) await client.until((text) => text.endsWith("hello"));
  assert.equal(origin.connections.length, 3);
  const [first] = clients;
  for (let at = 2; at <= 6; at++) {
    first?.send("GET /alone HTTP/1.1\r\nHost: a\r\n\r\n");
    await first?.until((text) => text.match(/hello/g)?.length === at);
  }
  assert.equal(origin.connections.filter(({ text }) => text.includes("/alone")).length, 1);
  await gateway.close();
  await origin.close();
});

test("limits: so many connections, so many waiting, then 503; the waiting are served in order", async () => {
  const answers: (() => void)[] = [];
  const origin = await startOrigin((connection) => {
    answers.push(() => connection.socket.write(okReply(), "latin1"));
  });
  const gateway = await startTestWire({ origin, target: { connectionsMax: 2, pendingMax: 2 } });
  const clients = [];
  for (let at = 1; at <= 5; at++) {
    const client = await gateway.connect();
    clients.push(client);
    client.send(`GET /${at} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await eventually(() => gateway.wire.exchangeCount === Math.min(at, 4) || at === 5);
    if (at <= 2) await eventually(() => origin.requestLines.length === at);
  }
  await clients[4]?.until((text) => text.includes("backend.overloaded"));
  assert.match(clients[4]?.text ?? "", /^HTTP\/1\.1 503 /);
  answers.shift()?.();
  await eventually(() => origin.requestLines.length === 3);
  answers.shift()?.();
  await eventually(() => origin.requestLines.length === 4);
  while (answers.length > 0) answers.shift()?.();
  await clients[2]?.until((text) => text.endsWith("hello"));
  await clients[3]?.until((text) => text.endsWith("hello"));
  assert.equal(origin.connections.length, 2);
  await gateway.close();
  await origin.close();
});

test("who waits too long for a connection is told so, and one who leaves the queue is not sent", async () => {
  const origin = await startOrigin(() => {});
  const gateway = await startTestWire({ origin, target: { connectionsMax: 1, connectTimeoutMs: 150 } });
  const [busy, waiting, leaving] = [await gateway.connect(), await gateway.connect(), await gateway.connect()];
  busy.send("GET /busy HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => origin.requestLines.length === 1);
  waiting.send("GET /waiting HTTP/1.1\r\nHost: a\r\n\r\n");
  leaving.send("GET /leaving HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => gateway.wire.exchangeCount === 3);
  leaving.socket.resetAndDestroy();
  await waiting.until((text) => text.includes("backend.overloaded"));
  assert.match(waiting.text, /^HTTP\/1\.1 503 /);
  assert.deepEqual(origin.requestLines, ["GET /busy HTTP/1.1"]);
  await gateway.close();
  await origin.close();
});

test("equal places share a pool while anybody uses it; the last one to leave closes it", async () => {
  const origin = await startOrigin((connection) => connection.socket.write(okReply(), "latin1"));
  const gateway = await startTestWire({ origin });
  const { targetOf } = await import("./testing-wire.ts");
  const other = gateway.upstreams.to(targetOf(origin, { headers: [["X-Key", "k"]] }));
  assert.equal(gateway.upstreams.poolCount, 1);
  const different = gateway.upstreams.to(targetOf(origin, { connectionsMax: 3 }));
  assert.equal(gateway.upstreams.poolCount, 2);
  different.dispose();
  other.dispose();
  other.dispose();
  assert.equal(gateway.upstreams.poolCount, 1);
  await gateway.close();
  await origin.close();
});
