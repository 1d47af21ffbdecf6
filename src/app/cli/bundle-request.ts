import { resolve } from "node:path";
import type { Call } from "./command.ts";
import { CommandFailure } from "./failure.ts";
import { isJson, type Json, listOf, type ManagementRequest, textOf } from "./management-client.ts";
import { counted } from "./table.ts";

/** The directory of a bundle as the management API takes it. Throws where the directory itself cannot be sent. */
export const bundleRequest = async (call: Call): Promise<{ readonly directory: string; readonly body: Json }> => {
  const { readDirectory } = await import("../../bundle/read-directory.ts");
  const { hasErrors } = await import("../../bundle/finding.ts");
  const { placeOf } = await import("../../bundle/bundle-paths.ts");
  const given = call.argument(0) ?? ".";
  const directory = resolve(call.terminal.cwd, given);
  const { files, findings } = await readDirectory(directory, call.terminal.signal);
  if (hasErrors(findings)) {
    throw new CommandFailure({
      code: "bundle.invalid",
      message: `${given} cannot be sent; nothing was changed.`,
      findings: findings.filter((finding) => finding.severity === "error"),
    });
  }
  const owner = call.text("owner");
  // What a bundle leaves to others (READMEs) stays here.
  const sent = [...files].filter(([path]) => placeOf(path).role !== "ignored");
  if (sent.length === 0 && owner === undefined) {
    throw new CommandFailure({
      code: "bundle.empty",
      message: `${given} holds no bundle: there is no portico.yaml, and no other file of one.`,
      next: "Check the path, or start a bundle with `portico init DIR`. To delete what an empty directory held before, say whose with --owner.",
    });
  }
  return {
    directory,
    body: {
      files: sent.map(([path, bytes]) => ({ path, contentBase64: Buffer.from(bytes).toString("base64") })),
      ...(owner === undefined ? {} : { owner }),
      ...(call.isSet("prune") ? { prune: true } : {}),
    },
  };
};

/** The changes of a plan as people read them. */
export const changesText = (changes: readonly Json[]): string => {
  if (changes.length === 0) return "No changes.\n";
  const lines = changes.flatMap((change) => {
    const action = textOf(change, "action") ?? "update";
    const head = `${signs[action] ?? "~"} ${action} ${textOf(change, "kind") ?? ""} ${textOf(change, "name") ?? ""}  (${textOf(change, "file") ?? ""})`;
    const fields = listOf(change, "fields").map(
      (field) => `    ${textOf(field, "path") || "(all)"}: ${side(field, "before")} -> ${side(field, "after")}`,
    );
    return change.isTextOnly === true ? [head, "    only comments or layout"] : [head, ...fields];
  });
  const count = (action: string): number => changes.filter((change) => textOf(change, "action") === action).length;
  return `${lines.join("\n")}\n${counted(changes.length, "change")}: ${count("create")} to create, ${count("update")} to update, ${count("delete")} to delete.\n`;
};

const signs: Readonly<Record<string, string | undefined>> = { create: "+", update: "~", delete: "-" };

const side = (field: Json, name: "before" | "after"): string => {
  if (!Object.hasOwn(field, name)) return "(none)";
  const value = field[name];
  if (isJson(value) && typeof value.hash === "string")
    return `${textOf(value, "fileName") ?? "document"} ${value.hash.slice(0, 12)}`;
  const text = JSON.stringify(value) ?? "(none)";
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
};

/** The options of commands that send a bundle. */
export const bundleOptions = [
  {
    flags: "--owner <name>",
    description: "name under which the directory owns resources",
    defaultText: "workspace of portico.yaml",
  },
  { flags: "--prune", description: "also delete what no directory owns and this one does not have" },
] as const;

/** A write that waits until gateways run it, and says so where some do not yet. */
export const waitingForGateways = (call: Call): ManagementRequest => ({
  query: { wait: "applied", timeout: "30s" },
  timeoutMs: 120_000,
  onHeader: (header) => {
    const undelivered = header.get("portico-undelivered");
    if (undelivered !== null) {
      call.terminal.err(
        `warning: the newest version of ${undelivered} reaches no gateway, what there was serves on; see \`portico doctor\`.\n`,
      );
    }
    if (header.get("portico-applied") !== "false") return;
    call.terminal.err("warning: not every connected gateway runs the new revision yet; see `portico doctor`.\n");
  },
});
