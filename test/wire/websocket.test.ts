import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { closed, connectWebSocket, nextMessage, startEchoOrigin } from "./testing-websocket.ts";
import { eventually, startTestWire } from "./testing-wire.ts";

test("messages pass both ways, text as text, bytes as bytes", async () => {
  const origin = await startEchoOrigin();
  const gateway = await startTestWire({ origin });
  const socket = await connectWebSocket(gateway.port, { path: "/chat?room=1" });
  socket.send("grüße");
  assert.equal(await nextMessage(socket), "grüße");
  const bytes = randomBytes(70_000);
  socket.send(bytes);
  const [echoed, isBinary] = await once(socket, "message");
  assert.ok(isBinary);
  assert.ok(bytes.equals(echoed as Buffer));
  assert.equal(origin.handshakes[0]?.url, "/chat?room=1");
  assert.match(String(origin.handshakes[0]?.headers["x-forwarded-for"]), /127\.0\.0\.1/);
  assert.equal(gateway.wire.streams.upgraded, 1);
  socket.close(4001, "bye");
  assert.deepEqual(await closed(socket), { code: 4001, reason: "bye" });
  await eventually(() => gateway.ended.length === 1 && origin.closes.length === 1);
  assert.deepEqual(origin.closes, [{ code: 4001, reason: "bye" }]);
  const { outcome } = gateway.ended[0] ?? {};
  assert.equal(outcome?.status, 101);
  assert.equal(outcome?.isAborted, false);
  assert.deepEqual(outcome?.stream, { kind: "upgrade", protocol: "websocket", ending: "client", closeCode: 4001 });
  assert.ok((outcome?.requestBytes ?? 0) > 70_000 && (outcome?.responseBytes ?? 0) > 70_000);
  assert.equal(gateway.wire.streams.upgraded, 0);
  await eventually(() => gateway.wire.connectionCount === 0 && gateway.upstreams.connectionCount === 0);
  await gateway.close();
  await origin.close();
});

test("a close by the backend reaches the client with its code and reason", async () => {
  const origin = await startEchoOrigin();
  const gateway = await startTestWire({ origin });
  const socket = await connectWebSocket(gateway.port);
  const ending = closed(socket);
  origin.sockets[0]?.close(1012, "restart");
  assert.deepEqual(await ending, { code: 1012, reason: "restart" });
  await eventually(() => gateway.ended.length === 1);
  assert.equal(gateway.ended[0]?.outcome.stream?.ending, "backend");
  assert.equal(gateway.ended[0]?.outcome.stream?.closeCode, 1012);
  await gateway.close();
  await origin.close();
});

test("fragments, pings and pongs pass as they came", async () => {
  const origin = await startEchoOrigin();
  const gateway = await startTestWire({ origin });
  const socket = await connectWebSocket(gateway.port);
  const pinged = once(origin.sockets[0] ?? socket, "ping");
  const ponged = once(socket, "pong");
  socket.send("one ", { fin: false });
  socket.ping("between");
  socket.send("two ", { fin: false });
  socket.send("three", { fin: true });
  assert.equal(await nextMessage(socket), "one two three");
  assert.equal(String((await pinged)[0]), "between");
  assert.equal(String((await ponged)[0]), "between");
  const pong = once(origin.sockets[0] ?? socket, "pong");
  origin.sockets[0]?.ping("from behind");
  assert.equal(String((await pong)[0]), "from behind");
  socket.close();
  await closed(socket);
  await gateway.close();
  await origin.close();
});

test("compression is negotiated end to end; so is the subprotocol", async () => {
  const origin = await startEchoOrigin({ perMessageDeflate: true, protocols: ["v2"] });
  const gateway = await startTestWire({ origin });
  const socket = await connectWebSocket(gateway.port, { deflate: true, protocols: ["v1", "v2"] });
  assert.match(socket.extensions, /permessage-deflate/);
  assert.equal(socket.protocol, "v2");
  const text = "again and again ".repeat(50_000);
  socket.send(text);
  assert.equal(await nextMessage(socket), text);
  socket.close();
  await closed(socket);
  await eventually(() => gateway.ended.length === 1);
  // It stayed compressed on the way.
  assert.ok((gateway.ended[0]?.outcome.requestBytes ?? 0) < text.length / 10);
  await gateway.close();
  await origin.close();
});

test("a large message passes whole, although each side takes it slowly", async () => {
  const origin = await startEchoOrigin();
  const gateway = await startTestWire({ origin });
  const socket = await connectWebSocket(gateway.port);
  const bytes = randomBytes(48 * 1024 * 1024);
  socket.send(bytes);
  const [echoed] = await once(socket, "message");
  assert.ok(bytes.equals(echoed as Buffer));
  socket.terminate();
  await eventually(() => origin.closes.length === 1);
  assert.equal(origin.closes[0]?.code, 1006);
  await gateway.close();
  await origin.close();
});

test("Node's own WebSocket is served too", async () => {
  const origin = await startEchoOrigin({ perMessageDeflate: true });
  const gateway = await startTestWire({ origin });
  const socket = new globalThis.WebSocket(`ws://127.0.0.1:${gateway.port}/`);
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  const answer = new Promise((resolve) => socket.addEventListener("message", ({ data }) => resolve(data)));
  socket.send("hello");
  assert.equal(await answer, "hello");
  const ending = new Promise<CloseEvent>((resolve) => socket.addEventListener("close", resolve));
  socket.close(3000, "done");
  const event = await ending;
  assert.equal(event.code, 3000);
  assert.ok(event.wasClean);
  await gateway.close();
  await origin.close();
});

test("many messages in both directions at once keep their order", async () => {
  const origin = await startEchoOrigin();
  const gateway = await startTestWire({ origin });
  const socket = await connectWebSocket(gateway.port);
  const received: number[] = [];
  const done = new Promise<void>((resolve) => {
    socket.on("message", (data) => {
      received.push(Number(String(data).split(":")[0]));
      if (received.length === 2_000) resolve();
    });
  });
  for (let n = 0; n < 2_000; n++) socket.send(`${n}:${"x".repeat((n * 37) % 3_000)}`);
  await done;
  assert.deepEqual(
    received,
    Array.from({ length: 2_000 }, (_, n) => n),
  );
  socket.close();
  await closed(socket);
  await gateway.close();
  await origin.close();
});
