import assert from "node:assert/strict";
import { test } from "node:test";
import { testExchange } from "../exchange/testing-exchange.ts";
import { mistakesOf, runPolicy, testTools } from "../exchange/testing-tools.ts";
import { tracePolicy } from "./trace.ts";

test("the message and its metadata are in the record and in the log, by the severity's level", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  for (const [severity, level] of Object.entries({ verbose: "debug", information: "info", error: "error" })) {
    const tools = testTools();
    const x = testExchange({ isRecorded: true, path: "/items", headers: { traceparent } });
    const config = { source: "partner", severity, message: "='at ' + request.path", metadata: { name: "n", value: 7 } };
    await runPolicy(tracePolicy, config, x, tools);
    assert.deepEqual(x.notes, [
      { name: "partner", value: "at /items" },
      { name: "partner n", value: "7" },
    ]);
    const [line] = tools.lines;
    assert.deepEqual(
      [line?.level, line?.message, line?.source, line?.metadata, line?.traceId],
      [level, "at /items", "partner", { n: "7" }, "0af7651916cd43dd8448eb211c80319c"],
    );
  }
});

test("credentials are redacted in both", async () => {
  const tools = testTools();
  const x = testExchange({ isRecorded: true, headers: { authorization: "Bearer abcdefghijkl" } });
  const config = {
    source: "s",
    severity: "error",
    message: "=request.headers['authorization']",
    metadata: [{ name: "token", value: "opaque" }],
  };
  await runPolicy(tracePolicy, config, x, tools);
  assert.doesNotMatch(JSON.stringify([x.notes, tools.lines]), /abcdefghijkl|opaque/);
});

test("a trace without source or message, or with an unknown severity, is refused where it is configured", () => {
  assert.match(JSON.stringify(mistakesOf(tracePolicy, {})), /source.*message/s);
  assert.match(JSON.stringify(mistakesOf(tracePolicy, { source: "s", message: "m", severity: "loud" })), /severity/);
});
