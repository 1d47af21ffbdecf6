import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { eventually, okReply, startOrigin, startTestWire } from "./testing-wire.ts";

test("drain: idle connections end, replies in flight come with `Connection: close`, nobody is accepted any more", async () => {
  let answer = (): void => {};
  const origin = await startOrigin((connection) => {
    answer = () => connection.socket.write(okReply(), "latin1");
  });
  const gateway = await startTestWire({ origin });
  const [idle, busy] = [await gateway.connect(), await gateway.connect()];
  busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => origin.requestLines.length === 1);
  const drained = gateway.wire.drain(5_000);
  assert.equal(await idle.whole(), "");
  const refused = await new Promise<string>((resolve) => {
    const late = connect({ port: gateway.port, host: "127.0.0.1" });
    late.on("error", (error) => resolve(String((error as NodeJS.ErrnoException).code)));
    late.on("connect", () => resolve("connected"));
  });
  assert.equal(refused, "ECONNREFUSED");
  answer();
  assert.match(await busy.whole(), /^HTTP\/1\.1 200 [\s\S]*Connection: close[\s\S]*hello$/);
  await drained;
  assert.equal(gateway.wire.connectionCount, 0);
  await gateway.close();
  await origin.close();
});

test("drain: what is left at the deadline is cut off", async () => {
  const origin = await startOrigin(() => {});
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => origin.requestLines.length === 1);
  const startedMs = performance.now();
  await gateway.wire.drain(100);
  assert.ok(performance.now() - startedMs < 2_000);
  assert.equal(gateway.wire.connectionCount, 0);
  assert.equal(gateway.ended[0]?.outcome.isAborted, true);
  await gateway.close();
  await origin.close();
});
