import { bundleOptions, bundleRequest, changesText } from "./bundle-request.ts";
import { answer, type CommandSpec, exitCodes } from "./command.ts";
import { findingText } from "./failure.ts";
import { findingsOf, listOf } from "./management-client.ts";
import { platformOf } from "./platform.ts";

/** `portico diff`. */
export const diff: CommandSpec = {
  name: "diff",
  group: "Configure",
  summary: "Show what `apply` would change",
  details: "Ends with 0 where the platform equals the directory, with 3 where it does not.",
  arguments: [{ name: "dir", description: "directory of the bundle" }],
  options: bundleOptions,
  usesPlatform: true,
  examples: ["portico diff ./bundle"],
  run: async (call) => {
    const { body } = await bundleRequest(call);
    const { client } = await platformOf(call);
    const plan = await client.post("/bundle:plan", body);
    const changes = listOf(plan, "changes");
    await answer(call, plan, () => changesText(changes));
    if (!call.isJson)
      for (const finding of findingsOf(plan, "findings")) call.terminal.err(`${findingText(finding)}\n`);
    return changes.length === 0 ? exitCodes.ok : exitCodes.findings;
  },
};
