import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { refuse } from "../../src/exchange/refuse.ts";
import { eventually, okReply, startOrigin, startTestWire, type TestWireOptions } from "./testing-wire.ts";

const key = "dGhlIHNhbXBsZSBub25jZQ==";
const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

const handshake = (more: readonly string[] = [], less: RegExp = /^$/): string =>
  `${[
    "GET /chat HTTP/1.1",
    "Host: a",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${key}`,
  ]
    .filter((line) => !less.test(line))
    .concat(more)
    .join("\r\n")}\r\n\r\n`;

const switching = (more: readonly string[] = [], less: RegExp = /^$/): string =>
  `${[
    "HTTP/1.1 101 Switching Protocols",
    "Connection: upgrade",
    "Upgrade: WebSocket",
    `Sec-WebSocket-Accept: ${accept}`,
  ]
    .filter((line) => !less.test(line))
    .concat(more)
    .join("\r\n")}\r\n\r\n`;

const start = async (reply: string, options: TestWireOptions = {}) => {
  const origin = await startOrigin((connection, bytes) => {
    if (bytes.includes("\r\n\r\n")) connection.socket.write(reply, "latin1");
  });
  const gateway = await startTestWire({ origin, ...options });
  return { origin, gateway };
};

const masked = "\x81\x85\x00\x00\x00\x00hello";

for (const [name, request, status, code] of [
  ["another version", handshake(["Sec-WebSocket-Version: 8"], /Version/), 426, "request.upgrade_version"],
  ["no version", handshake([], /Version/), 426, "request.upgrade_version"],
  ["two versions", handshake(["Sec-WebSocket-Version: 13"]), 426, "request.upgrade_version"],
  ["no key", handshake([], /Key/), 400, "request.upgrade_invalid"],
  ["a short key", handshake(["Sec-WebSocket-Key: abcd"], /Key/), 400, "request.upgrade_invalid"],
  ["two keys", handshake([`Sec-WebSocket-Key: ${key}`]), 400, "request.upgrade_invalid"],
  ["another method", handshake().replace("GET", "POST"), 400, "request.upgrade_invalid"],
] as const) {
  test(`a WebSocket handshake with ${name} is refused before anybody sees it`, async () => {
    const { origin, gateway } = await start(switching());
    const text = await gateway.ask(request);
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*${code.replace(".", "\\.")}`));
    if (status === 426) assert.match(text, /Upgrade: websocket[\s\S]*sec-websocket-version: 13/i);
    assert.equal(origin.text, "");
    await gateway.close();
    await origin.close();
  });
}

for (const [name, reply] of [
  ["another protocol", switching(["Upgrade: h2c"], /^Upgrade/)],
  ["two protocols", switching(["Upgrade: h2c"])],
  ["no protocol", switching([], /^Upgrade/)],
  ["no Connection: upgrade", switching([], /^Connection/)],
  ["the answer to another handshake", switching(["Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA="], /Accept/)],
  ["no answer", switching([], /Accept/)],
  ["a subprotocol that was not offered", switching(["Sec-WebSocket-Protocol: admin"])],
  ["an extension that was not offered", switching(["Sec-WebSocket-Extensions: permessage-deflate"])],
  ["HTTP/1.0", switching().replace("HTTP/1.1", "HTTP/1.0")],
] as const) {
  test(`a backend's 101 with ${name} is 502, and its connection is not used again`, async () => {
    const { origin, gateway } = await start(reply);
    const client = await gateway.connect();
    client.send(handshake());
    const text = await client.until((so) => so.includes("\r\n\r\n"));
    assert.match(text, /^HTTP\/1\.1 502 /);
    assert.doesNotMatch(text, /HTTP\/1\.1 101|Sec-WebSocket-Accept/i);
    await eventually(() => origin.connections[0]?.isClosed === true || origin.connections[0]?.hasEnded === true);
    assert.equal(gateway.ended[0]?.outcome.status, 502);
    await gateway.close();
    await origin.close();
  });
}

test("an upgrade that the route does not allow is refused and does not reach the backend", async () => {
  const { origin, gateway } = await start(switching(), { streams: { upgrade: [] } });
  const client = await gateway.connect();
  client.send(handshake());
  assert.match(await client.until((so) => so.includes("}")), /^HTTP\/1\.1 400 [\s\S]*request\.upgrade_refused/);
  assert.equal(origin.text, "");
  await gateway.close();
  await origin.close();
});

test("a policy that refuses the handshake ends it: nothing reaches the backend", async () => {
  const { origin, gateway } = await start(switching(), { inbound: () => refuse("key.missing") });
  const client = await gateway.connect();
  client.send(handshake());
  assert.match(await client.until((so) => so.includes("}")), /^HTTP\/1\.1 401 /);
  assert.equal(origin.text, "");
  await gateway.close();
  await origin.close();
});

test("a policy sees the 101 and may add to it, or make another reply of it", async () => {
  let isRefusing = false;
  const { origin, gateway } = await start(switching(["X-Origin: 1"]), {
    outbound: (x) => {
      assert.equal(x.reply?.status, 101);
      if (isRefusing) return refuse("policy.refused");
      x.reply?.headers.set("X-Added", "yes");
      return undefined;
    },
  });
  const one = await gateway.connect();
  one.send(handshake());
  const text = await one.until((so) => so.includes("\r\n\r\n"));
  assert.match(text, /^HTTP\/1\.1 101 [\s\S]*X-Origin: 1\r\n[\s\S]*X-Added: yes\r\n/);
  assert.match(text, /\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/);
  assert.match(text, /\r\nX-Request-Id: /);
  assert.doesNotMatch(text, /content-length|transfer-encoding/i);
  one.socket.destroy();
  isRefusing = true;
  const two = await gateway.connect();
  two.send(handshake());
  assert.match(await two.until((so) => so.includes("}")), /^HTTP\/1\.1 403 /);
  await eventually(() => origin.connections[1]?.isClosed === true || origin.connections[1]?.hasEnded === true);
  two.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
  await two.until((so) => so.split("HTTP/1.1 403").length > 2 || so.includes("HTTP/1.1 502"));
  await gateway.close();
  await origin.close();
});

test("the backend is asked for one protocol, with the handshake as it came", async () => {
  const { origin, gateway } = await start(switching());
  const client = await gateway.connect();
  client.send(handshake(["Upgrade: h2c", "Sec-WebSocket-Protocol: a, b"]));
  await client.until((so) => so.includes("\r\n\r\n"));
  assert.match(client.text, /^HTTP\/1\.1 101 /);
  assert.equal(origin.text.match(/^Upgrade: .*$/gim)?.join(), "Upgrade: websocket");
  assert.equal(origin.text.match(/^Connection: .*$/gim)?.join(), "Connection: Upgrade");
  assert.ok(origin.text.includes(`Sec-WebSocket-Key: ${key}\r\n`));
  assert.ok(origin.text.includes("Sec-WebSocket-Protocol: a, b\r\n"));
  await gateway.close();
  await origin.close();
});

test("bytes sent early, before the 101, reach the backend after it and nothing else", async () => {
  let answer = (): void => {};
  const origin = await startOrigin((connection, bytes) => {
    if (bytes.includes("\r\n\r\n")) answer = () => connection.socket.write(switching(), "latin1");
  });
  const gateway = await startTestWire({ origin });
  const client = await gateway.connect();
  client.send(handshake() + masked);
  await eventually(() => origin.text.includes("\r\n\r\n"));
  assert.ok(!origin.text.includes("hello"));
  answer();
  await eventually(() => origin.text.endsWith(masked));
  await gateway.close();
  await origin.close();
});

test("bytes sent early are the next request where the backend does not change the protocol: with all policies", async () => {
  const seen: string[] = [];
  const { origin, gateway } = await start(okReply("no"), {
    inbound: (x) => {
      seen.push(x.request.path);
      return x.request.path === "/admin" ? refuse("key.missing") : undefined;
    },
  });
  const client = await gateway.connect();
  client.send(`${handshake()}GET /admin HTTP/1.1\r\nHost: a\r\n\r\n`);
  await client.until((so) => so.includes("HTTP/1.1 401"));
  assert.deepEqual(seen, ["/chat", "/admin"]);
  assert.equal(origin.requestLines.length, 1);
  assert.ok(!origin.text.includes("/admin"));
  await gateway.close();
  await origin.close();
});

test("a reply that is not 101 keeps its framing and the connection", async () => {
  const { origin, gateway } = await start(okReply("plain"));
  const client = await gateway.connect();
  client.send(handshake());
  await client.until((so) => so.endsWith("plain"));
  client.send("GET /again HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const text = await client.whole();
  assert.equal(text.match(/HTTP\/1\.1 200 OK\r\n/g)?.length, 2);
  assert.doesNotMatch(text, /^Upgrade:/im);
  assert.equal(origin.connections.length, 1);
  await gateway.close();
  await origin.close();
});

test("an upgrade with a body is an ordinary request: its body is framed exactly, what is behind it is the next", async () => {
  const { origin, gateway } = await start(okReply());
  const client = await gateway.connect();
  client.send(
    handshake(["Content-Length: 5"]).replace("GET", "POST") +
      "hello" +
      "GET /two HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
  );
  await client.whole();
  assert.match(origin.text, /^POST \/chat [\s\S]*Content-Length: 5\r\n\r\nhelloGET \/two HTTP\/1\.1\r\n/);
  assert.doesNotMatch(origin.text, /^Upgrade:/im);
  await gateway.close();
  await origin.close();
});

test("Upgrade that Connection does not name, and Upgrade in HTTP/1.0, are overlooked", async () => {
  const { origin, gateway } = await start(okReply());
  await gateway.ask(handshake(["Connection: close"], /^Connection/));
  await gateway.ask(handshake(["Connection: Upgrade, close"], /^Connection/).replace("HTTP/1.1", "HTTP/1.0"));
  assert.equal(origin.requestLines.length, 2);
  assert.doesNotMatch(origin.text, /^Upgrade:/im);
  await gateway.close();
  await origin.close();
});

for (const protocol of ["h2c", "TLS/1.0", "HTTP/2.0", "foo/1", "websocket2", "web socket"]) {
  test(`Upgrade: ${protocol} is overlooked where only WebSocket is allowed`, async () => {
    const { origin, gateway } = await start(okReply());
    const text = await gateway.ask(
      `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: ${protocol}\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`,
    );
    assert.match(text, /^HTTP\/1\.1 200 /);
    assert.doesNotMatch(origin.text, /upgrade|http2-settings/i);
    await gateway.close();
    await origin.close();
  });
}

for (const method of ["CONNECT", "TRACE"]) {
  test(`${method} is refused, also with Upgrade`, async () => {
    const { origin, gateway } = await start(switching());
    const text = await gateway.ask(handshake().replace("GET /chat", method === "CONNECT" ? "CONNECT a:80" : "TRACE /"));
    assert.match(text, /^HTTP\/1\.1 501 [\s\S]*request\.method_refused/);
    assert.equal(origin.text, "");
    await gateway.close();
    await origin.close();
  });
}

test("a client that goes while the backend still decides takes the handshake with it", async () => {
  const { origin, gateway } = await start("");
  const client = await gateway.connect();
  client.send(handshake());
  await eventually(() => origin.text.includes("\r\n\r\n"));
  client.socket.destroy();
  await eventually(() => gateway.ended.length === 1 && gateway.upstreams.connectionCount === 0);
  assert.equal(gateway.ended[0]?.outcome.isAborted, true);
  await gateway.close();
  await origin.close();
});

test("a client that goes while a policy looks at the 101 leaves no connection behind", async () => {
  let decide = (): void => {};
  const { origin, gateway } = await start(switching(), {
    outbound: () =>
      new Promise((resolve) => {
        decide = () => resolve(undefined);
      }),
  });
  const client = await gateway.connect();
  client.send(handshake());
  await eventually(() => origin.text.includes("\r\n\r\n"));
  await eventually(() => decide.length === 0 && gateway.upstreams.connectionCount === 1);
  client.socket.destroy();
  await eventually(() => gateway.upstreams.connectionCount === 0);
  decide();
  await eventually(() => gateway.ended.length === 1);
  assert.equal(gateway.wire.streams.upgraded, 0);
  await gateway.close();
  await origin.close();
});
