import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, okReply, startOrigin, startTestWire } from "./testing-wire.ts";

const invalid: readonly (readonly [what: string, bytes: string])[] = [
  ["no HTTP", "hello\r\n\r\n"],
  ["bare LF", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok"],
  ["folding", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok"],
  ["space before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok"],
  ["NUL in a value", "HTTP/1.1 200 OK\r\nX: \0\r\nContent-Length: 2\r\n\r\nok"],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"],
  ["length and chunked", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["an unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok"],
  ["chunked in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["101 that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"],
  ["a status of two digits", "HTTP/1.1 99 X\r\n\r\n"],
  ["HTTP/2", "HTTP/2 200 OK\r\n\r\n"],
  ["a head without end", `HTTP/1.1 200 OK\r\nX: ${"a".repeat(100_000)}`],
  ["interim replies without end", "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n".repeat(50)],
];

for (const [what, bytes] of invalid) {
  test(`${what} from a backend is 502, and its connection is dropped`, async () => {
    const origin = await startOrigin((connection) => connection.socket.write(bytes, "latin1"));
    const gateway = await startTestWire({ origin });
    const client = await gateway.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.until((text) => text.includes("backend.reply_invalid"));
    assert.match(client.text, /^HTTP\/1\.1 502 /);
    await eventually(() => origin.connections.every(({ isClosed, hasEnded }) => isClosed || hasEnded));
    assert.equal(gateway.upstreams.connectionCount, 0);
    await gateway.close();
    await origin.close();
  });
}

test("a bad chunk from a backend ends the client's connection without an end of the body", async () => {
  const origin = await startOrigin((connection) => {
    connection.socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    setTimeout(() => connection.socket.write("zz\r\n0\r\n\r\n"), 50);
  });
  const gateway = await startTestWire({ origin });
  const reply = await gateway.ask("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(reply, /^HTTP\/1\.1 200 [\s\S]*abc/);
  assert.doesNotMatch(reply, /0\r\n\r\n$/);
  await eventually(() => gateway.ended[0]?.outcome.isAborted === true);
  await gateway.close();
  await origin.close();
});

test("a bad chunk before anything of the reply is out is 502, and the client's connection lives", async () => {
  for (const body of ["zz\r\n0\r\n\r\n", "3\r\nabcX\r\n0\r\n\r\n", "-3\r\nabc\r\n0\r\n\r\n"]) {
    const origin = await startOrigin((connection) => {
      const isFirst = origin.requestLines.length === 1;
      connection.socket.write(
        isFirst ? `HTTP/1.1 200 OK\r\nX-Theirs: 1\r\nTransfer-Encoding: chunked\r\n\r\n${body}` : okReply(),
      );
    });
    const gateway = await startTestWire({ origin });
    const client = await gateway.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.until((text) => text.endsWith("hello"));
    assert.match(client.text, /^HTTP\/1\.1 502 [\s\S]*backend\.reply_invalid[\s\S]*HTTP\/1\.1 200 OK[\s\S]*hello$/);
    assert.doesNotMatch(client.text, /X-Theirs|Transfer-Encoding/);
    assert.equal(gateway.ended[0]?.outcome.status, 502);
    await gateway.close();
    await origin.close();
  }
});

test("interim replies are skipped, however they are cut", async () => {
  const text = `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${okReply()}`;
  const origin = await startOrigin((connection) => {
    [...text].forEach((byte, at) => void setTimeout(() => connection.socket.write(byte, "latin1"), at / 4));
  });
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until((reply) => reply.endsWith("hello"));
  assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n/);
  assert.doesNotMatch(client.text, /Early|Continue/);
  await gateway.close();
  await origin.close();
});

test("hop-by-hop fields end here in both directions, and `Connection` cannot strip what others rely on", async () => {
  const origin = await startOrigin((connection) =>
    connection.socket.write(
      "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Private, Content-Length, X-Request-Id\r\nKeep-Alive: timeout=5\r\n" +
        "X-Private: secret\r\nServer: origin/1\r\nUpgrade: h2c\r\nX-Request-Id: theirs\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok",
      "latin1",
    ),
  );
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.send(
    "POST /a HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Hop, Content-Length, Host, Authorization, X-Forwarded-For, Cookie\r\n" +
      "X-Hop: 1\r\nKeep-Alive: 5\r\nProxy-Connection: keep-alive\r\nTE: trailers, deflate\r\nProxy-Authorization: Basic x\r\n" +
      "Authorization: Bearer t\r\nCookie: c=d\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n" +
      "X-Forwarded-Port: 1\r\nX-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Request-Id: mine\r\nContent-Length: 4\r\n\r\nabcd",
  );
  await client.until((text) => text.endsWith("ok"));
  assert.match(origin.text, /\r\nAuthorization: Bearer t\r\nCookie: c=d\r\n/);
  assert.match(origin.text, /\r\nContent-Length: 4\r\n\r\nabcd$/);
  assert.match(origin.text, /\r\nX-Forwarded-For: 127\.0\.0\.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n/);
  assert.doesNotMatch(origin.text, /x-hop|keep-alive|proxy-|^te:|6\.6\.6\.6|evil|x-real|forwarded-port|: mine/im);
  assert.match(client.text, /\r\nServer: origin\/1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n/);
  assert.doesNotMatch(client.text, /keep-alive|x-private|secret|upgrade|theirs/i);
  assert.equal(client.text.match(/x-request-id/gi)?.length, 1);
  await gateway.close();
  await origin.close();
});

test("a trusted proxy's forwarding fields are continued, and the client is the one it names", async () => {
  const origin = await startOrigin((connection) => connection.socket.write(okReply(), "latin1"));
  let clientIp = "";
  const gateway = await startTestWire({
    origin,
    trustedProxies: ["127.0.0.0/8", "10.0.0.0/8"],
    inbound: (x) => {
      clientIp = x.request.clientIp;
      return undefined;
    },
  });
  const client = await gateway.connect();
  client.send(
    "GET /a HTTP/1.1\r\nHost: in\r\nX-Forwarded-For: 1.1.1.1, 9.9.9.9\r\nX-Forwarded-For: 10.1.2.3\r\nX-Forwarded-Proto: https\r\n" +
      "X-Forwarded-Host: shop.example\r\nForwarded: for=9.9.9.9\r\nVia: 1.1 edge\r\n\r\n",
  );
  await client.until((text) => text.endsWith("hello"));
  assert.equal(clientIp, "9.9.9.9");
  assert.match(origin.text, /X-Forwarded-For: 1\.1\.1\.1, 9\.9\.9\.9, 10\.1\.2\.3, 127\.0\.0\.1\r\n/);
  assert.match(origin.text, /X-Forwarded-Proto: https\r\nX-Forwarded-Host: shop\.example\r\n/);
  assert.match(
    origin.text,
    /Forwarded: for=9\.9\.9\.9, for=127\.0\.0\.1;host=in;proto=http\r\nVia: 1\.1 edge, 1\.1 portico\r\n/,
  );
  await gateway.close();
  await origin.close();
});

test("a name that differs from one of the engine's fields by an underscore only goes no further", async () => {
  // Servers that make variables of field names read both as one: CONTENT_LENGTH, HTTP_X_FORWARDED_FOR.
  const origin = await startOrigin((connection) => connection.socket.write(okReply(), "latin1"));
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.send(
    "GET /a HTTP/1.1\r\nHost: a\r\nContent_Length: 9\r\ntransfer_encoding: chunked\r\nX_Forwarded_For: 6.6.6.6\r\nX-Forwarded_Proto: https\r\n" +
      "X_Forwarded_Whatever: evil\r\nX_Real-IP: 6.6.6.6\r\nX_Request_Id: mine\r\nPortico_Explain: evil\r\nX_Api: kept\r\nmy_field: kept\r\n\r\n",
  );
  await client.until((text) => text.endsWith("hello"));
  assert.doesNotMatch(origin.text, /t_length|r_encoding|6\.6\.6\.6|d_proto|evil|mine/i);
  assert.match(origin.text, /\r\nX_Api: kept\r\nmy_field: kept\r\n/);
  assert.match(origin.text, /\r\nX-Forwarded-For: 127\.0\.0\.1\r\n/);
  await gateway.close();
  await origin.close();
});

test("traceparent: a legal one goes on, another is replaced and its tracestate dropped", async () => {
  const origin = await startOrigin((connection) => connection.socket.write(okReply(), "latin1"));
  const gateway = await startTestWire({ origin });
  const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const ask = (value: string): Promise<string> =>
    gateway.ask(`GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\ntraceparent: ${value}\r\ntracestate: v=1\r\n\r\n`);
  await ask(good);
  assert.match(origin.text, new RegExp(`traceparent: ${good}\r\ntracestate: v=1`));
  for (const bad of [
    "x",
    good.toUpperCase(),
    `ff${good.slice(2)}`,
    `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
    `${good}-x`,
  ]) {
    const before = origin.text.length;
    await ask(bad);
    const sent = origin.text.slice(before);
    assert.match(sent, /traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-00\r\n/);
    assert.equal(sent.match(/traceparent/g)?.length, 1);
    assert.doesNotMatch(sent, /tracestate/);
  }
  await gateway.close();
  await origin.close();
});

test("a target's base path, headers, query and the client's Host", async () => {
  const origin = await startOrigin((connection) => connection.socket.write(okReply(), "latin1"));
  const gateway = await startTestWire({
    origin,
    target: {
      url: `http://127.0.0.1:${origin.port}/base/`,
      headers: [["Authorization", "Basic gateway"]],
      query: [["code", "a&b"]],
      preserveHost: true,
    },
  });
  await gateway.ask("GET /a?x=1 HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer client\r\nConnection: close\r\n\r\n");
  assert.match(origin.text, /^GET \/base\/a\?x=1&code=a%26b HTTP\/1\.1\r\nHost: shop\r\n/);
  assert.match(origin.text, /Authorization: Basic gateway/);
  assert.doesNotMatch(origin.text, /Bearer/);
  await gateway.close();
  await origin.close();
});

test("redirects: followed to the same origin where asked, handed out otherwise", async () => {
  const origin = await startOrigin((connection, bytes) => {
    const path = /^\S+ (\S+)/.exec(bytes)?.[1] ?? "";
    const location: Record<string, string> = {
      "/1": "/2?x=y",
      "/2?x=y": "3",
      "/away": "http://169.254.169.254/latest",
      "/loop": "/loop",
    };
    const to = location[path];
    connection.socket.write(
      to === undefined
        ? okReply(`at ${path}`)
        : `HTTP/1.1 302 Found\r\nLocation: ${to}\r\nContent-Length: 4\r\n\r\ngone`,
      "latin1",
    );
  });
  const follow = await startTestWire({ origin, forward: { followRedirects: true } });
  const ask = (gateway: typeof follow, line: string): Promise<string> =>
    gateway.ask(`${line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  assert.match(await ask(follow, "GET /1"), /^HTTP\/1\.1 200 [\s\S]*at \/3$/);
  assert.match(await ask(follow, "GET /away"), /^HTTP\/1\.1 302 [\s\S]*169\.254/);
  const before = origin.requestLines.length;
  assert.match(await ask(follow, "GET /loop"), /^HTTP\/1\.1 302 /);
  assert.equal(origin.requestLines.length - before, 6);
  assert.match(await ask(follow, "DELETE /1"), /^HTTP\/1\.1 302 /);
  await follow.close();
  const plain = await startTestWire({ origin });
  assert.match(await ask(plain, "GET /1"), /^HTTP\/1\.1 302 [\s\S]*gone$/);
  await plain.close();
  await origin.close();
});
