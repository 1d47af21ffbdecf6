import type { CommandSpec } from "./cli/command.ts";
import { commands } from "./cli/commands.ts";
import { optionsOf } from "./cli/program.ts";
import { type SettingRow, settingRows } from "./settings.ts";

/** docs/cli.md: what every command says about itself, and the settings. */
export const cliReference = (): string => {
  const available = commands.filter((command) => !command.summary.startsWith("(not in this version)"));
  const later = commands.filter((command) => !available.includes(command));
  return `# The command line

\`./portico COMMAND\` in a clone. This page is generated from the commands (\`UPDATE_GOLDEN=1\` with the test of \`src/app/cli-reference.ts\`).

Commands that talk to a running platform find it at \`--url\`, else \`PORTICO_URL\`, else where the platform in the data directory says it is
(\`--data\`, default \`.portico\`), else \`http://127.0.0.1:8082\`. The token comes from \`--token-file\`, else \`PORTICO_TOKEN\`, else \`admin-token\` in the
data directory, which is sent to this machine only, unless \`--data\` is given. Secrets are never arguments. With \`--json\` a command
answers with one JSON value on standard output, also where it fails: \`{"error": {"code", "message", "next", "findings", "requestId"}}\`.

Exit codes: 0 ok, 1 failure, 2 wrong usage (also: a question that nobody could answer), 3 findings (\`lint\`: errors or warnings; \`diff\`: changes).

${available.map(section).join("\n")}
## Not in this version

${later.map(({ name, summary }) => `- \`${name}\`: ${summary.replace("(not in this version) ", "")}`).join("\n")}

## Settings

Flags go before environment variables, and these before \`settings:\` in the \`portico.yaml\` of the current directory (of \`--config\` for
\`gateway\`).

| setting | environment | default | what it is |
|---|---|---|---|
${Object.entries(settingRows).map(settingLine).join("\n")}

| secret | where it comes from |
|---|---|
| token of the management API | \`PORTICO_TOKEN\`, \`--token-file\` |
| key for \`try\` | \`PORTICO_KEY\`, \`--key-file\` |
`;
};

const section = (spec: CommandSpec): string => {
  const usage = [
    "portico",
    spec.name,
    ...(spec.arguments ?? []).map(({ name, isOptional }) => (isOptional === true ? `[${name}]` : `<${name}>`)),
    "[options]",
  ].join(" ");
  const rows = [
    ...(spec.arguments ?? []).map(({ name, description }) => `| \`${name}\` | ${cell(description)} |`),
    ...optionsOf(spec).map(({ flags, description, env, defaultText }) => {
      const more = [
        ...(env === undefined ? [] : [`\`${env}\``]),
        ...(defaultText === undefined ? [] : [`default: ${defaultText}`]),
      ];
      return `| \`${flags}\` | ${cell([description, ...more].join("; "))} |`;
    }),
  ];
  const examples = spec.examples === undefined ? "" : `\n\`\`\`sh\n${spec.examples.join("\n")}\n\`\`\`\n`;
  return `## ${spec.name}\n\n${spec.summary}.${spec.details === undefined ? "" : ` ${spec.details}`}\n\n\`${usage}\`\n\n| | |\n|---|---|\n${rows.join("\n")}\n${examples}`;
};

const settingLine = ([name, row]: readonly [string, SettingRow]): string =>
  `| ${row.isInFile ? `\`${name}\`` : `(${name}, not in files)`} | \`${row.env}\` | ${cell(row.defaultText)} | ${cell(row.description)} |`;

const cell = (text: string): string => text.replaceAll("|", "\\|");
