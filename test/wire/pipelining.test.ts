import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyReply, replyWith } from "../../src/exchange/reply.ts";
import { answering, eventually, okReply, startOrigin, startTestWire } from "./testing-wire.ts";

test("pipelined requests are answered in order, one at the backend at a time", async () => {
  let open = 0;
  let openMax = 0;
  const origin = await startOrigin((connection, bytes) => {
    const path = /^GET (\S+)/.exec(bytes)?.[1] ?? "";
    open++;
    openMax = Math.max(openMax, open);
    setTimeout(
      () => {
        open--;
        connection.socket.write(okReply(path), "latin1");
      },
      path === "/1" ? 30 : 0,
    );
  });
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.send([1, 2, 3, 4].map((at) => `GET /${at} HTTP/1.1\r\nHost: a\r\n\r\n`).join(""));
  await client.until((text) => text.endsWith("/4"));
  assert.deepEqual(
    [...client.text.matchAll(/\r\n\r\n(\/\d)/g)].map((match) => match[1]),
    ["/1", "/2", "/3", "/4"],
  );
  assert.equal(openMax, 1);
  await gateway.close();
  await origin.close();
});

test("a mix of methods and bodies in one packet is cut at the right places", async () => {
  const gateway = await startTestWire({
    inbound: async (x) => {
      const body = Buffer.from(await x.request.body.read(100)).toString();
      return replyWith(200, "text/plain", `${x.request.method} ${x.request.path} [${body}]\n`);
    },
  });
  const client = await gateway.connect();
  client.send(
    "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" +
      "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n" +
      "PUT /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n" +
      "HEAD /4 HTTP/1.1\r\nHost: a\r\n\r\n" +
      "DELETE /5 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
  );
  const text = await client.whole();
  assert.deepEqual(text.match(/^[A-Z]+ \/\d \[.*\]$/gm), [
    "POST /1 [abc]",
    "GET /2 []",
    "PUT /3 [def]",
    "DELETE /5 []",
  ]);
  assert.equal(text.match(/HTTP\/1\.1 200 /g)?.length, 5);
  await gateway.close();
});

test("ten thousand pipelined requests that are answered at once build no stack", async () => {
  const gateway = await startTestWire({ inbound: () => emptyReply(204) });
  const client = await gateway.connect();
  const count = 10_000;
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(count));
  await client.until((text) => text.split("HTTP/1.1 204").length === count + 1);
  assert.equal(gateway.ended.length, count);
  await gateway.close();
});

test("a client that sends ahead without end is not read without end", async () => {
  const origin = await startOrigin(() => {});
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => origin.requestLines.length === 1);
  const block = Buffer.from("GET /next HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2_000));
  let written = 0;
  let lastProgressMs = performance.now();
  while (performance.now() - lastProgressMs < 500) {
    if (client.socket.writableLength < block.length) {
      client.socket.write(block);
      written += block.length;
      lastProgressMs = performance.now();
    }
    assert.ok(written < 64 * 1024 * 1024, `${written} bytes were taken`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.equal(origin.requestLines.length, 1);
  client.socket.destroy();
  await gateway.close();
  await origin.close();
});

test("HTTP/1.0: closed after the reply, kept with `Connection: keep-alive`", async () => {
  const origin = await startOrigin(answering(okReply()));
  const gateway = await startTestWire({ origin });
  assert.match(await gateway.ask("GET / HTTP/1.0\r\n\r\n"), /Connection: close\r\n[\s\S]*hello$/);
  const client = await gateway.connect();
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  await client.until((text) => text.endsWith("hello"));
  assert.match(client.text, /Connection: keep-alive\r\n/);
  client.send("GET / HTTP/1.0\r\n\r\n");
  assert.equal((await client.whole()).match(/hello/g)?.length, 2);
  await gateway.close();
  await origin.close();
});
