import assert from "node:assert/strict";
import { once } from "node:events";
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { eventually, startTestWire, type TestWire, type TestWireOptions } from "../wire/testing-wire.ts";
import { ask, nodeSession } from "./testing-h2.ts";

type Handler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

interface Backend {
  readonly port: number;
  readonly server: Http2Server;
  readonly sessions: ServerHttp2Session[];
  readonly heads: IncomingHttpHeaders[];
}

const closing: (() => void)[] = [];
after(() => {
  for (const close of closing) close();
});

/** A backend on Node's own server: h2c by prior knowledge. */
const startBackend = async (handler: Handler, settings: Record<string, number> = {}): Promise<Backend> => {
  const server = createServer({ settings });
  const sessions: ServerHttp2Session[] = [];
  const heads: IncomingHttpHeaders[] = [];
  server.on("session", (session) => {
    sessions.push(session);
    session.on("error", () => {});
  });
  server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    heads.push(headers);
    stream.on("error", () => {});
    handler(stream, headers);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, server, sessions, heads };
};

const startWire = (backend: Backend, more: TestWireOptions = {}): Promise<TestWire> =>
  startTestWire({ ...more, target: { url: `http://127.0.0.1:${backend.port}`, protocol: "h2c", ...more.target } });

const hello: Handler = (stream) => {
  stream.respond({ ":status": 200, "content-type": "text/plain", "x-b": "c" });
  stream.end("hello");
};

test("clients of HTTP/1.1 and HTTP/2 share one connection to a backend that speaks HTTP/2", async () => {
  const backend = await startBackend(hello);
  const wire = await startWire(backend);
  const session = nodeSession(wire.port);
  for (let at = 0; at < 3; at++) {
    const reply = await ask(session, { ":path": "/a?b=c", "x-a": "b", te: "trailers" });
    assert.equal(reply.headers[":status"], 200);
    assert.equal(reply.headers["x-b"], "c");
    assert.equal(reply.body, "hello");
    const text = await wire.ask("GET /a?b=c HTTP/1.1\r\nHost: a\r\nConnection: close, X-C\r\nX-C: d\r\n\r\n");
    assert.match(text, /^HTTP\/1\.1 200 \r\n[\s\S]*transfer-encoding: chunked[\s\S]*\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/i);
  }
  assert.equal(backend.sessions.length, 1);
  const [first, second] = backend.heads;
  assert.equal(first?.[":path"], "/a?b=c");
  assert.equal(first?.[":authority"], `127.0.0.1:${backend.port}`);
  assert.equal(first?.["x-a"], "b");
  assert.equal(first?.te, "trailers");
  assert.equal(first?.via, "2 portico");
  assert.equal(second?.via, "1.1 portico");
  assert.ok(first?.["x-request-id"]);
  for (const head of backend.heads) {
    for (const name of ["connection", "x-c", "transfer-encoding", "host", "upgrade"])
      assert.equal(head[name], undefined);
  }
  await wire.close();
});

test("many calls at once share connections, no more on each than the backend allows", async () => {
  let running = 0;
  let most = 0;
  const backend = await startBackend(
    (stream) => {
      most = Math.max(most, ++running);
      setTimeout(() => {
        running--;
        hello(stream, {});
      }, 20);
    },
    { maxConcurrentStreams: 5 },
  );
  const wire = await startWire(backend, { target: { connectionsMax: 2 } });
  const session = nodeSession(wire.port);
  const replies = await Promise.all(Array.from({ length: 40 }, () => ask(session, { ":path": "/a" })));
  assert.ok(replies.every(({ headers, body }) => headers[":status"] === 200 && body === "hello"));
  assert.ok(backend.sessions.length <= 2);
  assert.ok(most <= 10, `${most} at once`);
  await wire.close();
});

test("bodies and trailers pass both ways, whatever versions meet", async () => {
  const backend = await startBackend((stream, headers) => {
    let body = "";
    let sums: IncomingHttpHeaders = {};
    stream.on("trailers", (trailers) => {
      sums = trailers;
    });
    stream.on("data", (bytes: Buffer) => {
      body += bytes.toString();
    });
    stream.on("end", () => {
      stream.respond({ ":status": 200 }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": String(sums["x-sum"] ?? "none") }));
      stream.end(`${headers[":method"]} ${body}`);
    });
  });
  const wire = await startWire(backend);
  const session = nodeSession(wire.port);
  const stream = session.request({ ":method": "POST", ":path": "/" }, { waitForTrailers: true, endStream: false });
  stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "7" }));
  stream.end("abc");
  const got = await new Promise<{ body: string; sum: unknown }>((resolve) => {
    let body = "";
    let sum: unknown;
    stream.on("data", (bytes: Buffer) => {
      body += bytes.toString();
    });
    stream.on("trailers", (trailers) => {
      sum = trailers["x-sum"];
    });
    stream.on("close", () => resolve({ body, sum }));
  });
  assert.deepEqual(got, { body: "POST abc", sum: "7" });
  const text = await wire.ask(
    "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 8\r\n\r\n",
  );
  assert.match(text, /POST abc\r\n0\r\nx-sum: 8\r\n\r\n$/);
  await wire.close();
});

test("megabytes pass both ways through windows, with a slow reader", async () => {
  const backend = await startBackend((stream) => {
    stream.respond({ ":status": 200 });
    stream.pipe(stream);
  });
  const wire = await startWire(backend);
  const session = nodeSession(wire.port);
  const sent = Buffer.alloc(8 * 1024 * 1024, "0123456789abcdef");
  const stream = session.request({ ":method": "POST", ":path": "/" }, { endStream: false });
  stream.end(sent);
  const parts: Buffer[] = [];
  let count = 0;
  for await (const part of stream) {
    parts.push(part as Buffer);
    if (++count % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.ok(Buffer.concat(parts).equals(sent));
  await wire.close();
});

test("a client that goes away ends the call at the backend, and the connection serves on", async () => {
  let closed = 0;
  const backend = await startBackend((stream, headers) => {
    stream.on("close", () => {
      closed++;
    });
    if (headers[":path"] === "/slow") stream.respond({ ":status": 200 });
    else if (headers[":path"] !== "/never") hello(stream, headers);
  });
  const wire = await startWire(backend);
  const session = nodeSession(wire.port);
  for (const path of ["/slow", "/never"]) {
    const before = closed;
    const stream = session.request({ ":path": path });
    stream.on("error", () => {});
    await eventually(() => backend.heads.some((head) => head[":path"] === path));
    stream.close(8);
    await eventually(() => closed === before + 1, "the backend hears of it");
  }
  assert.equal((await ask(session, { ":path": "/a" })).body, "hello");
  assert.equal(backend.sessions.length, 1);
  await wire.close();
});

test("a stream that the backend refuses is sent again; one that it has ended is not", async () => {
  let count = 0;
  const backend = await startBackend((stream, headers) => {
    if (++count === 1) stream.close(7);
    else if (headers[":path"] === "/dead") stream.close(2);
    else hello(stream, headers);
  });
  const wire = await startWire(backend);
  const session = nodeSession(wire.port);
  const reply = await ask(session, { ":method": "POST", ":path": "/a" });
  assert.equal(reply.headers[":status"], 200);
  assert.equal(count, 2);
  assert.equal((await ask(session, { ":method": "POST", ":path": "/dead" })).headers[":status"], 502);
  assert.equal(count, 3);
  await wire.close();
});

test("a backend that says GOAWAY gets no more calls on that connection, and what it had not looked at goes elsewhere", async () => {
  const backend = await startBackend((stream, headers) => {
    if (headers[":path"] !== "/first") hello(stream, headers);
    else {
      stream.session?.goaway(0, stream.id ?? 0);
      setTimeout(() => hello(stream, headers), 50);
    }
  });
  const wire = await startWire(backend);
  const session = nodeSession(wire.port);
  const first = ask(session, { ":path": "/first" });
  await eventually(() => backend.heads.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal((await ask(session, { ":path": "/second" })).body, "hello");
  assert.equal((await first).body, "hello");
  assert.equal(backend.sessions.length, 2);
  await wire.close();
});

test("a backend that breaks off in the middle of a body is seen by both kinds of clients", async () => {
  const backend = await startBackend((stream) => {
    stream.respond({ ":status": 200 });
    stream.write("half");
    setTimeout(() => stream.destroy(new Error("broken")), 20);
  });
  const wire = await startWire(backend);
  const session = nodeSession(wire.port);
  await assert.rejects(ask(session, { ":path": "/a" }), /INTERNAL_ERROR/);
  const text = await wire.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(text, /half/);
  assert.doesNotMatch(text, /\r\n0\r\n\r\n$/);
  await wire.close();
});

test("HEAD, 204 and 304 of a backend have no body for any client", async () => {
  const backend = await startBackend((stream, headers) => {
    const status = Number(headers[":path"]?.slice(1));
    stream.respond({ ":status": status, ...(status === 200 ? { "content-length": "5" } : {}) }, { endStream: true });
  });
  const wire = await startWire(backend);
  const session = nodeSession(wire.port);
  const head = await ask(session, { ":method": "HEAD", ":path": "/200" });
  assert.equal(head.headers["content-length"], "5");
  for (const status of [204, 304]) {
    const reply = await ask(session, { ":path": `/${status}` });
    assert.equal(reply.headers[":status"], status);
    assert.equal(reply.body, "");
    assert.match(
      await wire.ask(`GET /${status} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`),
      /^HTTP\/1\.1 \d+ [\s\S]*\r\n\r\n$/,
    );
  }
  await wire.close();
});

test("a backend that does not answer is 504, and an unreachable one 502", async () => {
  const backend = await startBackend(() => {});
  const wire = await startWire(backend, { target: { timeoutMs: 100 } });
  const session = nodeSession(wire.port);
  assert.equal((await ask(session, { ":path": "/a" })).headers[":status"], 504);
  await wire.close();
  const nobody = await startTestWire({ target: { url: "http://127.0.0.1:1", protocol: "h2c" } });
  const other = nodeSession(nobody.port);
  const replies = await Promise.all([1, 2, 3].map(() => ask(other, { ":path": "/a" })));
  assert.deepEqual(
    replies.map(({ headers }) => headers[":status"]),
    [502, 502, 502],
  );
  await nobody.close();
});
