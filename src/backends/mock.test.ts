import assert from "node:assert/strict";
import { test } from "node:test";
import type { MockAnswer } from "../exchange/mock-answer.ts";
import type { Reply } from "../exchange/reply.ts";
import { testExchange } from "../exchange/testing-exchange.ts";
import { mockBackend } from "./mock.ts";

const answers: readonly MockAnswer[] = [
  { status: 404, mediaType: "application/problem+json", body: '{"status":404}' },
  { status: 200, mediaType: "application/json", body: '{"n":1}' },
  { status: 200, mediaType: "application/json", body: '{"n":2}' },
  { status: 200, mediaType: "text/plain", body: "one" },
  { status: 202 },
];

/** Builds the backend, failing on mistakes, and sends one exchange. */
const ask = (headers: Record<string, string>, mocks: readonly MockAnswer[] = answers, config = {}): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const mistakes: string[] = [];
    const backend = mockBackend.build(
      { kind: "mock", ...config },
      {
        at: "",
        mistake: (path, message) => mistakes.push(`${path} ${message}`),
        upstream: () => assert.fail("a mock has no upstream"),
        cluster: () => assert.fail("a mock has no upstream"),
        value: () => assert.fail("a mock has no expressions"),
        mocksOf: (operation) => (operation === "listOrders" ? mocks : []),
      },
    );
    if (mistakes.length > 0) throw new Error(mistakes.join());
    const x = testExchange({ headers });
    backend.send(x, {}, (reply) => (reply ? resolve(reply) : reject(new Error("no reply"))));
  });

test("without a wish the first 2xx answers", async () => {
  const reply = await ask({});
  assert.deepEqual([reply.status, reply.body, reply.headers], [200, '{"n":1}', [["content-type", "application/json"]]]);
});

test("Prefer chooses status and example; what it cannot have is ignored", async () => {
  assert.equal((await ask({ prefer: "code=404" })).status, 404);
  assert.equal((await ask({ prefer: "example=1" })).body, '{"n":2}');
  assert.equal((await ask({ prefer: "code=200, example=2", accept: "*/*" })).body, "one");
  assert.equal((await ask({ prefer: "code=599" })).body, '{"n":1}');
  assert.equal((await ask({ prefer: "respond-async; code" })).body, '{"n":1}');
});

test("Accept chooses the media type by quality and specificity", async () => {
  assert.equal((await ask({ accept: "text/plain" })).body, "one");
  assert.equal((await ask({ accept: "text/*;q=0.9, application/json;q=0.1" })).body, "one");
  assert.equal((await ask({ accept: "text/plain;q=0, */*" })).body, '{"n":1}');
  assert.equal((await ask({ accept: "image/png" })).body, '{"n":1}');
});

test("an answer without a body has none, and a document without answers gives 204", async () => {
  const accepted = await ask({ prefer: "code=202" });
  assert.deepEqual([accepted.status, accepted.body], [202, null]);
  assert.equal((await ask({}, [])).status, 204);
});

test("a delay is kept, and an absurd one refused", async () => {
  assert.equal((await ask({}, answers, { delay: "5ms" })).status, 200);
  await assert.rejects(ask({}, answers, { delay: "1h" }), /delay/);
});
