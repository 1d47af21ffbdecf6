#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

// Halves the time to the first line. The cache lies beside the packages, where only who may change those may change it; where it
// cannot be written it is not used. The environment hands it on to the roles' processes.
const compileCache = fileURLToPath(new URL("../../node_modules/.cache/portico-compile", import.meta.url));
process.env.NODE_COMPILE_CACHE ??= compileCache;
enableCompileCache(compileCache);

const versionOf = (): string => {
  const read: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return typeof read === "object" && read !== null && "version" in read ? String(read.version) : "unknown";
};

// A reader that went away (`portico logs | head`) is no fault.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const ending = new AbortController();
/** npm, timeout(1) and terminals send the same signal twice, to the process and to its group: that is one wish. */
const sameWishMs = 1000;
let endingSinceMs = 0;
process.on("SIGTERM", () => ending.abort());
process.on("SIGINT", () => {
  // Who presses Ctrl+C again does not want to wait for an orderly end.
  if (ending.signal.aborted && performance.now() - endingSinceMs > sameWishMs) process.exit(130);
  if (!ending.signal.aborted) endingSinceMs = performance.now();
  ending.abort();
});

// Loaded after the cache is on.
const [{ commands }, { runProgram }, { processTerminal }] = await Promise.all([
  import("./cli/commands.ts"),
  import("./cli/program.ts"),
  import("./cli/terminal.ts"),
]);
process.exitCode = await runProgram(commands, process.argv.slice(2), processTerminal(ending.signal), versionOf());
