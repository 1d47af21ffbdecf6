import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonLog, type LogTools, textLog } from "./log.ts";

const tools = (lines: string[]): LogTools => ({
  level: "info",
  nowMs: () => new Date(2026, 0, 2, 3, 4, 5).getTime(),
  write: (line) => lines.push(line),
  fields: { role: "gateway" },
});

test("a line for people has the time of day, the role, the message and the fields, and a level only where it matters", () => {
  const lines: string[] = [];
  const log = textLog(tools(lines));
  log.info("connected to control", { revision: 3, labels: [], reason: undefined });
  log.with({ thread: 1 }).warn("it broke", { reason: "two words" });
  log.debug("not this");
  assert.deepEqual(lines, [
    "03:04:05 gateway: connected to control  revision=3  labels=[]\n",
    '03:04:05 gateway: WARN it broke  thread=1  reason="two words"\n',
  ]);
});

test("foreign text cannot move the cursor of whoever reads the log", () => {
  const lines: string[] = [];
  textLog(tools(lines)).info("m", { path: "/\u001b[2J\n" });
  assert.equal(lines[0], '03:04:05 gateway: m  path="/\\u001b[2J\\n"\n');
});

test("a line for programs is one JSON object, an error in it with its code and cause", () => {
  const lines: string[] = [];
  const error = Object.assign(new Error("outer", { cause: new Error("inner") }), { code: "E" });
  jsonLog(tools(lines)).error("it broke", { error });
  const line: unknown = JSON.parse(lines[0] ?? "");
  assert.ok(line !== null && typeof line === "object" && "error" in line && "role" in line);
  assert.equal(JSON.stringify(line.error).includes('"code":"E"'), true);
  assert.match(JSON.stringify(line.error), /inner/);
});
