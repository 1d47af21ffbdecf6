import assert from "node:assert/strict";
import { test } from "node:test";
import { refuse } from "../../src/exchange/refuse.ts";
import { emptyReply, type Reply, replyWith } from "../../src/exchange/reply.ts";
import { eventually, okReply, startOrigin, startTestWire } from "./testing-wire.ts";

const ask = async (reply: Reply, line = "GET / HTTP/1.1"): Promise<string> => {
  const gateway = await startTestWire({ inbound: () => reply });
  const text = await gateway.ask(`${line}\r\nHost: a\r\nConnection: close\r\n\r\n`);
  await gateway.close();
  return text;
};

test("strings are sent as UTF-8 with their length in bytes; bytes as they are; nothing as length 0", async () => {
  const text = await ask(replyWith(200, "text/plain", "é€"));
  assert.match(text, /Content-Length: 5\r\n/);
  assert.ok(text.endsWith(Buffer.from("é€").toString("latin1")));
  assert.match(await ask(replyWith(201, "a/b", Buffer.from([0, 255]))), /Content-Length: 2\r\n[\s\S]*\0\xff$/);
  assert.match(await ask(emptyReply(200)), /Content-Length: 0\r\n[\s\S]*\r\n\r\n$/);
  assert.doesNotMatch(await ask(emptyReply(204)), /content-length/i);
});

test("HEAD gets the length and no body", async () => {
  assert.match(
    await ask(replyWith(200, "text/plain", "hello"), "HEAD / HTTP/1.1"),
    /Content-Length: 5\r\n[\s\S]*\r\n\r\n$/,
  );
  assert.match(
    await ask(refuse("key.missing"), "HEAD / HTTP/1.1"),
    /^HTTP\/1\.1 401 [\s\S]*problem\+json[\s\S]*\r\n\r\n$/,
  );
});

test("framing fields among a reply's headers are the engine's business; a reply that would break the head is a fault", async () => {
  const odd = await ask({
    status: 200,
    headers: [
      ["Content-Length", "99"],
      ["Transfer-Encoding", "chunked"],
      ["Connection", "x"],
      ["X-Request-Id", "x"],
      ["X-Ok", "y"],
    ],
    body: "hello",
  });
  assert.match(odd, /X-Ok: y/);
  assert.match(odd, /Content-Length: 5/);
  assert.doesNotMatch(odd, /99|chunked|: x\r/);
  for (const bad of [
    { status: 200, headers: [["X", "a\r\nInjected: b"]], body: "hello" },
    { status: 200, headers: [["X Y", "a"]], body: "hello" },
    { status: 99, headers: [], body: null },
    { status: 101, headers: [], body: null },
    { status: 200, reason: "a\r\nb", headers: [], body: null },
  ] as const) {
    const text = await ask(bad as Reply);
    assert.match(text, /^HTTP\/1\.1 500 [\s\S]*"code":"gateway\.fault"/);
    assert.doesNotMatch(text, /Injected/);
  }
});

test("an iterable is sent in chunks to 1.1, until close to 1.0", async () => {
  async function* parts(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("one");
    yield Buffer.alloc(0);
    yield Buffer.from("two");
  }
  assert.match(
    await ask({ status: 200, headers: [], body: parts() }),
    /chunked\r\n[\s\S]*\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n$/,
  );
  const old = await ask({ status: 200, headers: [], body: parts() }, "GET / HTTP/1.0");
  assert.match(old, /Connection: close[\s\S]*\r\n\r\nonetwo$/);
  assert.doesNotMatch(old, /chunked/);
});

test("an iterable is asked only for what the client takes, and is ended when the client goes", async () => {
  let asked = 0;
  let isReturned = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        asked++;
        yield Buffer.alloc(64 * 1024);
      }
    } finally {
      isReturned = true;
    }
  }
  const gateway = await startTestWire({ inbound: () => ({ status: 200, headers: [], body: endless() }) });
  const client = await gateway.connect();
  client.socket.pause();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  let before = -1;
  while (before !== asked || asked === 0) {
    before = asked;
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.ok(asked < 1_000, `${asked} chunks were asked for`);
  }
  client.socket.destroy();
  await eventually(() => isReturned);
  await eventually(() => gateway.ended[0]?.outcome.isAborted === true);
  await gateway.close();
});

test("an iterable that fails ends the connection without an end of the body", async () => {
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("one");
    throw new Error("no more");
  }
  const text = await ask({ status: 200, headers: [], body: failing() });
  assert.match(text, /3\r\none\r\n$/);
});

test("late reply fields go onto whatever reply goes out, the last value counts", async () => {
  const origin = await startOrigin((connection) =>
    connection.socket.write(okReply("hello", "X-Late: theirs\r\n"), "latin1"),
  );
  const inbound = (x: { setReplyHeader(name: string, value: string): void }): undefined => {
    x.setReplyHeader("X-Late", "1");
    x.setReplyHeader("x-late", "2");
    assert.throws(() => x.setReplyHeader("X", "a\nb"), RangeError);
    return undefined;
  };
  const gateway = await startTestWire({ origin, inbound });
  const text = await gateway.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assert.match(text, /X-Late: 2\r\n/i);
  assert.equal(text.match(/x-late/gi)?.length, 1);
  const refusing = await startTestWire({ inbound: (x) => inbound(x) ?? refuse("key.missing") });
  assert.match(await refusing.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), /401[\s\S]*X-Late: 2/i);
  await gateway.close();
  await refusing.close();
  await origin.close();
});

test("edits of a backend's reply: status, fields, and a refusal in its place", async () => {
  const origin = await startOrigin((connection) =>
    connection.socket.write(okReply("hello", "X-A: 1\r\nX-B: 2\r\nX-A: 3\r\n"), "latin1"),
  );
  const gateway = await startTestWire({
    origin,
    outbound: (x) => {
      const { reply } = x;
      if (reply === null) return undefined;
      if (x.request.path === "/refuse") return refuse("policy.refused");
      assert.deepEqual(reply.headers.getAll("x-a"), ["1", "3"]);
      reply.headers.set("X-A", "new");
      reply.headers.append("X-C", "4");
      reply.headers.delete("X-B");
      reply.status = 202;
      return undefined;
    },
  });
  const text = await gateway.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assert.match(text, /^HTTP\/1\.1 202 Accepted\r\nContent-Type: text\/plain\r\nContent-Length: 5\r\n/);
  assert.match(text, /\r\nX-A: new\r\nX-C: 4\r\n[\s\S]*\r\n\r\nhello$/);
  assert.doesNotMatch(text, /X-B|X-A: [13]/);
  const refused = await gateway.ask("GET /refuse HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assert.match(refused, /^HTTP\/1\.1 403 [\s\S]*policy\.refused/);
  assert.doesNotMatch(refused, /hello|X-A/);
  await gateway.close();
  await origin.close();
});
