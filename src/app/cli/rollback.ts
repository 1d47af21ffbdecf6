import { changesText, waitingForGateways } from "./bundle-request.ts";
import { answer, type CommandSpec, exitCodes } from "./command.ts";
import { confirmOrFail } from "./confirm.ts";
import { CommandFailure, usageFailure } from "./failure.ts";
import { listOf, numberOf } from "./management-client.ts";
import { platformOf } from "./platform.ts";
import { counted } from "./table.ts";

/** `portico rollback`. */
export const rollback: CommandSpec = {
  name: "rollback",
  group: "Operate",
  summary: "Make the configuration what it was at a revision",
  details: "Makes a new revision with the old content; nothing is lost. Keys and subscriptions stay as they are.",
  arguments: [{ name: "revision", description: "number, from `revisions`" }],
  usesPlatform: true,
  isWrite: true,
  asks: true,
  examples: ["portico rollback 41 --dry-run"],
  run: async (call) => {
    const text = call.argument(0) ?? "";
    if (!/^\d{1,15}$/.test(text))
      throw usageFailure(`'${text}' is no revision.`, "Give a number from `portico revisions`.");
    const { client } = await platformOf(call);
    const [newest] = await client.list("/revisions", { query: { limit: "1" } }, 1);
    const current = numberOf(newest, "revision");
    if (current === undefined) {
      throw new CommandFailure({
        code: "revision.not_found",
        message: "The platform has no revisions yet.",
        next: "Apply or import something first.",
      });
    }
    const difference = await client.get(`/revisions/${current}/diff/${text}`);
    const changes = listOf(difference, "changes");
    if (call.isDryRun) {
      await answer(
        call,
        { ...difference, dryRun: true },
        () => `${changesText(changes)}Nothing was changed (--dry-run).`,
      );
      return exitCodes.ok;
    }
    if (!call.isJson) await call.terminal.out(changesText(changes));
    if (changes.length > 0)
      await confirmOrFail(call, `${counted(changes.length, "resource")} will be as at revision ${text}. Roll back?`);
    const done = await client.post(`/revisions/${text}:rollback`, {}, waitingForGateways(call));
    await answer(call, done, () => `Rolled back to revision ${text} as revision ${numberOf(done, "revision") ?? "?"}.`);
    return exitCodes.ok;
  },
};
