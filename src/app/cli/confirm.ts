import type { Call } from "./command.ts";
import { CommandFailure, usageFailure } from "./failure.ts";

/** Goes on with `--yes` or a person's yes; ends the command otherwise. Without a person to ask it says that `--yes` is needed. */
export const confirmOrFail = async (call: Call, question: string): Promise<void> => {
  if (call.isYes) return;
  if (!call.terminal.isInteractive || call.isJson) {
    throw usageFailure(`This needs a yes: ${question}`, "Repeat the command with --yes, or look first with --dry-run.");
  }
  const { confirm, isCancel } = await import("@clack/prompts");
  const said = await confirm({ message: question, initialValue: false, output: process.stderr });
  if (isCancel(said) || !said) {
    throw new CommandFailure({
      code: "cli.declined",
      message: "Nothing was changed: the question was answered with no.",
    });
  }
};
