import assert from "node:assert/strict";
import { test } from "node:test";
import { connectRaw, eventually, okReply, startOrigin, startTestWire } from "./testing-wire.ts";

async function* shouting(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const bytes of body) yield Buffer.from(Buffer.from(bytes).toString("latin1").toUpperCase(), "latin1");
}

const get = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

test("a reply body can be changed while it passes, however it is framed", async () => {
  for (const reply of [
    okReply("hello"),
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    okReply(""),
  ]) {
    const origin = await startOrigin(({ socket }) => socket.write(reply, "latin1"));
    const gateway = await startTestWire({
      origin,
      outbound: (x) => {
        const body = x.reply?.body;
        body?.replace(shouting(body.stream()));
        return undefined;
      },
    });
    const text = await gateway.ask(get);
    const data = text.slice(text.indexOf("\r\n\r\n") + 4).replaceAll(/[0-9a-f]+\r\n/g, "");
    assert.match(text, /Transfer-Encoding: chunked/i);
    assert.doesNotMatch(text, /content-length/i);
    assert.equal(data.replaceAll("\r\n", ""), reply.includes("Content-Length: 0") ? "" : "HELLO");
    await gateway.close();
    await origin.close();
  }
});

test("a request body can be changed while it passes", async () => {
  const origin = await startOrigin((connection) => {
    if (connection.text.endsWith("0\r\n\r\n")) connection.socket.write(okReply("done"), "latin1");
  });
  const gateway = await startTestWire({
    origin,
    inbound: (x) => {
      x.request.body.replace(shouting(x.request.body.stream()));
      return undefined;
    },
  });
  const text = await gateway.ask("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
  assert.match(text, /done$/);
  assert.match(origin.text, /\r\n\r\n5\r\nHELLO\r\n0\r\n\r\n$/);
  await gateway.close();
  await origin.close();
});

test("a client that takes no bytes stops the backend's, also through a stream", async () => {
  const whole = 64 * 1024 * 1024;
  let sent = 0;
  const origin = await startOrigin(({ socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${whole}\r\n\r\n`);
    const part = Buffer.alloc(256 * 1024, "a");
    const more = (): void => {
      while (sent < whole) {
        sent += part.length;
        if (!socket.write(part)) return void socket.once("drain", more);
      }
    };
    more();
  });
  const gateway = await startTestWire({
    origin,
    outbound: (x) => {
      const body = x.reply?.body;
      body?.replace(shouting(body.stream()));
      return undefined;
    },
  });
  const client = await connectRaw(gateway.port, { isRecording: false });
  client.socket.pause();
  client.send(get);
  let last = -1;
  await eventually(() => {
    const isStill = sent > 0 && sent === last;
    last = sent;
    return isStill;
  }, "the backend standing still");
  assert.ok(sent < whole, `${sent} bytes were taken from the backend`);
  client.socket.destroy();
  await eventually(() => origin.connections.every(({ isClosed }) => isClosed), "the backend's connection ending");
  await gateway.close();
  await origin.close();
});

test("a backend that breaks off in a stream makes the truncation visible", async () => {
  const origin = await startOrigin(({ socket }) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    setImmediate(() => socket.destroy());
  });
  const gateway = await startTestWire({
    origin,
    outbound: (x) => {
      const body = x.reply?.body;
      body?.replace(shouting(body.stream()));
      return undefined;
    },
  });
  const text = await gateway.ask(get);
  assert.doesNotMatch(text, /\r\n0\r\n\r\n$/);
  await eventually(() => gateway.ended.length === 1);
  assert.equal(gateway.ended[0]?.outcome.isAborted, true);
  await gateway.close();
  await origin.close();
});
