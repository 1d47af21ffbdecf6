import assert from "node:assert/strict";
import { test } from "node:test";
import { CallRecord } from "../../src/gateway/record/call-record.ts";
import { MessageBody } from "../../src/gateway/wire/message-body.ts";
import { answering, okReply, startOrigin, startTestWire, type TestWire } from "./testing-wire.ts";

/*
 * A call that is recorded is the same call on the wire: framing, bytes and backpressure do not change.
 */

const recorded: CallRecord[] = [];

const startRecorded = (
  origin: Awaited<ReturnType<typeof startOrigin>>,
  options: { readonly bodyBytesMax?: number; readonly isTraced?: boolean } = {},
): Promise<TestWire> =>
  startTestWire({
    origin,
    inbound: (x) => {
      const record = new CallRecord(x, {
        reason: "asked",
        hasChanges: true,
        isTraced: options.isTraced ?? false,
        tokenApi: "",
        bodyBytesMax: options.bodyBytesMax ?? 0,
      });
      recorded.push(record);
      x.record = record;
      const { body } = x.request;
      if (body instanceof MessageBody && body.source !== null) body.source = record.tap("request", body.source);
      return undefined;
    },
  });

const chunked = (...parts: readonly string[]): string =>
  `${parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join("")}0\r\n\r\n`;

test("bodies with a length and in chunks pass unchanged while their first bytes are kept", async () => {
  const reply = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked("first ", "second ", "third")}`;
  const origin = await startOrigin(answering(reply));
  const gateway = await startRecorded(origin, { bodyBytesMax: 10 });
  const lengthRequest = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 12\r\n\r\nhello, world";
  const answer = await gateway.ask(lengthRequest);
  assert.ok(answer.endsWith(chunked("first ", "second ", "third")), answer);
  assert.match(origin.text, /Content-Length: 12\r\n.*hello, world$/s);
  const record = recorded.at(-1);
  assert.deepEqual(
    [record?.taps.request?.bytes.toString(), record?.taps.reply?.bytes.toString()],
    ["hello, wor", "first seco"],
  );
  await gateway.ask(
    `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunked("abc", "defghijklmnop")}`,
  );
  assert.ok(origin.text.endsWith(chunked("abc", "defghijklmnop")), origin.text.slice(-100));
  assert.equal(recorded.at(-1)?.taps.request?.bytes.toString(), "abcdefghij");
  await gateway.close();
  await origin.close();
});

test("without a wish for bodies nothing is kept of them", async () => {
  const origin = await startOrigin(answering(okReply("secret")));
  const gateway = await startRecorded(origin);
  await gateway.ask("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 6\r\n\r\nsecret");
  assert.deepEqual(recorded.at(-1)?.taps, { request: null, reply: null });
  await gateway.close();
  await origin.close();
});

test("each request to the backend is an attempt: when it waited, when it was sent, when the reply began", async () => {
  const origin = await startOrigin(answering(okReply()));
  const gateway = await startRecorded(origin);
  const ask = async (): Promise<void> => {
    await gateway.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  };
  await ask();
  const [first] = recorded.at(-1)?.attempts ?? [];
  assert.equal(first?.target, `127.0.0.1:${origin.port}`);
  assert.equal(first?.status, 200);
  assert.ok(
    first !== undefined && first.queuedUs >= 0 && first.sentUs >= first.queuedUs && first.replyUs >= first.sentUs,
  );
  await ask();
  // A connection was free: nobody waited.
  assert.equal(recorded.at(-1)?.attempts[0]?.queuedUs, -1);
  await origin.close();
  await ask();
  const [gone] = recorded.at(-1)?.attempts ?? [];
  assert.deepEqual([gone?.status, gone?.code, (gone?.endUs ?? -1) >= 0], [0, "backend.unreachable", true]);
  await gateway.close();
});

test("a traced call tells the backend about the span of this very request", async () => {
  const origin = await startOrigin(answering(okReply()));
  const gateway = await startRecorded(origin, { isTraced: true });
  const given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  await gateway.ask(
    `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\ntraceparent: ${given}\r\ntracestate: a=1\r\n\r\n`,
  );
  const span = recorded.at(-1)?.attempts[0]?.spanId;
  assert.match(origin.text, new RegExp(`traceparent: 00-0af7651916cd43dd8448eb211c80319c-${span}-01\r\n`));
  assert.match(origin.text, /tracestate: a=1\r\n/);
  assert.doesNotMatch(origin.text, /b7ad6b7169203331/);
  await gateway.close();
  await origin.close();
});
