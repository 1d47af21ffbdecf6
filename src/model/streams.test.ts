import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { apiSchema } from "./api.ts";

const pathsOf = (api: object): readonly string[] =>
  (apiSchema.safeParse({ path: "/a", ...api }).error?.issues ?? []).map((issue) => issue.path.join("."));

test("the example of the user's page is legal", () => {
  const page = readFileSync(new URL("../../docs/streams.md", import.meta.url), "utf8");
  const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
  const api = apiSchema.parse(parse(example));
  assert.deepEqual(api.upgrade, ["websocket"]);
  assert.equal(api.operations?.live?.upgrade, "none");
});

for (const protocol of ["h2c", "h2", "HTTP/2.0", "http/2.0", "tls/1.2", "WebSocket", "a b", "a,b", ""]) {
  test(`upgrade to ${JSON.stringify(protocol)} is refused where it is configured`, () => {
    assert.deepEqual(pathsOf({ upgrade: [protocol] }), ["upgrade.0"]);
    assert.deepEqual(pathsOf({ operations: { op: { upgrade: [protocol] } } }), ["operations.op.upgrade.0"]);
  });
}

test("unknown and impossible limits are refused with their path", () => {
  assert.deepEqual(pathsOf({ streams: { idle: "1m" } }), ["streams"]);
  assert.deepEqual(pathsOf({ streams: { "idle-timeout": 0 } }), ["streams.idle-timeout"]);
  assert.deepEqual(pathsOf({ streams: { "frame-bytes-max": 100 } }), ["streams.frame-bytes-max"]);
  assert.deepEqual(pathsOf({ streams: { drain: "later" } }), ["streams.drain"]);
  assert.deepEqual(pathsOf({ upgrade: ["websocket", "line/2"], streams: { drain: "60s", lifetime: "2h" } }), []);
});
