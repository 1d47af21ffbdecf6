import type { CommandSpec } from "./command.ts";
import { usageFailure } from "./failure.ts";

const later: readonly (readonly [name: string, group: CommandSpec["group"], what: string])[] = [
  ["functions", "Run", "runs function apps"],
  ["controller", "Run", "watches a Kubernetes cluster"],
  ["deploy", "Configure", "deploys a microservice to Kubernetes"],
  ["translate", "Configure", "turns Kubernetes YAML into a bundle"],
  ["mock", "Run", "serves a document's examples"],
];

/** Commands whose names are taken and that this version does not have: they say so by name. */
export const notYetCommands: readonly CommandSpec[] = later.map(([name, group, what]) => ({
  name,
  group,
  summary: `(not in this version) ${what}`,
  arguments: [{ name: "arguments...", description: "not read", isOptional: true }],
  run: () =>
    Promise.reject(
      usageFailure(`\`portico ${name}\` is not available in this version.`, "`portico help` lists what is."),
    ),
}));
