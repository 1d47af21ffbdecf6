import { bundleOptions, bundleRequest, changesText, waitingForGateways } from "./bundle-request.ts";
import { answer, type CommandSpec, exitCodes } from "./command.ts";
import { confirmOrFail } from "./confirm.ts";
import { findingText } from "./failure.ts";
import { findingsOf, listOf, numberOf, textOf } from "./management-client.ts";
import { platformOf } from "./platform.ts";
import { counted } from "./table.ts";

/** `portico apply`. */
export const apply: CommandSpec = {
  name: "apply",
  group: "Configure",
  summary: "Make the platform equal to a directory",
  details:
    "All of it or nothing, as one revision. The directory owns what it created and what nobody owned; only that is deleted when its file is gone. Waits until every connected gateway runs the new revision.",
  arguments: [{ name: "dir", description: "directory of the bundle" }],
  options: [...bundleOptions, { flags: "--message <text>", description: "why, for the list of revisions" }],
  usesPlatform: true,
  isWrite: true,
  asks: true,
  examples: ["portico apply ./bundle --dry-run", "portico apply ./bundle --yes --message 'orders: higher limits'"],
  run: async (call) => {
    const { body } = await bundleRequest(call);
    const { client } = await platformOf(call);
    const plan = await client.post("/bundle:plan", body);
    const changes = listOf(plan, "changes");
    if (!call.isJson)
      for (const finding of findingsOf(plan, "findings")) call.terminal.err(`${findingText(finding)}\n`);
    if (call.isDryRun) {
      await answer(call, { ...plan, dryRun: true }, () => `${changesText(changes)}Nothing was changed (--dry-run).`);
      return exitCodes.ok;
    }
    const deletions = changes.filter((change) => textOf(change, "action") === "delete").length;
    if (deletions > 0) {
      if (!call.isJson) await call.terminal.out(changesText(changes));
      await confirmOrFail(call, `${counted(deletions, "resource")} will be deleted. Apply?`);
    }
    const message = call.text("message");
    const done = await client.post(
      "/bundle:apply",
      { ...body, ...(message === undefined ? {} : { message }) },
      waitingForGateways(call),
    );
    const revision = numberOf(done, "revision");
    await answer(call, done, () => {
      const applied = listOf(done, "changes");
      const result =
        applied.length === 0
          ? "Nothing to do: the platform is equal to the directory."
          : `Applied as revision ${revision ?? "?"}.`;
      return `${deletions > 0 || applied.length === 0 ? "" : changesText(applied)}${result}`;
    });
    return exitCodes.ok;
  },
};
