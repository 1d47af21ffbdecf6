import assert from "node:assert/strict";
import { test } from "node:test";
import { refuse } from "../../src/exchange/refuse.ts";
import { eventually, okReply, startOrigin, startTestWire } from "./testing-wire.ts";

const head = "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 4\r\n\r\n";

test("the body is asked for when it is forwarded, and Expect ends here", async () => {
  const origin = await startOrigin((connection) => {
    if (connection.text.endsWith("abcd")) connection.socket.write(okReply("done"), "latin1");
  });
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.send(head);
  await client.until((text) => text.endsWith("\r\n\r\n"));
  assert.equal(client.text, "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abcd");
  await client.until((text) => text.endsWith("done"));
  assert.match(client.text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  assert.doesNotMatch(origin.text, /expect/i);
  await gateway.close();
  await origin.close();
});

test("a refusal comes without 100, and the connection ends: the body may come or not", async () => {
  const gateway = await startTestWire({ inbound: () => refuse("key.missing") });
  const client = await gateway.connect();
  client.send(head);
  const reply = await client.whole();
  assert.match(reply, /^HTTP\/1\.1 401 /);
  assert.match(reply, /Connection: close/);
  assert.doesNotMatch(reply, /100 Continue/);
  await gateway.close();
});

test("no 100 for a body that is already there, nor where the backend cannot be reached", async () => {
  const origin = await startOrigin((connection) => {
    if (connection.text.endsWith("abcd")) connection.socket.write(okReply("done"), "latin1");
  });
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.send(`${head}abcd`);
  await client.until((text) => text.endsWith("done"));
  assert.match(client.text, /^HTTP\/1\.1 200 /);
  await gateway.close();
  await origin.close();
  const nowhere = await startTestWire({ target: { url: "http://127.0.0.1:1" } });
  const reply = await nowhere.ask(head);
  assert.match(reply, /^HTTP\/1\.1 502 [\s\S]*"code":"backend\.unreachable"/);
  await nowhere.close();
});

test("an early reply of the backend reaches the client before the body is through", async () => {
  const origin = await startOrigin((connection) => {
    if (connection.text.includes("part")) {
      connection.socket.write("HTTP/1.1 422 No\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbad", "latin1");
    }
  });
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\npart");
  await client.until((text) => text.endsWith("bad"));
  assert.match(client.text, /^HTTP\/1\.1 422 No\r\n/);
  // The rest of the body is read and thrown away, so that the connection goes on.
  client.send("x".repeat(100_000 - 4));
  client.send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => origin.text.includes("GET /b HTTP/1.1"));
  assert.doesNotMatch(origin.text, /xxxxx/);
  assert.equal(origin.connections.length, 2);
  await gateway.close();
  await origin.close();
});

test("an unread body above the limit closes the connection, and the client still sees the reply", async () => {
  const gateway = await startTestWire({
    inbound: () => refuse("key.missing"),
    limits: { unreadBodyBytesMax: 1000, lingerMs: 500 },
  });
  const client = await gateway.connect();
  client.send(`POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n${"x".repeat(300_000)}`);
  const reply = await client.whole();
  assert.match(reply, /^HTTP\/1\.1 401 [\s\S]*Connection: close[\s\S]*key\.missing/);
  await gateway.close();
});

test("an unread chunked body below the limit is read to its end and the connection goes on", async () => {
  const gateway = await startTestWire({ inbound: () => refuse("key.missing") });
  const client = await gateway.connect();
  client.send(
    "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
  );
  await client.until((text) => text.match(/HTTP\/1\.1 401/g)?.length === 2);
  assert.deepEqual(
    gateway.ended.map(({ path }) => path),
    ["/a", "/b"],
  );
  await gateway.close();
});
