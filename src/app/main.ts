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
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    // The first signal ends in order; a second one means it.
    if (ending.signal.aborted) process.exit(signal === "SIGINT" ? 130 : 143);
    ending.abort();
  });
}

// Loaded after the cache is on.
const [{ commands }, { runProgram }, { processTerminal }] = await Promise.all([
  import("./cli/commands.ts"),
  import("./cli/program.ts"),
  import("./cli/terminal.ts"),
]);
process.exitCode = await runProgram(commands, process.argv.slice(2), processTerminal(ending.signal), versionOf());
