import { createWriteStream, existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { messageOf, systemCodeOf } from "../../base/fault.ts";
import { answer, type CommandSpec, exitCodes } from "./command.ts";
import { CommandFailure, usageFailure } from "./failure.ts";
import { platformOf } from "./platform.ts";

/** `portico backup`. */
export const backup: CommandSpec = {
  name: "backup",
  group: "Operate",
  summary: "Save everything the platform keeps to a file",
  details:
    "The file holds secrets in encrypted form and digests of keys: keep it as you keep secrets. An existing file is not overwritten.",
  arguments: [{ name: "file", description: "file to write, or - for standard output" }],
  usesPlatform: true,
  examples: ["portico backup portico-$(date +%F).backup"],
  run: async (call) => {
    const target = call.argument(0) ?? "-";
    if (target === "-" && call.isJson)
      throw usageFailure("--json and a backup cannot share standard output.", "Name a file.");
    const path = resolve(call.terminal.cwd, target);
    if (target !== "-") refuseExisting(path, target);
    const { client } = await platformOf(call);
    const response = await client.open("GET", "/backup", { headers: { accept: "*/*" } });
    if (response.body === null)
      throw new CommandFailure({
        code: "platform.unknown",
        message: "The platform sent an empty backup.",
        next: "See its log.",
      });
    const source = Readable.from(response.body);
    if (target === "-") {
      await pipeline(source, process.stdout, { signal: call.terminal.signal });
      return exitCodes.ok;
    }
    const draft = `${path}.partial`;
    let bytes = 0;
    source.on("data", (chunk: Uint8Array) => {
      bytes += chunk.length;
    });
    try {
      await pipeline(source, createWriteStream(draft, { mode: 0o600, flags: "wx" }), { signal: call.terminal.signal });
      refuseExisting(path, target);
      await rename(draft, path);
    } catch (thrown) {
      await rm(draft, { force: true });
      throw systemCodeOf(thrown) === undefined ? thrown : unwritable(target, thrown);
    }
    await answer(
      call,
      { file: path, bytes },
      () =>
        `${target}: ${bytes} bytes.\nThe secrets in it are encrypted with the platform's secret.key (or PORTICO_SECRET_KEY), which is not in it: keep a copy of that too, apart.`,
    );
    return exitCodes.ok;
  },
};

const unwritable = (shown: string, thrown: unknown): CommandFailure =>
  new CommandFailure(
    {
      code: "cli.file_unwritable",
      message: `${shown} cannot be written: ${messageOf(thrown)}.`,
      next: "Check the directory and its permissions.",
    },
    thrown,
  );

const refuseExisting = (path: string, shown: string): void => {
  if (!existsSync(path)) return;
  throw new CommandFailure({
    code: "cli.file_exists",
    message: `${shown} exists already and was not overwritten.`,
    next: "Give another name.",
  });
};
