import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { connectRaw, startTestWire } from "./testing-wire.ts";

const sizeBytes = 12 * 1024 * 1024;

/** Bytes that differ from stream to stream and from place to place. */
const blockOf = (stream: number, at: number): Buffer => {
  const block = Buffer.alloc(48 * 1024 + stream * 976);
  for (let index = 0; index < block.length; index += 4)
    block.writeUInt32LE((at * 65_537 + index * 31 + stream * 7) >>> 0, index & ~3);
  return block;
};

test("many long bodies at once, both ways, fast and slow readers: every byte arrives as it was sent", async (t) => {
  // An echo: what the gateway forwards comes back chunk by chunk, at the pace of the backend's reader.
  const server = createServer((socket) => {
    let isHead = true;
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => {
      let body = bytes;
      if (isHead) {
        isHead = false;
        const end = bytes.indexOf("\r\n\r\n") + 4;
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${sizeBytes}\r\n\r\n`);
        body = bytes.subarray(end);
      }
      if (!socket.write(body)) {
        socket.pause();
        socket.once("drain", () => setTimeout(() => socket.resume(), Math.random() < 0.1 ? 3 : 0));
      }
    });
  });
  t.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = address !== null && typeof address !== "string" ? address.port : 0;
  const gateway = await startTestWire({ target: { url: `http://127.0.0.1:${port}`, timeoutMs: 60_000 } });

  const exchange = async (stream: number): Promise<void> => {
    const client = await connectRaw(gateway.port, { isRecording: false });
    const sent = createHash("sha256");
    const received = createHash("sha256");
    let got = 0;
    let head = "";
    const whole = new Promise<void>((resolve) => {
      client.socket.on("data", (bytes: Buffer) => {
        let body = bytes;
        if (!head.includes("\r\n\r\n")) {
          head += bytes.toString("latin1");
          const end = head.indexOf("\r\n\r\n");
          if (end < 0) return;
          body = Buffer.from(head.slice(end + 4), "latin1");
        }
        received.update(body);
        got += body.length;
        if (got === sizeBytes) resolve();
        if (stream % 2 === 1 && Math.random() < 0.2) {
          client.socket.pause();
          setTimeout(() => client.socket.resume(), 2);
        }
      });
    });
    client.socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${sizeBytes}\r\n\r\n`);
    let left = sizeBytes;
    for (let at = 0; left > 0; at++) {
      const block = blockOf(stream, at).subarray(0, left);
      left -= block.length;
      sent.update(block);
      if (!client.socket.write(block)) await once(client.socket, "drain");
    }
    await whole;
    assert.match(head, /^HTTP\/1\.1 200 /);
    assert.equal(received.digest("hex"), sent.digest("hex"), `stream ${stream}`);
    client.socket.destroy();
  };
  await Promise.all([0, 1, 2, 3, 4].map(exchange));
  await gateway.close();
});
