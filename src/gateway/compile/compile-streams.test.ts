import assert from "node:assert/strict";
import { test } from "node:test";
import { streamDefaults } from "../stream-settings.ts";
import { testOperation, testUnit } from "../testing-unit.ts";
import { streamsFor } from "./compile-streams.ts";

test("where nothing is said WebSocket is allowed, with the defaults, and all operations share one object", () => {
  const open = new Set<never>();
  const of = streamsFor(testUnit(), open);
  const settings = of(testOperation("GET", "/a"));
  assert.deepEqual(settings, { ...streamDefaults, upgrade: ["websocket"], drainMs: null, open });
  assert.equal(of(testOperation("GET", "/b")), settings);
});

test("an operation's own settings go before the API's, each by itself", () => {
  const of = streamsFor(
    testUnit({ upgrade: ["line/2"], streams: { "idle-timeout": "5s", "frame-bytes-max": 1000, drain: "60s" } }),
    new Set(),
  );
  const plain = of(testOperation("GET", "/a"));
  assert.deepEqual(
    [plain.upgrade, plain.upgradeIdleMs, plain.eventIdleMs, plain.frameBytesMax, plain.drainMs],
    [["line/2"], 5_000, 5_000, 1_000, 60_000],
  );
  const own = of(testOperation("GET", "/b", { upgrade: "none", streams: { "idle-timeout": "1h", drain: "keep" } }));
  assert.deepEqual([own.upgrade, own.upgradeIdleMs, own.frameBytesMax, own.drainMs], [[], 3_600_000, 1_000, null]);
});
