import { resolve } from "node:path";
import { answer, type CommandSpec, exitCodes } from "./command.ts";
import { confirmOrFail } from "./confirm.ts";
import { CommandFailure } from "./failure.ts";
import { listOf, numberOf, textOf } from "./management-client.ts";
import { platformOf } from "./platform.ts";
import { counted } from "./table.ts";

/** `portico pull`. */
export const pull: CommandSpec = {
  name: "pull",
  group: "Configure",
  summary: "Write the platform's configuration to a directory",
  details:
    "What was applied comes back byte for byte; what was made in the studio or over the management API is written in a fixed order. Files of the bundle that the platform does not have are deleted after asking; other files stay.",
  arguments: [{ name: "dir", description: "directory of the bundle" }],
  usesPlatform: true,
  isWrite: true,
  asks: true,
  examples: ["portico pull ./bundle && git -C ./bundle diff"],
  run: async (call) => {
    const { writeDirectory } = await import("../../bundle/write-directory.ts");
    const directory = resolve(call.terminal.cwd, call.argument(0) ?? ".");
    const { client } = await platformOf(call);
    const bundle = await client.get("/bundle");
    const files = new Map(
      listOf(bundle, "files").map((file) => [
        requiredText(file, "path"),
        Buffer.from(requiredText(file, "contentBase64"), "base64"),
      ]),
    );
    const planned = await writeDirectory(directory, files, { dryRun: true });
    if (!call.isDryRun) {
      if (planned.deleted.length > 0) {
        if (!call.isJson)
          call.terminal.err(`Not on the platform:\n${planned.deleted.map((path) => `- ${path}`).join("\n")}\n`);
        await confirmOrFail(call, `${counted(planned.deleted.length, "file")} in ${directory} will be deleted. Go on?`);
      }
      await writeDirectory(directory, files);
    }
    const revision = numberOf(bundle, "revision") ?? null;
    await answer(call, { revision, ...planned, dryRun: call.isDryRun }, () => {
      const lines = [...planned.written.map((path) => `~ ${path}`), ...planned.deleted.map((path) => `- ${path}`)];
      const counts = `${counted(planned.written.length, "file")} written, ${planned.deleted.length} deleted`;
      if (lines.length === 0) return `No changes: ${directory} equals revision ${revision ?? "?"}.`;
      return `${lines.join("\n")}\n${call.isDryRun ? `Would be: ${counts} (--dry-run).` : `Revision ${revision ?? "?"}: ${counts}.`}`;
    });
    return exitCodes.ok;
  },
};

const requiredText = (file: Readonly<Record<string, unknown>>, name: string): string => {
  const text = textOf(file, name);
  if (text !== undefined) return text;
  throw new CommandFailure({
    code: "platform.unknown",
    message: `The platform's answer lacks '${name}'.`,
    next: "Check that the versions of platform and command line are the same.",
  });
};
