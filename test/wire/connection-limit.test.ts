import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyReply } from "../../src/exchange/reply.ts";
import { eventually, startTestWire } from "./testing-wire.ts";

test("above the limit of connections a new one is closed at once, and a place that becomes free is given again", async () => {
  const gateway = await startTestWire({ limits: { connectionsMax: 2 }, inbound: () => emptyReply(204) });
  const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const [first, second] = [await gateway.connect(), await gateway.connect()];
  for (const client of [first, second]) {
    client.send(get);
    await client.until((text) => text.startsWith("HTTP/1.1 204"));
  }
  const third = await gateway.connect();
  assert.equal(await third.whole(), "");
  first.socket.destroy();
  await eventually(() => gateway.wire.connectionCount === 1);
  const fourth = await gateway.connect();
  fourth.send(get);
  assert.match(await fourth.until((text) => text.endsWith("\r\n\r\n")), /^HTTP\/1\.1 204 /);
  await gateway.close();
});
