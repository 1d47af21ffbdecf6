import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultH2Limits } from "../../src/gateway/h2/h2-limits.ts";
import {
  answering,
  eventually,
  okReply,
  startOrigin,
  startTestWire,
  type TestWireOptions,
} from "../wire/testing-wire.ts";
import {
  block,
  connectFrames,
  type FrameClient,
  flags,
  frame,
  get,
  headers,
  post,
  types,
  uint32,
} from "./testing-h2.ts";

const calm = 11;
const limits = (more: Partial<typeof defaultH2Limits>): NonNullable<TestWireOptions["limits"]> => ({
  http2: { ...defaultH2Limits, ...more },
});

/** Floods that end with ENHANCE_YOUR_CALM; `per` is sent up to 5,000 times, with the number of the next stream. */
const floods: Readonly<Record<string, (at: number) => string>> = {
  "rapid resets (CVE-2023-44487)": (at) => headers(at * 2 + 1, get()) + frame(types.reset, 0, at * 2 + 1, uint32(8)),
  "streams that we are made to reset (CVE-2025-8671), by a window of nothing": (at) =>
    headers(at * 2 + 1, get()) + frame(types.window, 0, at * 2 + 1, uint32(0)),
  "streams that we are made to reset, by windows too large": (at) =>
    headers(at * 2 + 1, get()) + frame(types.window, 0, at * 2 + 1, uint32(0x7fffffff)),
  "streams that we are made to reset, by DATA behind the end": (at) =>
    headers(at * 2 + 1, get()) + frame(types.data, 0, at * 2 + 1, "a"),
  "malformed requests": (at) => headers(at * 2 + 1, get("/a", [["connection", "close"]])),
  PING: () => frame(types.ping, 0, 0, "01234567"),
  SETTINGS: () => frame(types.settings, 0, 0),
  "empty DATA": (at) => (at === 0 ? headers(1, post(), false) : "") + frame(types.data, 0, 1),
  PRIORITY: () => frame(types.priority, 0, 99, `${uint32(3)}\x10`),
  "unknown frames": () => frame(77, 0, 0, "abc"),
  "windows of one byte": () => frame(types.window, 0, 0, uint32(1)),
  "CONTINUATION without end (CVE-2024-27316)": (at) =>
    at === 0
      ? frame(types.headers, flags.endStream, 1, block(get()))
      : frame(types.continuation, 0, 1, block([["x-a", "b".repeat(100)]])),
  "empty CONTINUATION": (at) =>
    at === 0 ? frame(types.headers, flags.endStream, 1, block(get())) : frame(types.continuation, 0, 1),
};

test("floods end the connection, not the gateway", async (t) => {
  const origin = await startOrigin(() => {});
  const wire = await startTestWire({ origin });
  for (const [name, per] of Object.entries(floods)) {
    await t.test(name, async () => {
      const client = await connectFrames(wire.port);
      for (let at = 0; at < 5_000 && !client.frames.some((one) => one.type === types.goaway); at += 100) {
        let bytes = "";
        for (let next = at; next < at + 100; next++) bytes += per(next);
        client.send(bytes);
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(await client.goaway(), calm);
      client.close();
    });
  }
  await eventually(() => wire.wire.exchangeCount === 0, "no exchange is left");
  await eventually(() => origin.connections.every(({ isClosed }) => isClosed) || wire.upstreams.connectionCount <= 64);
  const client = await connectFrames(wire.port);
  await client.until((all) => all.some((one) => one.type === types.settings));
  client.close();
  await wire.close();
  await origin.close();
});

test("a bomb of header compression costs no memory: the list is refused where it passes its limit", async () => {
  const origin = await startOrigin(answering(okReply()));
  const wire = await startTestWire({ origin });
  const client = await connectFrames(wire.port);
  // One field of 4,000 bytes in the table, then 16,000 references to it: 64 MB, if somebody made them.
  const value = "b".repeat(4_000);
  const literal = `\x40\x01x\x7f${String.fromCharCode(((4_000 - 127) % 128) + 128)}${String.fromCharCode((4_000 - 127) >> 7)}${value}`;
  client.send(headers(1, get()).slice(0, 0) + frame(types.headers, 5, 1, block(get()) + literal));
  assert.equal((await client.reply(1))[":status"], "200");
  const before = process.memoryUsage().heapUsed;
  client.send(frame(types.headers, 5, 3, block(get()) + "\xbe".repeat(16_000)));
  assert.equal((await client.reply(3))[":status"], "431");
  assert.ok(process.memoryUsage().heapUsed - before < 16 * 1024 * 1024);
  client.send(headers(5, get("/after")));
  assert.equal((await client.reply(5))[":status"], "200");
  client.close();
  await wire.close();
  await origin.close();
});

test("streams above the limit are refused, and the connection goes on", async () => {
  const origin = await startOrigin(() => {});
  const wire = await startTestWire({ origin, limits: limits({ streamsMax: 3 }) });
  const client = await connectFrames(wire.port);
  for (let at = 0; at < 4; at++) client.send(headers(at * 2 + 1, get()));
  assert.equal(await client.reset(7), 7);
  await eventually(() => origin.requestLines.length === 3);
  for (const { socket } of origin.connections) socket.write(okReply(), "latin1");
  assert.equal((await client.reply(5))[":status"], "200");
  client.close();
  await wire.close();
  await origin.close();
});

const slow = async (
  settings: readonly (readonly [number, number])[],
  drip: (client: FrameClient) => void,
): Promise<number> => {
  const origin = await startOrigin(answering(okReply("a".repeat(100_000))));
  const wire = await startTestWire({ origin, limits: { writeStallMs: 300, ...limits({}) } });
  const client = await connectFrames(wire.port, settings);
  client.send(headers(1, get()));
  await client.reply(1);
  const timer = setInterval(() => drip(client), 50);
  try {
    return await client.reset(1);
  } finally {
    clearInterval(timer);
    assert.equal(wire.ended.at(-1)?.outcome.isAborted, true);
    client.close();
    await wire.close();
    await origin.close();
  }
};

test("a client that opens no window, or one byte at a time, does not hold a reply for ever", async () => {
  assert.equal(await slow([[4, 0]], () => {}), 8);
  assert.equal(await slow([[4, 0]], (client) => client.send(frame(types.window, 0, 1, uint32(1)))), 8);
});

test("DATA above a window is a flow control error", async () => {
  const origin = await startOrigin(() => {});
  const wire = await startTestWire({
    origin,
    // Nobody reads the body: its window is not opened again.
    inbound: () => new Promise(() => {}),
    limits: limits({ streamWindowBytes: 32_768 }),
  });
  const client = await connectFrames(wire.port);
  client.send(headers(1, post(), false));
  for (let at = 0; at < 3; at++) client.send(frame(types.data, 0, 1, "a".repeat(16_000)));
  assert.equal(await client.reset(1), 3);
  client.close();
  await wire.close();
  await origin.close();
});
