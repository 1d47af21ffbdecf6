import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "../../src/base/clock.ts";
import { emptyReply } from "../../src/exchange/reply.ts";
import { eventually, startOrigin, startTestWire } from "./testing-wire.ts";

const slowClients = 200;

test("two hundred clients that never finish a head hold up nobody, and all of them end by the limit", async () => {
  const clock = manualClock();
  const gateway = await startTestWire({ clock, inbound: () => emptyReply(204) });
  const slow = await Promise.all(Array.from({ length: slowClients }, () => gateway.connect()));
  for (const client of slow) client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
  const quick = await gateway.connect();
  quick.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assert.match(await quick.whole(), /^HTTP\/1\.1 204 /);
  assert.equal(gateway.wire.exchangeCount, 0, "a head that is not there yet is no call in flight");
  for (const client of slow) client.send("y");
  clock.advance(10_100);
  for (const client of slow) assert.match(await client.whole(), /^HTTP\/1\.1 408 /);
  await eventually(() => gateway.wire.connectionCount === 0);
  await gateway.close();
});

test("clients that read nothing of big replies hold back their backends and not the gateway, and end by the limit", async () => {
  const clock = manualClock();
  const bytes = 16 * 1024 * 1024;
  const origin = await startOrigin((connection) => {
    connection.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`);
    connection.socket.write(Buffer.alloc(bytes));
  });
  const gateway = await startTestWire({ clock, origin });
  const count = 10;
  const slow = await Promise.all(Array.from({ length: count }, () => gateway.connect()));
  for (const client of slow) {
    client.socket.pause();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  await eventually(() => origin.requestLines.length === count);
  // What the sockets of both sides hold is the kernel's; the rest must still be where it came from.
  await eventually(() => origin.connections.every(({ socket }) => socket.writableLength > 0));
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(
    origin.connections.filter(({ socket }) => socket.writableLength === 0).length,
    0,
    "none had been read whole",
  );
  clock.advance(60_100);
  await eventually(() => gateway.ended.filter(({ outcome }) => outcome.isAborted).length === count);
  await eventually(() => gateway.wire.connectionCount === 0);
  for (const client of slow) client.socket.destroy();
  await gateway.close();
  await origin.close();
});
