import { answer, type CommandSpec, exitCodes } from "./command.ts";
import { usageFailure } from "./failure.ts";
import { numberOf, textOf } from "./management-client.ts";
import { platformOf } from "./platform.ts";
import { table } from "./table.ts";

/** `portico revisions`. */
export const revisions: CommandSpec = {
  name: "revisions",
  group: "Operate",
  summary: "List what changed when, and who did it",
  options: [{ flags: "--limit <n>", description: "at most so many, newest first", defaultText: "20" }],
  usesPlatform: true,
  run: async (call) => {
    const limit = call.text("limit") ?? "20";
    if (!/^[1-9]\d{0,3}$/.test(limit)) throw usageFailure(`--limit is '${limit}'.`, "Give a number from 1 to 9999.");
    const { client } = await platformOf(call);
    const items = await client.list(
      "/revisions",
      { query: { limit: String(Math.min(Number(limit), 100)) } },
      Number(limit),
    );
    await answer(call, { items }, () =>
      table(
        ["REVISION", "WHEN", "WHO", "WHAT"],
        items.map((one) => [
          String(numberOf(one, "revision") ?? ""),
          textOf(one, "at") ?? "",
          textOf(one, "actor") ?? "",
          textOf(one, "message") ?? textOf(one, "kind") ?? "",
        ]),
        "There are no revisions yet.",
        call.terminal.isOutputTerminal ? call.terminal.columns : undefined,
      ),
    );
    return exitCodes.ok;
  },
};
