import assert from "node:assert/strict";
import { test } from "node:test";
import { answering, eventually, okReply, startOrigin, startTestWire } from "../wire/testing-wire.ts";
import { block, connectFrames, flags, frame, get, headers, preface, types, uint32 } from "./testing-h2.ts";

test("the preface is known in any split of its bytes, and only as the first bytes", async () => {
  const origin = await startOrigin(answering(okReply()));
  const wire = await startTestWire({ origin });
  const client = await connectFrames(wire.port, [], "");
  client.close();
  const slow = await connectFrames(wire.port, [], preface.slice(0, 0));
  slow.close();
  const split = await wire.connect();
  for (const byte of preface + frame(types.settings, 0, 0)) {
    split.send(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await split.until((text) => text.length >= 9);
  assert.equal(split.text.charCodeAt(3), types.settings);
  split.socket.destroy();
  const late = await wire.connect();
  late.send(`GET / HTTP/1.1\r\nHost: a\r\n\r\n${preface}`);
  const text = await late.whole();
  assert.match(text, /^HTTP\/1\.1 200 [\s\S]*HTTP\/1\.1 505 /);
  await wire.close();
  await origin.close();
});

test("an upgrade to h2c is overlooked: the reply is HTTP/1.1, and the settings go nowhere", async () => {
  const origin = await startOrigin(answering(okReply()));
  const wire = await startTestWire({ origin });
  const text = await wire.ask(
    "GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
  );
  assert.match(text, /^HTTP\/1\.1 200 /);
  assert.doesNotMatch(origin.text, /upgrade|http2-settings|h2c/i);
  await wire.close();
  await origin.close();
});

/** What breaks the connection, and the code that it is told. */
const fatal: Readonly<Record<string, readonly [bytes: string, code: number]>> = {
  "DATA without a stream": [frame(types.data, 0, 0, "a"), 1],
  "DATA on an idle stream": [frame(types.data, 0, 1, "a"), 1],
  "HEADERS without a stream": [frame(types.headers, 5, 0, block(get())), 1],
  "an even stream": [headers(2, get()), 1],
  "a stream that goes back": [headers(5, get()) + headers(3, get()), 5],
  "RST_STREAM on an idle stream": [frame(types.reset, 0, 1, uint32(8)), 1],
  "a short RST_STREAM": [headers(1, get()) + frame(types.reset, 0, 1, "abc"), 6],
  "WINDOW_UPDATE on an idle stream": [frame(types.window, 0, 1, uint32(1)), 1],
  "a window of nothing": [frame(types.window, 0, 0, uint32(0)), 1],
  "a window too large": [frame(types.window, 0, 0, uint32(0x7fffffff)), 3],
  "a long PING": [frame(types.ping, 0, 0, "012345678"), 6],
  "PING on a stream": [frame(types.ping, 0, 1, "01234567"), 1],
  "SETTINGS on a stream": [frame(types.settings, 0, 1), 1],
  "SETTINGS that do not add up": [frame(types.settings, 0, 0, "abc"), 6],
  "an acknowledgement with settings": [frame(types.settings, 1, 0, "abcdef"), 6],
  "a window setting too large": [frame(types.settings, 0, 0, `\0\x04${uint32(0x80000000)}`), 3],
  "a frame size setting too small": [frame(types.settings, 0, 0, `\0\x05${uint32(100)}`), 1],
  "a push": [frame(types.push, 4, 1, uint32(2)), 1],
  "a frame too large": [frame(types.data, 0, 1, "a".repeat(16_385)), 6],
  "CONTINUATION of nothing": [frame(types.continuation, 4, 1, ""), 1],
  "a frame within a header block": [frame(types.headers, 1, 1, block(get())) + frame(types.ping, 0, 0, "01234567"), 1],
  "another stream within a header block": [
    frame(types.headers, 1, 1, block(get())) + frame(types.continuation, 4, 3, ""),
    1,
  ],
  "more padding than payload": [headers(1, get(), false) + frame(types.data, flags.padded, 1, "\x05abc"), 1],
  "a broken header block": [frame(types.headers, 5, 1, "\x80"), 9],
  "HEADERS on a stream that is closed": [
    headers(1, get()) + frame(types.reset, 0, 1, uint32(8)) + headers(1, get()),
    5,
  ],
  "a stream that depends on itself": [frame(types.headers, 0x25, 1, `${uint32(1)}\x10${block(get())}`), 1],
};

test("what breaks the connection ends it with the code that RFC 9113 names", async (t) => {
  const origin = await startOrigin(() => {});
  const wire = await startTestWire({ origin });
  for (const [name, [bytes, code]] of Object.entries(fatal)) {
    await t.test(name, async () => {
      const client = await connectFrames(wire.port);
      client.send(bytes);
      assert.equal(await client.goaway(), code);
      await eventually(() => client.raw.hasEnded || client.raw.isClosed);
      client.close();
    });
  }
  await t.test("no SETTINGS first", async () => {
    const raw = await wire.connect();
    raw.send(preface + frame(types.ping, 0, 0, "01234567"));
    assert.match(await raw.whole(), /\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x01$/);
  });
  await wire.close();
  await origin.close();
});

test("what RFC 9113 tells to overlook is overlooked; padding and priorities are read past", async () => {
  const origin = await startOrigin(answering(okReply()));
  const wire = await startTestWire({ origin });
  const client = await connectFrames(wire.port, [[99, 7]]);
  client.send(frame(200, 255, 7, "what is this") + frame(types.priority, 0, 9, `${uint32(3)}\x10`));
  client.send(
    frame(
      types.headers,
      flags.endHeaders | flags.padded | flags.priority | flags.endStream,
      1,
      `\x03${uint32(0)}\x10${block(get())}abc`,
    ),
  );
  assert.equal((await client.reply(1))[":status"], "200");
  client.send(frame(types.ping, 0, 0, "01234567"));
  const frames = await client.until((all) => all.some((one) => one.type === types.ping));
  const pong = frames.find((one) => one.type === types.ping);
  assert.deepEqual([pong?.flags, pong?.payload.toString()], [1, "01234567"]);
  await client.until((all) => all.some((one) => one.type === types.data));
  assert.equal(client.body(1), "hello");
  client.close();
  await wire.close();
  await origin.close();
});

test("100 Continue comes when the body is asked for, and not before a refusal", async () => {
  const origin = await startOrigin((connection) => {
    if (/\r\n0\r\n\r\n$/.test(connection.text)) connection.socket.write(okReply(), "latin1");
  });
  const wire = await startTestWire({ origin });
  const client = await connectFrames(wire.port);
  const fields = [[":method", "POST"], ...get("/a", [["expect", "100-continue"]]).slice(1)] as const;
  client.send(headers(1, fields, false));
  assert.equal((await client.reply(1))[":status"], "100");
  client.send(frame(types.data, 1, 1, "abc"));
  await client.until((all) => all.filter((one) => one.type === types.headers).length === 2);
  assert.equal((await client.reply(1))[":status"], "200");
  client.close();
  await wire.close();
  await origin.close();
});

test("a drain says GOAWAY twice: what comes before the second is served, and running replies end", async () => {
  const origin = await startOrigin(() => {});
  const wire = await startTestWire({ origin, limits: { drainIdleMs: 5_000 } });
  const client = await connectFrames(wire.port);
  client.send(headers(1, get("/first")));
  await eventually(() => origin.requestLines.length === 1);
  const drained = wire.wire.drain(4_000);
  await client.until((all) => all.some((one) => one.type === types.goaway));
  client.send(headers(3, get("/second")));
  await eventually(() => origin.requestLines.length === 2);
  // Only now has the client seen it.
  client.send(frame(types.ping, 1, 0, "portico "));
  await client.until((all) => all.filter((one) => one.type === types.goaway).length === 2);
  const goaways = client.frames
    .filter((one) => one.type === types.goaway)
    .map(({ payload }) => payload.readUInt32BE(0));
  assert.deepEqual(goaways, [0x7fffffff, 3]);
  client.send(headers(5, get("/third")));
  for (const { socket } of origin.connections) socket.write(okReply(), "latin1");
  assert.equal((await client.reply(3))[":status"], "200");
  assert.equal((await client.reply(1))[":status"], "200");
  await drained;
  assert.equal(origin.requestLines.length, 2);
  assert.equal(wire.wire.connectionCount, 0);
  await wire.close();
  await origin.close();
});
