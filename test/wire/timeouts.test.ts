import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "../../src/base/clock.ts";
import { eventually, okReply, startOrigin, startTestWire } from "./testing-wire.ts";

test("a head that is not complete in time is 408, however many bytes keep coming", async () => {
  const clock = manualClock();
  const gateway = await startTestWire({ clock });
  const client = await gateway.connect();
  client.send("GET / HTTP/1.1\r\n");
  await new Promise((resolve) => setTimeout(resolve, 30));
  clock.advance(6_000);
  client.send("X: y\r\n");
  await new Promise((resolve) => setTimeout(resolve, 30));
  clock.advance(6_000);
  assert.match(await client.whole(), /^HTTP\/1\.1 408 [\s\S]*Connection: close[\s\S]*request\.timeout/);
  await gateway.close();
});

test("an idle connection is closed without a word", async () => {
  const clock = manualClock();
  const origin = await startOrigin((connection) => connection.socket.write(okReply(), "latin1"));
  const gateway = await startTestWire({ clock, origin });
  const [fresh, used] = [await gateway.connect(), await gateway.connect()];
  used.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await used.until((text) => text.endsWith("hello"));
  clock.advance(61_000);
  assert.equal(await fresh.whole(), "");
  assert.match(await used.whole(), /hello$/);
  await eventually(() => gateway.wire.connectionCount === 0);
  await gateway.close();
  await origin.close();
});

test("a body that stalls is 408, and its backend request ends", async () => {
  const clock = manualClock();
  const origin = await startOrigin(() => {});
  const gateway = await startTestWire({ clock, origin, target: { timeoutMs: 100_000 } });
  const client = await gateway.connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  await eventually(() => origin.text.endsWith("abc"));
  clock.advance(31_000);
  assert.match(await client.whole(), /^HTTP\/1\.1 408 [\s\S]*request\.timeout/);
  await eventually(() => origin.connections[0]?.hasEnded === true || origin.connections[0]?.isClosed === true);
  await gateway.close();
  await origin.close();
});

test("a backend that does not answer in time is 504, by its own limit or the call's", async () => {
  for (const [forward, afterMs] of [
    [{}, 5_100],
    [{ timeoutMs: 700 }, 800],
  ] as const) {
    const clock = manualClock();
    const origin = await startOrigin(() => {});
    const gateway = await startTestWire({ clock, origin, forward });
    const client = await gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await eventually(() => origin.requestLines.length === 1);
    clock.advance(afterMs / 2);
    await new Promise((resolve) => setTimeout(resolve, 40));
    assert.equal(client.text, "");
    clock.advance(afterMs / 2 + 50);
    await client.until((text) => text.includes("backend.timeout"));
    assert.match(client.text, /^HTTP\/1\.1 504 /);
    await eventually(() => origin.connections[0]?.hasEnded === true || origin.connections[0]?.isClosed === true);
    await gateway.close();
    await origin.close();
  }
});

test("a reply that stalls ends the client's connection", async () => {
  const clock = manualClock();
  const origin = await startOrigin((connection) => {
    connection.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  });
  const gateway = await startTestWire({ clock, origin });
  const client = await gateway.connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until((text) => text.endsWith("abc"));
  clock.advance(310_000);
  assert.match(await client.whole(), /abc$/);
  assert.equal(gateway.ended[0]?.outcome.isAborted, true);
  await gateway.close();
  await origin.close();
});

test("a client that takes nothing is cut off", async () => {
  const clock = manualClock();
  const origin = await startOrigin((connection) => {
    connection.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${64 * 1024 * 1024}\r\n\r\n`);
    connection.socket.write(Buffer.alloc(64 * 1024 * 1024));
  });
  const gateway = await startTestWire({ clock, origin });
  const client = await gateway.connect();
  client.socket.pause();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => origin.requestLines.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 300));
  clock.advance(61_000);
  await eventually(() => gateway.ended[0]?.outcome.isAborted === true);
  client.socket.destroy();
  await gateway.close();
  await origin.close();
});

test("an idle connection to the backend is closed after its time", async () => {
  const clock = manualClock();
  const origin = await startOrigin((connection) => connection.socket.write(okReply(), "latin1"));
  const gateway = await startTestWire({ clock, origin });
  const client = await gateway.connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until((text) => text.endsWith("hello"));
  clock.advance(31_000);
  await eventually(() => gateway.upstreams.connectionCount === 0);
  await gateway.close();
  await origin.close();
});
