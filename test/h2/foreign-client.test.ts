import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { answering, okReply, startOrigin, startTestWire } from "../wire/testing-wire.ts";

const hasH2load = spawnSync("h2load", ["--version"]).status === 0;
const skip = hasH2load ? false : "h2load (Debian package nghttp2-client) is not installed";

test("h2load: thousands of streams on a few connections all succeed", { skip }, async () => {
  const origin = await startOrigin(answering(okReply()));
  const wire = await startTestWire({ origin });
  const { stdout } = await promisify(execFile)("h2load", [
    ...["-n", "2000", "-c", "4", "-m", "32"],
    `http://127.0.0.1:${wire.port}/a`,
  ]);
  assert.match(stdout, /2000 done, 2000 succeeded, 0 failed, 0 errored/);
  assert.match(stdout, /Application protocol: h2c/);
  await wire.close();
  await origin.close();
});
