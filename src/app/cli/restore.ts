import { openAsBlob } from "node:fs";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { Fault, messageOf } from "../../base/fault.ts";
import type { BackupSummary } from "../../store/backup.ts";
import { answer, type CommandSpec, exitCodes } from "./command.ts";
import { confirmOrFail } from "./confirm.ts";
import { CommandFailure } from "./failure.ts";
import { numberOf } from "./management-client.ts";
import { platformOf } from "./platform.ts";
import { counted } from "./table.ts";

const timeoutMs = 30 * 60_000;

/** `portico restore`. */
export const restore: CommandSpec = {
  name: "restore",
  group: "Operate",
  summary: "Replace everything the platform keeps by a backup",
  arguments: [{ name: "file", description: "file that `backup` wrote" }],
  usesPlatform: true,
  isWrite: true,
  asks: true,
  examples: ["portico restore portico-2026-11-24.backup --yes"],
  run: async (call) => {
    const shown = call.argument(0) ?? "";
    const path = resolve(call.terminal.cwd, shown);
    const bytes = await sizeOf(path, shown);
    const { createdAt, rows } = await summaryOf(path, shown);
    const content = `of ${createdAt}, ${counted(
      Object.values(rows).reduce((sum, count) => sum + count, 0),
      "row",
    )}`;
    const { client, url } = await platformOf(call);
    if (call.isDryRun) {
      await answer(
        call,
        { dryRun: true, file: path, bytes, createdAt, rows },
        () => `Would replace everything at ${url} by ${shown} (${content}; --dry-run).`,
      );
      return exitCodes.ok;
    }
    await confirmOrFail(call, `Everything at ${url} will be replaced by ${shown} (${content}). Restore?`);
    const response = await client.open("POST", "/restore", {
      // A blob of a file is read while it is sent, and can be read again.
      body: await openAsBlob(path),
      headers: { "content-type": "application/octet-stream" },
      timeoutMs,
    });
    const done: unknown = response.status === 204 ? {} : await response.json();
    const revision = typeof done === "object" && done !== null ? numberOf({ ...done }, "revision") : undefined;
    await answer(
      call,
      done,
      () => `Restored from ${shown}${revision === undefined ? "" : ` at revision ${revision}`}.`,
    );
    return exitCodes.ok;
  },
};

// Looked at here first: a wrong file is told before anybody is asked, and before it is sent.
const summaryOf = async (path: string, shown: string): Promise<BackupSummary> => {
  const { readBackupSummary } = await import("../../store/backup.ts");
  try {
    return await readBackupSummary(path);
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    const message = `${shown} cannot be restored: ${thrown.message}`;
    throw new CommandFailure({ code: thrown.code, message, next: "Give a file that `portico backup` wrote." }, thrown);
  }
};

const sizeOf = async (path: string, shown: string): Promise<number> => {
  try {
    return (await stat(path)).size;
  } catch (thrown) {
    throw new CommandFailure(
      {
        code: "cli.file_unreadable",
        message: `${shown} cannot be read: ${messageOf(thrown)}.`,
        next: "Check the path.",
      },
      thrown,
    );
  }
};
