import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, startOrigin, startTestWire, type TestWireOptions } from "./testing-wire.ts";

const request = "GET /line HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: Line/2, other\r\n\r\n";
const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: line/2\r\n\r\n";

const start = async (behind: string, options: TestWireOptions = {}) => {
  const origin = await startOrigin((connection, bytes) => {
    if (bytes.includes("\r\n\r\n")) connection.socket.write(switching + behind, "latin1");
  });
  const gateway = await startTestWire({ origin, streams: { upgrade: ["line/2"] }, ...options });
  const client = await gateway.connect();
  client.send(request);
  await client.until((text) => text.includes("\r\n\r\n"));
  return { origin, gateway, client };
};

test("a protocol that the route names passes untouched, whatever its bytes are", async () => {
  const { origin, gateway, client } = await start("welcome\n");
  await client.until((text) => text.endsWith("welcome\n"));
  assert.match(client.text, /^HTTP\/1\.1 101 [\s\S]*\r\nUpgrade: line\/2\r\n/);
  assert.match(origin.text, /\r\nConnection: Upgrade\r\nUpgrade: line\/2\r\n\r\n$/);
  const bytes = String.fromCharCode(...Array.from({ length: 256 }, (_, at) => at));
  client.send(bytes);
  await eventually(() => origin.text.endsWith(bytes));
  origin.connections[0]?.socket.write(`GET / HTTP/1.1\r\n\r\n${bytes}`, "latin1");
  await client.until((text) => text.endsWith(`GET / HTTP/1.1\r\n\r\n${bytes}`));
  assert.equal(gateway.wire.exchangeCount, 1);
  await gateway.close();
  await origin.close();
});

test("each direction ends by itself: a client that has said everything still hears the rest", async () => {
  const { origin, gateway, client } = await start("");
  client.socket.end("last words");
  await eventually(() => origin.text.endsWith("last words"));
  // The test's origin closes its side when the client's end has come.
  assert.ok((await client.whole()).endsWith("\r\n\r\n"));
  await eventually(() => gateway.ended.length === 1);
  assert.deepEqual(gateway.ended[0]?.outcome.stream, {
    kind: "upgrade",
    protocol: "line/2",
    ending: "client",
    closeCode: 0,
  });
  await eventually(() => gateway.wire.connectionCount === 0 && gateway.upstreams.connectionCount === 0);
  await gateway.close();
  await origin.close();
});

test("a backend that ends its side still hears the client; then the connection is over", async () => {
  const { origin, gateway, client } = await start("");
  const backend = origin.connections[0];
  backend?.socket.end("bye");
  await client.until((text) => text.endsWith("bye"));
  await eventually(() => client.hasEnded);
  client.send("still here");
  await eventually(() => origin.text.endsWith("still here"));
  client.socket.end();
  await eventually(() => gateway.ended.length === 1 && backend?.isClosed === true);
  assert.equal(gateway.ended[0]?.outcome.stream?.ending, "backend");
  assert.equal(gateway.ended[0]?.outcome.isAborted, false);
  await gateway.close();
  await origin.close();
});

test("a client that breaks off takes the backend's side with it, and the other way round", async () => {
  const one = await start("");
  one.client.socket.resetAndDestroy();
  await eventually(() => one.origin.connections[0]?.isClosed === true || one.origin.connections[0]?.hasEnded === true);
  await eventually(() => one.gateway.ended.length === 1);
  assert.equal(one.gateway.ended[0]?.outcome.stream?.ending, "client-aborted");
  assert.equal(one.gateway.ended[0]?.outcome.isAborted, true);
  await one.gateway.close();
  await one.origin.close();

  const two = await start("");
  two.origin.connections[0]?.socket.resetAndDestroy();
  await eventually(() => two.client.isClosed || two.client.hasEnded);
  await eventually(() => two.gateway.ended.length === 1);
  assert.equal(two.gateway.ended[0]?.outcome.stream?.ending, "backend-aborted");
  await two.gateway.close();
  await two.origin.close();
});

test("bytes are held back for a slow side and come whole", async () => {
  const { origin, gateway, client } = await start("");
  const chunk = "y".repeat(1024 * 1024);
  client.socket.pause();
  const backend = origin.connections[0]?.socket;
  for (let at = 0; at < 32; at++) backend?.write(chunk);
  await eventually(() => (backend?.writableLength ?? 0) > 0);
  client.socket.resume();
  await client.until((text) => text.length >= 32 * chunk.length);
  assert.ok(client.text.endsWith(chunk));
  await gateway.close();
  await origin.close();
});

test("the connection takes no place of the backend's ordinary calls", async () => {
  const { origin, gateway, client } = await start("", { target: { connectionsMax: 1, pendingMax: 0 } });
  const second = await gateway.connect();
  second.send(request);
  assert.match(await second.until((text) => text.includes("\r\n\r\n")), /^HTTP\/1\.1 101 /);
  assert.equal(gateway.wire.streams.upgraded, 2);
  assert.equal(gateway.upstreams.connectionCount, 2);
  client.socket.destroy();
  second.socket.destroy();
  await eventually(() => gateway.upstreams.connectionCount === 0);
  await gateway.close();
  await origin.close();
});

test("other protocols are overlooked, WebSocket is refused where it is not named", async () => {
  const { origin, gateway } = await start("");
  const text = await gateway.ask(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  assert.match(text, /^HTTP\/1\.1 400 [\s\S]*request\.upgrade_refused/);
  await gateway.close();
  await origin.close();
});
