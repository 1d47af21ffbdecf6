import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import type { StreamSettings } from "../../src/gateway/stream-settings.ts";
import { closed, connectWebSocket, nextMessage, startEchoOrigin } from "./testing-websocket.ts";
import { eventually, startTestWire } from "./testing-wire.ts";

const start = async (streams: Partial<StreamSettings>) => {
  const origin = await startEchoOrigin();
  const gateway = await startTestWire({ origin, streams });
  return { origin, gateway, socket: await connectWebSocket(gateway.port) };
};

test("a frame above its limit is not passed on: both sides get a close frame 1009", async () => {
  const { origin, gateway, socket } = await start({ frameBytesMax: 1_000 });
  socket.send("x".repeat(1_000));
  assert.equal((await nextMessage(socket)).length, 1_000);
  socket.send("x".repeat(1_001));
  assert.equal((await closed(socket)).code, 1009);
  await eventually(() => origin.closes.length === 1 && gateway.ended.length === 1);
  assert.equal(origin.closes[0]?.code, 1009);
  assert.deepEqual(gateway.ended[0]?.outcome.stream, {
    kind: "upgrade",
    protocol: "websocket",
    ending: "frame-too-large",
    closeCode: 1009,
  });
  await gateway.close();
  await origin.close();
});

test("a message above its limit is cut at the frame that crosses it; control frames do not count", async () => {
  const { origin, gateway, socket } = await start({ messageBytesMax: 1_000 });
  const first = once(origin.sockets[0] ?? socket, "ping");
  socket.send("x".repeat(600), { fin: false });
  socket.ping("y".repeat(125));
  socket.send("x".repeat(400), { fin: true });
  assert.equal((await nextMessage(socket)).length, 1_000);
  await first;
  socket.send("x".repeat(600), { fin: false });
  socket.send("x".repeat(401), { fin: true });
  assert.equal((await closed(socket)).code, 1009);
  await eventually(() => origin.closes.length === 1 && gateway.ended.length === 1);
  assert.equal(gateway.ended[0]?.outcome.stream?.ending, "message-too-large");
  await gateway.close();
  await origin.close();
});

test("limits hold for what the backend sends, too", async () => {
  const { origin, gateway, socket } = await start({ frameBytesMax: 1_000 });
  origin.sockets[0]?.send(randomBytes(5_000));
  assert.equal((await closed(socket)).code, 1009);
  await eventually(() => origin.closes.length === 1 && gateway.ended.length === 1);
  assert.equal(origin.closes[0]?.code, 1009);
  await gateway.close();
  await origin.close();
});

test("a connection without a byte in either direction ends with 1001; a ping keeps it", async () => {
  const { origin, gateway, socket } = await start({ upgradeIdleMs: 1_200 });
  for (let round = 0; round < 8; round++) {
    const pong = once(socket, "pong");
    socket.ping();
    await pong;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.equal(socket.readyState, socket.OPEN);
  assert.equal((await closed(socket)).code, 1001);
  await eventually(() => origin.closes.length === 1 && gateway.ended.length === 1);
  assert.equal(origin.closes[0]?.code, 1001);
  assert.equal(gateway.ended[0]?.outcome.stream?.ending, "idle");
  await gateway.close();
  await origin.close();
});

test("the longest life ends a busy connection, between two frames", async () => {
  const { origin, gateway, socket } = await start({ lifetimeMs: 250 });
  let received = 0;
  socket.on("message", (data) => {
    // Whatever comes is whole.
    assert.equal((data as Buffer).length, 40_000);
    received++;
    if (socket.readyState === socket.OPEN) socket.send(randomBytes(40_000));
  });
  for (let at = 0; at < 8; at++) socket.send(randomBytes(40_000));
  assert.equal((await closed(socket)).code, 1001);
  assert.ok(received > 0);
  await eventually(() => origin.closes.length === 1 && gateway.ended.length === 1);
  assert.equal(origin.closes[0]?.code, 1001);
  assert.equal(gateway.ended[0]?.outcome.stream?.ending, "lifetime");
  await gateway.close();
  await origin.close();
});

for (const [name, frame] of [
  ["without a mask", "\x81\x05hello"],
  ["of a fragmented control frame", "\x09\x80\x00\x00\x00\x00"],
  ["of a control frame too long", `\x89\xfe\x00\x7e\x00\x00\x00\x00${"x".repeat(126)}`],
  ["that continues nothing", "\x80\x81\x00\x00\x00\x00x"],
  ["of a new message within another", "\x01\x81\x00\x00\x00\x00x\x01\x81\x00\x00\x00\x00x"],
] as const) {
  test(`a frame ${name} ends the connection with 1002`, async () => {
    const { origin, gateway, socket } = await start({});
    const raw = Reflect.get(socket, "_socket") as { write(bytes: Buffer): void };
    raw.write(Buffer.from(frame, "latin1"));
    assert.equal((await closed(socket)).code, 1002);
    await eventually(() => origin.closes.length === 1 && gateway.ended.length === 1);
    assert.equal(origin.closes[0]?.code, 1002);
    assert.equal(gateway.ended[0]?.outcome.stream?.ending, "protocol");
    await gateway.close();
    await origin.close();
  });
}

test("a side that does not take its bytes ends the connection, and never makes the gateway hold them", async () => {
  const origin = await startEchoOrigin();
  const gateway = await startTestWire({ origin, limits: { writeStallMs: 300, lingerMs: 200 } });
  const socket = await connectWebSocket(gateway.port);
  socket.pause();
  const before = process.memoryUsage().rss;
  const chunk = randomBytes(1024 * 1024);
  for (let at = 0; at < 64; at++) origin.sockets[0]?.send(chunk);
  await eventually(() => gateway.ended.length === 1, "the end");
  assert.equal(gateway.ended[0]?.outcome.stream?.ending, "stalled");
  // What lies in the kernel's buffers and one write of the gateway, not the 64 MiB.
  assert.ok((gateway.ended[0]?.outcome.responseBytes ?? 0) < 16 * 1024 * 1024);
  assert.ok(process.memoryUsage().rss - before < 256 * 1024 * 1024);
  socket.terminate();
  await gateway.close();
  await origin.close();
});
