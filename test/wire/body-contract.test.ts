import assert from "node:assert/strict";
import { test } from "node:test";
import { replyWith } from "../../src/exchange/reply.ts";
import { okReply, startOrigin, startTestWire } from "./testing-wire.ts";

const echo = (connection: { text: string; socket: { write(text: string, encoding: "latin1"): unknown } }): void => {
  if (!/\r\n\r\n/.test(connection.text)) return;
  const length = Number(/content-length: (\d+)/i.exec(connection.text)?.[1] ?? -1);
  const body = connection.text.slice(connection.text.indexOf("\r\n\r\n") + 4);
  const isWhole = length >= 0 ? body.length === length : /0\r\n\r\n$/.test(body) || !/chunked/i.test(connection.text);
  if (isWhole) connection.socket.write(okReply("done"), "latin1");
};

test("a request body that is read goes on with its length, also where it came in chunks", async () => {
  const origin = await startOrigin(echo);
  const seen: unknown[] = [];
  const gateway = await startTestWire({
    origin,
    inbound: async (x) => {
      seen.push(x.request.body.isEmpty, x.request.body.length);
      const first = await x.request.body.read(100);
      const again = await x.request.body.read(100);
      seen.push(Buffer.from(first).toString(), Buffer.from(again).toString(), x.request.body.length);
      return undefined;
    },
  });
  await gateway.ask(
    "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
  );
  assert.deepEqual(seen, [false, undefined, "abc", "abc", 3]);
  assert.match(origin.text, /\r\nContent-Length: 3\r\n\r\nabc$/);
  assert.doesNotMatch(origin.text, /transfer-encoding/i);
  await gateway.close();
  await origin.close();
});

test("a request body that is larger than the reader takes rejects with 413, declared or counted", async () => {
  for (const body of [
    "Content-Length: 11\r\n\r\nhello world",
    "Transfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n",
  ]) {
    const gateway = await startTestWire({
      inbound: async (x) => replyWith(200, "text/plain", await x.request.body.read(10)),
    });
    const text = await gateway.ask(`POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${body}`);
    assert.match(text, /^HTTP\/1\.1 413 [\s\S]*request\.body_too_large/);
    await gateway.close();
  }
});

test("a request body that is replaced: string, bytes, iterable, none", async () => {
  async function* parts(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("x");
    yield Buffer.from("yz");
  }
  for (const [made, expected] of [
    ["é", /\r\nContent-Length: 2\r\n\r\n\xc3\xa9$/],
    [Buffer.from("bytes"), /\r\nContent-Length: 5\r\n\r\nbytes$/],
    [parts(), /\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n2\r\nyz\r\n0\r\n\r\n$/],
    [null, /\r\nContent-Length: 0\r\n\r\n$/],
  ] as const) {
    const origin = await startOrigin(echo);
    const gateway = await startTestWire({
      origin,
      inbound: (x) => {
        x.request.body.replace(made);
        return undefined;
      },
    });
    const text = await gateway.ask("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nabcde");
    assert.match(text, /done$/);
    assert.match(origin.text, expected);
    assert.doesNotMatch(origin.text, /abcde/);
    await gateway.close();
    await origin.close();
  }
});

test("a reply body that is read or replaced goes out with the right framing", async () => {
  for (const [reply, act, expected] of [
    [
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
      "read",
      /\r\nContent-Length: 3\r\n[\s\S]*\r\n\r\nabc$/,
    ],
    [okReply("hello"), "read", /\r\nContent-Length: 5\r\n[\s\S]*\r\n\r\nhello$/],
    [okReply("hello"), "replace", /\r\nContent-Length: 3\r\n[\s\S]*\r\n\r\nnew$/],
    [
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
      "replace",
      /\r\nContent-Length: 3\r\n[\s\S]*\r\n\r\nnew$/,
    ],
  ] as const) {
    const origin = await startOrigin((connection) => connection.socket.write(reply, "latin1"));
    const gateway = await startTestWire({
      origin,
      outbound: async (x) => {
        if (act === "read") await x.reply?.body.read(100);
        else x.reply?.body.replace("new");
        return undefined;
      },
    });
    const client = await gateway.connect();
    for (let at = 1; at <= 2; at++) {
      client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await client.until((text) => (text.match(/HTTP\/1\.1 200/g)?.length ?? 0) === at && expected.test(text));
    }
    assert.equal(client.text.match(/content-length/gi)?.length, 2);
    assert.doesNotMatch(client.text, /transfer-encoding/i);
    assert.equal(origin.connections.length, 1, "the connection to the backend was kept");
    await gateway.close();
    await origin.close();
  }
});

test("a reply body that is too large to read is a fault of 502", async () => {
  const origin = await startOrigin((connection) => connection.socket.write(okReply("hello world"), "latin1"));
  const gateway = await startTestWire({
    origin,
    outbound: async (x) => {
      await x.reply?.body.read(10);
      return undefined;
    },
  });
  const text = await gateway.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assert.match(text, /^HTTP\/1\.1 502 [\s\S]*backend\.reply_invalid/);
  await gateway.close();
  await origin.close();
});

test("an outbound step that waits loses nothing, also where the backend closes meanwhile", async () => {
  for (const reply of [
    okReply("hello"),
    "HTTP/1.1 200 OK\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  ]) {
    const origin = await startOrigin((connection) => connection.socket.end(reply, "latin1"));
    const gateway = await startTestWire({
      origin,
      outbound: async () => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        return undefined;
      },
    });
    const text = await gateway.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert.match(text, /hello(\r\n0\r\n\r\n)?$/);
    assert.equal(gateway.ended[0]?.outcome.isAborted, false);
    await gateway.close();
    await origin.close();
  }
});

test("a request body can be buffered before it is sent, and then has a length", async () => {
  const origin = await startOrigin(echo);
  const gateway = await startTestWire({ origin, forward: { bufferRequestBody: true } });
  const client = await gateway.connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(origin.text, "");
  client.send("1\r\nc\r\n0\r\n\r\n");
  await client.until((text) => text.endsWith("done"));
  assert.match(origin.text, /\r\nContent-Length: 3\r\n\r\nabc$/);
  await gateway.close();
  await origin.close();
});

test("edits of the request reach the backend: method, path, query, fields, Host", async () => {
  const origin = await startOrigin((connection) => connection.socket.write(okReply(), "latin1"));
  const gateway = await startTestWire({
    origin,
    inbound: ({ request }) => {
      assert.equal(request.queryParameter("q"), "a b");
      request.setQueryParameter("q", ["ü"]);
      request.setQueryParameter("gone", null);
      request.method = "PUT";
      request.upstreamPath = "/new%2Fpath";
      request.headers.set("X-Tenant", "t");
      request.headers.set("Host", "inner");
      request.headers.delete("X-Secret");
      request.headers.set("Content-Length", "77");
      return undefined;
    },
  });
  await gateway.ask(
    "POST /old?q=a+b&keep=%31&gone=1 HTTP/1.1\r\nHost: a\r\nX-Secret: s\r\nX-Tenant: forged\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
  );
  assert.match(origin.text, /^PUT \/new%2Fpath\?q=%C3%BC&keep=%31 HTTP\/1\.1\r\n/);
  assert.match(origin.text, /\r\nX-Tenant: t\r\n/);
  assert.match(origin.text, /\r\nHost: inner\r\n/);
  assert.equal(origin.text.match(/^host:/gim)?.length, 1);
  assert.doesNotMatch(origin.text, /X-Secret|forged|: 77/);
  await gateway.close();
  await origin.close();
});

test("a policy cannot break the request line", async () => {
  const origin = await startOrigin((connection) => connection.socket.write(okReply(), "latin1"));
  for (const path of ["/a b", "/a\r\nX: y", "/a\nb", "/é", "/a#b"]) {
    const gateway = await startTestWire({
      origin,
      inbound: ({ request }) => {
        request.upstreamPath = path;
        return undefined;
      },
    });
    const text = await gateway.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert.match(text, /^HTTP\/1\.1 500 [\s\S]*policy\.fault/);
    await gateway.close();
  }
  assert.equal(origin.text, "");
  await origin.close();
});
