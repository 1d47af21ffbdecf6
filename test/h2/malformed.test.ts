import assert from "node:assert/strict";
import { test } from "node:test";
import { answering, eventually, okReply, startOrigin, startTestWire } from "../wire/testing-wire.ts";
import { connectFrames, type FieldList, flags, frame, get, headers, post, types } from "./testing-h2.ts";

const protocolError = 1;
const without = (fields: FieldList, name: string): FieldList => fields.filter(([own]) => own !== name);

/** RFC 9113 section 8: each is a stream error, and reaches no backend. */
const malformed: Readonly<Record<string, FieldList>> = {
  "no method": without(get(), ":method"),
  "no path": without(get(), ":path"),
  "no scheme": without(get(), ":scheme"),
  "an empty path": get(""),
  "a path without a slash": get("a"),
  "an asterisk without OPTIONS": get("*"),
  "a scheme that is none of ours": [[":scheme", "ftp"], ...without(get(), ":scheme")],
  "a path twice": [[":path", "/a"], ...get("/b")],
  "a method twice": [[":method", "GET"], ...get()],
  "a pseudo-field behind a regular one": [["x-a", "b"], ...get()],
  "an unknown pseudo-field": [[":origin", "a"], ...get()],
  "a status in a request": [[":status", "200"], ...get()],
  "the protocol of an extended CONNECT": [[":protocol", "websocket"], ...get()],
  "a line break in a path": get("/a\r\nx-b: c"),
  "a whole request in a path": get("/a HTTP/1.1\r\nHost: b\r\n\r\nGET /c"),
  "a space in a path": get("/a b"),
  "a fragment in a path": get("/a#b"),
  "a NUL in a path": get("/a\0"),
  "a line break in a method": [[":method", "GET / HTTP/1.1\r\nx: y"], ...without(get(), ":method")],
  "a line break in an authority": [...without(get(), ":authority"), [":authority", "a\r\nx-b: c"]],
  "an upper case letter in a name": get("/a", [["X-A", "b"]]),
  "a colon in a name": get("/a", [["x:a", "b"]]),
  "a space in a name": get("/a", [["x a", "b"]]),
  "a line break in a name": get("/a", [["x-a: b\r\nx-c", "d"]]),
  "an empty name": get("/a", [["", "d"]]),
  "a name beyond ASCII": get("/a", [["x-\xe4", "d"]]),
  "a line break in a value": get("/a", [["x-a", "b\r\nx-c: d"]]),
  "a line feed in a value": get("/a", [["x-a", "b\nc"]]),
  "a NUL in a value": get("/a", [["x-a", "b\0c"]]),
  "a space before a value": get("/a", [["x-a", " b"]]),
  "a tab behind a value": get("/a", [["x-a", "b\t"]]),
  connection: get("/a", [["connection", "close"]]),
  "keep-alive": get("/a", [["keep-alive", "5"]]),
  "proxy-connection": get("/a", [["proxy-connection", "close"]]),
  "transfer-encoding": post("/a", [["transfer-encoding", "chunked"]]),
  upgrade: get("/a", [["upgrade", "h2c"]]),
  "te other than trailers": get("/a", [["te", "gzip"]]),
  "te with more than trailers": get("/a", [["te", "trailers, deflate"]]),
  "an authority that is not the host": get("/a", [["host", "other.test"]]),
  "two hosts": get("/a", [
    ["host", "gateway.test"],
    ["host", "gateway.test"],
  ]),
  "a length that is none": get("/a", [["content-length", "+5"]]),
  "two lengths": get("/a", [
    ["content-length", "0"],
    ["content-length", "0"],
  ]),
  "a length without a body": post("/a", [["content-length", "5"]]),
  "CONNECT with a path": [
    [":method", "CONNECT"],
    [":path", "/"],
    [":authority", "a:1"],
  ],
  "CONNECT with a scheme": [
    [":method", "CONNECT"],
    [":scheme", "http"],
    [":authority", "a:1"],
  ],
  "CONNECT without an authority": [[":method", "CONNECT"]],
};

test("malformed requests are stream errors, reach no backend, and leave the connection in order", async (t) => {
  const origin = await startOrigin(answering(okReply()));
  const wire = await startTestWire({ origin });
  for (const [name, fields] of Object.entries(malformed)) {
    await t.test(name, async () => {
      const client = await connectFrames(wire.port);
      client.send(headers(1, fields));
      assert.equal(await client.reset(1), protocolError);
      assert.equal(origin.text, "");
      client.send(frame(types.ping, 0, 0, "01234567"));
      await client.until((all) => all.some((one) => one.type === types.ping));
      client.close();
    });
  }
  await eventually(() => wire.ended.length === Object.keys(malformed).length, "every one is counted");
  assert.ok(wire.ended.every(({ outcome }) => outcome.status === 0 && outcome.isAborted));
  const client = await connectFrames(wire.port);
  client.send(headers(1, get("/well")));
  assert.equal((await client.reply(1))[":status"], "200");
  assert.deepEqual(origin.requestLines, ["GET /well HTTP/1.1"]);
  await wire.close();
  await origin.close();
});

test("bytes that do not add up to the declared length are a stream error, and the backend does not take them for whole", async () => {
  const origin = await startOrigin(() => {});
  const wire = await startTestWire({ origin });
  for (const [data, isEnd] of [
    ["abc", true],
    ["abcdefgh", false],
  ] as const) {
    const client = await connectFrames(wire.port);
    client.send(
      headers(1, post("/a", [["content-length", "5"]]), false) +
        frame(types.data, isEnd ? flags.endStream : 0, 1, data),
    );
    assert.equal(await client.reset(1), protocolError);
    client.close();
  }
  await eventually(() => wire.ended.length === 2);
  assert.ok(wire.ended.every(({ outcome }) => outcome.isAborted));
  assert.doesNotMatch(origin.text, /\r\n\r\n.{5}/);
  await wire.close();
  await origin.close();
});

test("what is not malformed but refused is answered, as in HTTP/1.1", async (t) => {
  const origin = await startOrigin(answering(okReply()));
  const wire = await startTestWire({ origin });
  const cases: readonly (readonly [name: string, fields: FieldList, status: string])[] = [
    [
      "CONNECT",
      [
        [":method", "CONNECT"],
        [":authority", "a.test:443"],
      ],
      "501",
    ],
    ["TRACE", [[":method", "TRACE"], ...get().slice(1)], "501"],
    ["a dot segment", get("/a/../b"), "400"],
    ["an encoded dot segment", get("/a/%2e%2e/b"), "400"],
    ["no host", without(get(), ":authority"), "400"],
    ["userinfo in the authority", [...without(get(), ":authority"), [":authority", "me@gateway.test"]], "400"],
    ["an expectation that nobody knows", get("/a", [["expect", "tea"]]), "417"],
    ["a path too long", get(`/${"a".repeat(9_000)}`), "414"],
    [
      "fields too many",
      get(
        "/a",
        Array.from({ length: 120 }, (_, at) => [`x-${at}`, "b"] as const),
      ),
      "431",
    ],
    [
      "fields too large",
      get(
        "/a",
        Array.from({ length: 9 }, (_, at) => [`x-${at}`, "b".repeat(4_000)] as const),
      ),
      "431",
    ],
  ];
  for (const [name, fields, status] of cases) {
    await t.test(name, async () => {
      const client = await connectFrames(wire.port);
      const list = headers(1, fields);
      // Longer blocks come in several frames.
      if (list.length <= 16_384) client.send(list);
      else {
        const payload = list.slice(9);
        client.send(frame(types.headers, flags.endStream, 1, payload.slice(0, 16_000)));
        for (let at = 16_000; at < payload.length; at += 16_000)
          client.send(
            frame(
              types.continuation,
              at + 16_000 >= payload.length ? flags.endHeaders : 0,
              1,
              payload.slice(at, at + 16_000),
            ),
          );
      }
      const reply = await client.reply(1);
      assert.equal(reply[":status"], status);
      assert.equal(reply["content-type"], "application/problem+json");
      assert.ok(reply["x-request-id"]);
      client.close();
    });
  }
  assert.equal(origin.text, "");
  await wire.close();
  await origin.close();
});
