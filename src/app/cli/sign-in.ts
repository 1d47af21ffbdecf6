import { answer, type CommandSpec, exitCodes } from "./command.ts";
import { CommandFailure } from "./failure.ts";
import { textOf } from "./management-client.ts";
import { platformOf } from "./platform.ts";

/** `portico sign-in`. */
export const signIn: CommandSpec = {
  name: "sign-in",
  group: "Operate",
  summary: "Print a link that signs in to the studio, once",
  details: "The link works once, for a quarter of an hour, for whoever opens it. Needs the owner token.",
  options: [
    { flags: "--user <name>", description: "who is signed in: name or id of a user", defaultText: "the owner" },
  ],
  usesPlatform: true,
  examples: ["portico sign-in", "portico sign-in --user ann"],
  run: async (call) => {
    const { client, url } = await platformOf(call);
    const made = await client.post("/sign-in-links", { user: call.text("user") });
    const path = textOf(made, "path");
    if (path === undefined) {
      throw new CommandFailure({
        code: "platform.unknown",
        message: "The platform's answer has no link.",
        next: "Check that the versions of platform and command line are the same.",
      });
    }
    const link = `${url}${path}`;
    await answer(call, { url: link, expiresAt: textOf(made, "expiresAt") ?? null }, () => link);
    return exitCodes.ok;
  },
};
