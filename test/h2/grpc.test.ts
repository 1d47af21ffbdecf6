import assert from "node:assert/strict";
import { after, test } from "node:test";
import {
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  credentials,
  Metadata,
  makeGenericClientConstructor,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type ServiceError,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { refuse } from "../../src/exchange/refuse.ts";
import { eventually, startTestWire, type TestWire, type TestWireOptions } from "../wire/testing-wire.ts";
import { ask, nodeSession } from "./testing-h2.ts";

const bytesOf = (text: string): Buffer => Buffer.from(text);
const textOf = (bytes: Buffer): string => bytes.toString();
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/shop.Books/${name}`,
  requestStream,
  responseStream,
  requestSerialize: bytesOf,
  requestDeserialize: textOf,
  responseSerialize: bytesOf,
  responseDeserialize: textOf,
});
const service = {
  one: method("One", false, false),
  many: method("Many", false, true),
  sum: method("Sum", true, false),
  chat: method("Chat", true, true),
} satisfies ServiceDefinition;

interface BooksClient {
  one(
    text: string,
    metadata: Metadata,
    options: object,
    done: (error: ServiceError | null, value?: string) => void,
  ): ClientUnaryCall;
  many(text: string): ClientReadableStream<string>;
  sum(done: (error: ServiceError | null, value?: string) => void): ClientWritableStream<string>;
  chat(): ClientDuplexStream<string, string>;
  close(): void;
}

interface Seen {
  cancelled: number;
}

const servers: Server[] = [];
const clients: BooksClient[] = [];
after(() => {
  for (const client of clients) client.close();
  for (const server of servers) server.forceShutdown();
});

/** A service on gRPC's own server. */
const startService = async (): Promise<{ port: number; seen: Seen }> => {
  const seen: Seen = { cancelled: 0 };
  const server = new Server();
  servers.push(server);
  server.addService(service, {
    one: (call: ServerUnaryCall<string, string>, done: sendUnaryData<string>) => {
      call.on("cancelled", () => {
        seen.cancelled++;
      });
      if (call.request === "hang") return;
      const trailer = new Metadata();
      trailer.set("x-sum", "7");
      if (call.request === "fail") done({ code: status.NOT_FOUND, details: "no such böok", metadata: trailer });
      else done(null, `one ${call.request} ${String(call.metadata.get("x-tenant")[0] ?? "")}`, trailer);
    },
    many: (call: ServerWritableStream<string, string>) => {
      call.on("cancelled", () => {
        seen.cancelled++;
      });
      call.write("0");
      if (call.request === "hang") return;
      for (let at = 1; at < Number(call.request); at++) call.write(`${at}`);
      call.end();
    },
    sum: (call: ServerReadableStream<string, string>, done: sendUnaryData<string>) => {
      let sum = 0;
      call.on("data", (text: string) => {
        sum += Number(text);
      });
      call.on("end", () => done(null, String(sum)));
    },
    chat: (call: ServerDuplexStream<string, string>) => {
      call.on("data", (text: string) => call.write(`${text}!`));
      call.on("end", () => call.end());
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return { port, seen };
};

const Books = makeGenericClientConstructor(service, "Books");
const clientOf = (port: number): BooksClient => {
  // The constructor is generic: its methods are those of the definition.
  const client = new Books(`127.0.0.1:${port}`, credentials.createInsecure()) as unknown as BooksClient;
  clients.push(client);
  return client;
};

const startGateway = (port: number, more: TestWireOptions = {}): Promise<TestWire> =>
  startTestWire({ ...more, target: { url: `http://127.0.0.1:${port}`, protocol: "h2c", ...more.target } });

const one = (client: BooksClient, text: string, options: object = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const metadata = new Metadata();
    metadata.set("x-tenant", "t");
    client.one(text, metadata, options, (error, value) => (error === null ? resolve(value ?? "") : reject(error)));
  });

test("calls of gRPC of all four kinds pass", async () => {
  const { port } = await startService();
  const wire = await startGateway(port);
  const client = clientOf(wire.port);
  assert.equal(await one(client, "a"), "one a t");
  const many: string[] = [];
  for await (const text of client.many("200")) many.push(String(text));
  assert.deepEqual(
    many,
    Array.from({ length: 200 }, (_, at) => String(at)),
  );
  const sum = await new Promise((resolve, reject) => {
    const call = client.sum((error, value) => (error === null ? resolve(value) : reject(error)));
    for (let at = 1; at <= 100; at++) call.write(String(at));
    call.end();
  });
  assert.equal(sum, "5050");
  const chat = client.chat();
  const said: string[] = [];
  for (const text of ["a", "b", "c"]) {
    const answer = new Promise((resolve) => chat.once("data", resolve));
    chat.write(text);
    // Each answer comes before the next question: nothing is held back on the way.
    said.push(String(await answer));
  }
  chat.end();
  await new Promise((resolve) => chat.on("status", resolve).resume());
  assert.deepEqual(said, ["a!", "b!", "c!"]);
  await wire.close();
});

test("a status other than OK arrives with its message and its trailers", async () => {
  const { port } = await startService();
  const wire = await startGateway(port);
  await assert.rejects(one(clientOf(wire.port), "fail"), (error: ServiceError) => {
    assert.equal(error.code, status.NOT_FOUND);
    assert.equal(error.details, "no such böok");
    assert.equal(error.metadata.get("x-sum")[0], "7");
    return true;
  });
  await wire.close();
});

test("a deadline ends the call at the client, here and at the backend", async () => {
  const { port, seen } = await startService();
  const wire = await startGateway(port);
  await assert.rejects(one(clientOf(wire.port), "hang", { deadline: Date.now() + 150 }), (error: ServiceError) => {
    assert.equal(error.code, status.DEADLINE_EXCEEDED);
    return true;
  });
  await eventually(() => seen.cancelled === 1, "the service hears of it");
  await eventually(() => wire.ended.length === 1);
  await wire.close();
});

test("a deadline that the client itself does not watch is told by the gateway", async () => {
  const { port } = await startService();
  const wire = await startGateway(port);
  const session = nodeSession(wire.port);
  const call = { ":method": "POST", "content-type": "application/grpc", te: "trailers", "grpc-timeout": "100m" };
  const hang = Buffer.concat([Buffer.from([0, 0, 0, 0, 4]), Buffer.from("hang")]);
  const reply = await ask(session, { ...call, ":path": "/shop.Books/One" }, hang);
  assert.equal(reply.headers[":status"], 200);
  assert.equal(reply.headers["grpc-status"] ?? reply.trailers["grpc-status"], "4");
  const streamed = await ask(session, { ...call, ":path": "/shop.Books/Many" }, hang);
  assert.equal(streamed.body, "\0\0\0\0\x010");
  assert.equal(streamed.trailers["grpc-status"], "4");
  await wire.close();
});

test("a call that the client cancels ends at the backend", async () => {
  const { port, seen } = await startService();
  const wire = await startGateway(port);
  const call = clientOf(wire.port).many("hang");
  call.on("error", () => {});
  await new Promise((resolve) => call.once("data", resolve));
  call.cancel();
  await eventually(() => seen.cancelled === 1);
  await wire.close();
});

test("refusals of the gateway are statuses of gRPC: the mapping of HTTP statuses, with the detail as message", async () => {
  const { port } = await startService();
  const table = [
    ["key.missing", status.UNAUTHENTICATED],
    ["subscription.forbidden", status.PERMISSION_DENIED],
    ["route.not_found", status.UNIMPLEMENTED],
    ["limit.rate_exceeded", status.UNAVAILABLE],
    ["gateway.overloaded", status.UNAVAILABLE],
    ["request.path_invalid", status.INTERNAL],
    ["gateway.fault", status.UNKNOWN],
  ] as const;
  for (const [code, expected] of table) {
    const reply = refuse(code, { detail: "so ist es, 100 % süß" });
    const wire = await startGateway(port, { inbound: () => reply });
    await assert.rejects(one(clientOf(wire.port), "a"), (error: ServiceError) => {
      assert.equal(error.code, expected, code);
      assert.equal(error.details, "so ist es, 100 % süß");
      return true;
    });
    await wire.close();
  }
});

test("a backend that cannot be reached, or breaks off, is UNAVAILABLE", async () => {
  const wire = await startGateway(1);
  await assert.rejects(one(clientOf(wire.port), "a"), (error: ServiceError) => error.code === status.UNAVAILABLE);
  await wire.close();
  const { port } = await startService();
  const other = await startGateway(port);
  const call = clientOf(other.port).many("hang");
  await new Promise((resolve) => call.once("data", resolve));
  const failed = new Promise<ServiceError>((resolve) => call.once("error", resolve as (error: Error) => void));
  servers.at(-1)?.forceShutdown();
  assert.equal((await failed).code, status.UNAVAILABLE);
  await other.close();
});

const message = (text: string): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat([head, Buffer.from(text)]);
};

/** The messages and trailers in a body of gRPC-Web. */
const framesOf = (body: Buffer): { readonly messages: readonly string[]; readonly trailers: string } => {
  const messages: string[] = [];
  let trailers = "";
  for (let at = 0; at < body.length; ) {
    const length = body.readUInt32BE(at + 1);
    const text = body.toString("latin1", at + 5, at + 5 + length);
    if (((body[at] ?? 0) & 0x80) === 0) messages.push(text);
    else trailers += text;
    at += 5 + length;
  }
  return { messages, trailers };
};

test("gRPC-Web of a browser, binary and as text, over HTTP/1.1: messages, trailers in the body, refusals", async () => {
  const { port } = await startService();
  const wire = await startGateway(port);
  const call = (path: string, type: string, body: string | Buffer): Promise<Response> =>
    fetch(`http://127.0.0.1:${wire.port}/shop.Books/${path}`, {
      method: "POST",
      headers: { "content-type": type, "x-grpc-web": "1", "x-tenant": "t" },
      body,
    });
  const binary = await call("One", "application/grpc-web+proto", message("a"));
  assert.equal(binary.headers.get("content-type"), "application/grpc-web+proto");
  const got = framesOf(Buffer.from(await binary.arrayBuffer()));
  assert.deepEqual(got.messages, ["one a t"]);
  assert.match(got.trailers, /grpc-status: ?0\r\n/);
  assert.match(got.trailers, /x-sum: ?7\r\n/);
  // Two pieces, each padded by itself.
  const pieces = message("3");
  const padded = pieces.subarray(0, 4).toString("base64") + pieces.subarray(4).toString("base64");
  const text = await call("Many", "application/grpc-web-text", padded);
  assert.equal(text.headers.get("content-type"), "application/grpc-web-text+proto");
  const streamed = framesOf(Buffer.from(await text.text(), "base64"));
  assert.deepEqual(streamed.messages, ["0", "1", "2"]);
  assert.match(streamed.trailers, /grpc-status: ?0\r\n/);
  const failed = await call("One", "application/grpc-web", message("fail"));
  const end = failed.headers.get("grpc-status") ?? framesOf(Buffer.from(await failed.arrayBuffer())).trailers;
  assert.match(end, /5/);
  const broken = await call("One", "application/grpc-web-text", "!!!!");
  assert.equal(broken.status, 200);
  assert.equal(broken.headers.get("grpc-status"), String(status.INTERNAL));
  await wire.close();
});
