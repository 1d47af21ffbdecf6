import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { answer, type CommandSpec, exitCodes } from "./command.ts";
import { CommandFailure, usageFailure } from "./failure.ts";

/** `portico policies new`. */
export const policiesNew: CommandSpec = {
  name: "policies new",
  group: "Configure",
  summary: "Begin a policy of Portico itself: its two files",
  details:
    "To be run in a clone of the repository. Writes `src/policies/NAME.ts` and its test, which passes as it stands, and tells the one line that makes the policy known. Files that exist are never overwritten.",
  arguments: [{ name: "name", description: "name of the policy, such as check-weather" }],
  isWrite: true,
  examples: ["portico policies new check-weather"],
  run: async (call) => {
    const name = call.argument(0) ?? "";
    if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > 60)
      throw usageFailure(
        `'${name}' cannot be the name of a policy.`,
        "Write it in lower case with '-', such as check-weather.",
      );
    const folder = join(call.terminal.cwd, "src/policies");
    if (!existsSync(folder))
      throw usageFailure("There is no src/policies here.", "Run it at the root of a clone of Portico.");
    const files = policyFiles(name).map(({ path, text }) => ({
      path: join(folder, path),
      shown: `src/policies/${path}`,
      text,
    }));
    const taken = files.find((file) => existsSync(file.path));
    if (taken !== undefined)
      throw new CommandFailure({
        code: "cli.file_exists",
        message: `${taken.shown} exists.`,
        next: "Choose another name.",
      });
    for (const file of call.isDryRun ? [] : files) await writeFile(file.path, file.text, { flag: "wx" });
    const written = files.map((file) => file.shown);
    const identifier = identifierOf(name);
    const next = `import { ${identifier} } from "../policies/${name}.ts"; and its place in availablePolicies`;
    await answer(call, { written, next, dryRun: call.isDryRun }, () =>
      [
        `${call.isDryRun ? "Would write" : "Wrote"}:`,
        ...written.map((path) => `  ${path}`),
        `Next: add \`${identifier}\` to availablePolicies in src/app/standard.ts (imported from "../policies/${name}.ts"), then`,
        "UPDATE_GOLDEN=1 node --test src/app/policy-reference.test.ts",
      ].join("\n"),
    );
    return exitCodes.ok;
  },
};

const identifierOf = (name: string): string =>
  `${name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())}Policy`;

const policyFiles = (name: string): readonly { readonly path: string; readonly text: string }[] => {
  const identifier = identifierOf(name);
  return [
    {
      path: `${name}.ts`,
      text: `import { z } from "zod";
import { definePolicy, type Policy } from "../exchange/policy.ts";

const schema = z.strictObject({ value: z.string().min(1) });

/** Says in one sentence what it does; see docs. */
export const ${identifier}: Policy = definePolicy({
  name: "${name}",
  group: "control",
  summary: "Keeps a value in the variable \`${name}\`.",
  docs: \`| attribute | default | meaning |
| --- | --- | --- |
| \\\`value\\\` | required | text or an expression |\`,
  sections: ["inbound"],
  schema,
  shorthand: "value",
  examples: [{ title: "The method of the call", config: { value: "=request.method" } }],
  build: (config, tools) => {
    const value = tools.value(config.value, "string", ".value");
    return (x) => {
      const text = value.of(x);
      x.record?.note("value", text);
      x.variables.set("${name}", text);
    };
  },
});
`,
    },
    {
      path: `${name}.test.ts`,
      text: `import assert from "node:assert/strict";
import { test } from "node:test";
import { testExchange } from "../exchange/testing-exchange.ts";
import { mistakesOf, runPolicy } from "../exchange/testing-tools.ts";
import { ${identifier} } from "./${name}.ts";

test("the value is kept, literal and computed", () => {
  const x = testExchange({ method: "POST" });
  assert.equal(runPolicy(${identifier}, { value: "=request.method" }, x), undefined);
  assert.equal(x.variables.get("${name}"), "POST");
});

test("an empty value and unknown attributes are refused where it is configured", () => {
  assert.equal(mistakesOf(${identifier}, { value: "" }).length, 1);
  assert.match(JSON.stringify(mistakesOf(${identifier}, { value: "a", other: 1 })), /other/);
});
`,
    },
  ];
};
