import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { answer, type CommandSpec, exitCodes } from "./command.ts";
import { usageFailure } from "./failure.ts";
import { counted } from "./table.ts";

/** `portico init`. */
export const init: CommandSpec = {
  name: "init",
  group: "Configure",
  summary: "Start a bundle: configuration as files",
  details:
    "Writes a small bundle with one API, a product and a limit, and JSON Schemas with which editors complete and check every file. Files that exist are never overwritten; in a directory that has a bundle, only the JSON Schemas are made anew.",
  arguments: [{ name: "dir", description: "directory to write to (default: the current one)", isOptional: true }],
  options: [{ flags: "--name <name>", description: "name of the workspace", defaultText: "the directory's name" }],
  isWrite: true,
  examples: ["portico init my-apis && portico apply my-apis"],
  run: async (call) => {
    const directory = resolve(call.terminal.cwd, call.argument(0) ?? ".");
    const { scaffold } = await import("../../bundle/scaffold.ts");
    const { schemaFolder } = await import("../../bundle/json-schemas.ts");
    const { policyHints } = await import("../policy-hints.ts");
    const hasBundle = existsSync(join(directory, "portico.yaml")) || existsSync(join(directory, "apis"));
    const files = [...scaffold(workspaceOf(call.text("name"), directory), policyHints())].filter(
      ([path]) => path.startsWith(`${schemaFolder}/`) || (!hasBundle && !existsSync(join(directory, path))),
    );
    for (const [path, text] of call.isDryRun ? [] : files) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), text);
    }
    const written = files.map(([path]) => path);
    await answer(call, { directory, written, dryRun: call.isDryRun }, () => {
      const shown = written.filter((path) => !path.startsWith(schemaFolder));
      const schemas = written.length - shown.length;
      const lines = [...shown.map((path) => `  ${path}`), `  ${schemaFolder}/ (${counted(schemas, "JSON Schema")})`];
      const next = call.isDryRun
        ? "Nothing was written (--dry-run)."
        : `Next: portico lint ${call.argument(0) ?? "."} && portico apply ${call.argument(0) ?? "."}`;
      return `${call.isDryRun ? "Would write" : "Wrote"} to ${directory}:\n${lines.join("\n")}\n${next}`;
    });
    return exitCodes.ok;
  },
};

const workspaceOf = (given: string | undefined, directory: string): string => {
  const name =
    given ??
    basename(directory)
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, "-")
      .replace(/^[^a-z0-9]+/, "")
      .slice(0, 80);
  if (/^[a-z0-9][a-z0-9._-]{0,79}$/.test(name)) return name;
  throw usageFailure(
    `'${name}' cannot be the name of a workspace.`,
    "Give --name with lower-case letters, digits, '-', '.', '_', beginning with a letter or digit.",
  );
};
