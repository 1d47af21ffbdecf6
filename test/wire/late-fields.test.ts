import assert from "node:assert/strict";
import { test } from "node:test";
import { answering, okReply, startOrigin, startTestWire } from "./testing-wire.ts";

test("a field that a policy sets late replaces the backend's; Vary is added to the backend's own", async () => {
  const origin = await startOrigin(
    answering(okReply("hello", "Vary: Accept\r\nAccess-Control-Allow-Origin: https://backend\r\n")),
  );
  const gateway = await startTestWire({
    origin,
    inbound: (x) => {
      x.setReplyHeader("Vary", "Origin");
      x.setReplyHeader("Access-Control-Allow-Origin", "https://app");
    },
  });
  const reply = await gateway.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assert.match(reply, /\r\nvary: Accept, Origin\r\n/i);
  assert.match(reply, /\r\naccess-control-allow-origin: https:\/\/app\r\n/i);
  assert.doesNotMatch(reply, /https:\/\/backend/);
  await gateway.close();
  await origin.close();
});
