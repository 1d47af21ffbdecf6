import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, type OriginConnection, startOrigin, startTestWire, type TestWireOptions } from "./testing-wire.ts";

const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-store\r\n";

const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;

/** The data of a chunked body, as far as it has come. */
const dataOf = (text: string): string => {
  let rest = text.slice(text.indexOf("\r\n\r\n") + 4);
  let data = "";
  for (;;) {
    const size = /^([0-9a-f]+)\r\n/.exec(rest);
    if (size === null) return data;
    const length = Number.parseInt(size[1] ?? "0", 16);
    if (length === 0) return `${data}<end>`;
    const from = size[0].length;
    data += rest.slice(from, from + length);
    rest = rest.slice(from + length + 2);
  }
};

const start = async (options: TestWireOptions = {}, framing = "Transfer-Encoding: chunked\r\n") => {
  let send = (_text: string): void => {};
  let backend: OriginConnection | null = null;
  const origin = await startOrigin((connection, bytes) => {
    if (!bytes.includes("\r\n\r\n")) return;
    backend = connection;
    connection.socket.write(`${head}${framing}\r\n`);
    send = (text) => connection.socket.write(framing === "" ? text : chunk(text));
  });
  const gateway = await startTestWire({ origin, ...options });
  const client = await gateway.connect();
  client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until((text) => text.includes("\r\n\r\n"));
  return { origin, gateway, client, backend: () => backend, send: (text: string) => send(text) };
};

for (const framing of ["Transfer-Encoding: chunked\r\n", ""]) {
  test(`head and each event pass at once, heartbeats untouched (${framing === "" ? "until close" : "chunked"})`, async () => {
    const { origin, gateway, client, send } = await start({}, framing);
    // The head is there before the first event; each part of an event before the next is sent.
    assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n[\s\S]*Content-Type: text\/event-stream; charset=utf-8\r\n/);
    let all = "";
    for (const part of [": heartbeat\n\n", "data: a", "b\n", "\n", "id: 7\r\ndata: x\r\n\r\n"]) {
      send(part);
      all += part;
      await client.until((text) => dataOf(text) === all);
    }
    assert.equal(gateway.wire.streams.events, 1);
    client.socket.destroy();
    await eventually(() => gateway.wire.streams.events === 0);
    await gateway.close();
    await origin.close();
  });
}

test("a client that closes ends the backend's stream at once, although no event comes", async () => {
  for (const leave of ["end", "destroy"] as const) {
    const { origin, gateway, client, backend, send } = await start();
    send("data: 1\n\n");
    await client.until((text) => text.includes("data: 1"));
    client.socket[leave]();
    await eventually(() => backend()?.hasEnded === true || backend()?.isClosed === true);
    await eventually(() => gateway.ended.length === 1);
    assert.equal(gateway.ended[0]?.outcome.isAborted, true);
    assert.deepEqual(gateway.ended[0]?.outcome.stream, {
      kind: "events",
      protocol: "",
      ending: "client-aborted",
      closeCode: 0,
    });
    await gateway.close();
    await origin.close();
  }
});

test("a quiet stream lives on where ordinary bodies would have stalled", async () => {
  const { origin, gateway, client, send } = await start({ upstreams: { replyStallMs: 100 } });
  send("data: 1\n\n");
  await new Promise((resolve) => setTimeout(resolve, 400));
  send("data: 2\n\n");
  await client.until((text) => text.includes("data: 2"));
  await gateway.close();
  await origin.close();
});

test("a stream idle for too long, and one that lives too long, end properly", async () => {
  for (const [streams, ending] of [
    [{ eventIdleMs: 200 }, "idle"],
    [{ lifetimeMs: 200 }, "lifetime"],
  ] as const) {
    const { origin, gateway, client, backend, send } = await start({ streams });
    send("data: 1\n\n");
    assert.equal(dataOf(await client.until((text) => text.endsWith("0\r\n\r\n"))), "data: 1\n\n<end>");
    await eventually(() => gateway.ended.length === 1 && backend()?.isClosed === true);
    assert.equal(gateway.ended[0]?.outcome.isAborted, false);
    assert.equal(gateway.ended[0]?.outcome.stream?.ending, ending);
    await gateway.close();
    await origin.close();
  }
});

test("drain ends a stream at the end of its event, not in the middle", async () => {
  const { origin, gateway, client, send } = await start();
  send("data: whole\n\ndata: ha");
  await client.until((text) => dataOf(text).endsWith("data: ha"));
  const drained = gateway.wire.drain(5_000);
  send("lf\n\ndata: never\n\n");
  assert.equal(dataOf(await client.whole()), "data: whole\n\ndata: half\n\n<end>");
  await drained;
  assert.equal(gateway.ended[0]?.outcome.stream?.ending, "drained");
  assert.equal(gateway.ended[0]?.outcome.isAborted, false);
  await gateway.close();
  await origin.close();
});

test("drain ends a stream that waits between two events at once", async () => {
  const { origin, gateway, client, send } = await start();
  send("data: 1\r\n\r\n");
  await client.until((text) => dataOf(text).endsWith("\r\n\r\n"));
  await gateway.wire.drain(5_000);
  assert.equal(dataOf(await client.whole()), "data: 1\r\n\r\n<end>");
  await gateway.close();
  await origin.close();
});

test("streams of events take no place of the backend's ordinary calls", async () => {
  const { origin, gateway, client } = await start({ target: { connectionsMax: 1, pendingMax: 0 } });
  const second = await gateway.connect();
  second.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(await second.until((text) => text.includes("\r\n\r\n")), /^HTTP\/1\.1 200 /);
  assert.equal(gateway.wire.streams.events, 2);
  client.socket.destroy();
  second.socket.destroy();
  await eventually(() => gateway.upstreams.connectionCount === 0);
  await gateway.close();
  await origin.close();
});

test("a backend that breaks off is seen to break off", async () => {
  const { origin, gateway, client, backend, send } = await start();
  send("data: 1\n\n");
  await client.until((text) => text.includes("data: 1"));
  backend()?.socket.destroy();
  const text = await client.whole();
  assert.ok(!dataOf(text).endsWith("<end>"));
  assert.equal(gateway.ended[0]?.outcome.stream?.ending, "backend-aborted");
  await gateway.close();
  await origin.close();
});

test("an HTTP/1.0 client gets the events until the connection closes", async () => {
  const { origin, gateway } = await start();
  const client = await gateway.connect();
  client.send("GET /events HTTP/1.0\r\nHost: a\r\n\r\n");
  await client.until((text) => text.includes("\r\n\r\n"));
  assert.doesNotMatch(client.text, /transfer-encoding/i);
  origin.connections.at(-1)?.socket.write(chunk("data: 1\n\n"));
  await client.until((text) => text.endsWith("\r\n\r\ndata: 1\n\n"));
  await gateway.close();
  await origin.close();
});
