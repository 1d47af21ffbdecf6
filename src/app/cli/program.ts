import { Command, CommanderError } from "commander";
import { nearest } from "../../base/nearest.ts";
import { type Call, type CommandSpec, type ExitCode, exitCodes, type OptionSpec, type Terminal } from "./command.ts";
import { failureJson, failureOf, failureText, usageFailure } from "./failure.ts";

/** The flags that every command takes, and those that its nature adds. */
const sharedOptions: Readonly<Record<"all" | "platform" | "write" | "asks", readonly OptionSpec[]>> = {
  all: [{ flags: "--json", description: "answer with JSON on standard output" }],
  platform: [
    {
      flags: "--url <url>",
      description: "studio and management API of the platform",
      env: "PORTICO_URL",
      defaultText: "that of --data, else http://127.0.0.1:8082",
    },
    {
      flags: "--token-file <file>",
      description: "file with the token",
      defaultText: "PORTICO_TOKEN, else admin-token of --data",
    },
    {
      flags: "--data <dir>",
      description: "data directory of a platform on this machine",
      env: "PORTICO_DATA",
      defaultText: ".portico",
    },
  ],
  write: [{ flags: "--dry-run", description: "show what would happen and change nothing" }],
  asks: [{ flags: "--yes", description: "go on without asking" }],
};

/** All flags of a command, its own first. */
export const optionsOf = (spec: CommandSpec): readonly OptionSpec[] => [
  ...(spec.options ?? []),
  ...(spec.isWrite === true ? sharedOptions.write : []),
  ...(spec.asks === true ? sharedOptions.asks : []),
  ...(spec.usesPlatform === true ? sharedOptions.platform : []),
  ...sharedOptions.all,
];

/** Runs one command line and answers its exit code. Never throws. */
export const runProgram = async (
  specs: readonly CommandSpec[],
  argv: readonly string[],
  terminal: Terminal,
  version: string,
): Promise<ExitCode> => {
  let exit: ExitCode = exitCodes.ok;
  // Where the command line itself is wrong, nothing has read its flags yet.
  const isJson = argv.includes("--json");
  const program = new Command("portico")
    .description("Portico: an API gateway with policies, a studio, a developer portal, and this command line.")
    .version(version, "--version", "print the version")
    .helpCommand("help [command]", "show help")
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
    .showHelpAfterError(seeHelp);
  // A bare `portico` is a question, not a mistake.
  program.action(async () => {
    const [unknown] = program.args;
    if (unknown === undefined) await terminal.out(program.helpInformation());
  });
  const parents = new Map<string, Command>();
  for (const spec of specs) {
    const [first = "", second] = spec.name.split(" ");
    const parent = second === undefined ? program : parentOf(program, parents, first, spec.group);
    const command = addCommand(parent, second ?? first, spec, async (call) => {
      exit = await runCommand(spec, call, terminal);
    });
    if (second === undefined) parents.set(first, command);
    else parent.summary(`${parent.commands.map((child) => child.name()).join(", ")}: see \`portico ${first} --help\``);
  }
  for (const command of [program, ...descendants(program)]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => void terminal.out(text),
      writeErr: (text) => {
        if (!isJson) terminal.err(text);
      },
    });
  }
  try {
    refuseUnknown(program, argv);
    await program.parseAsync(argv, { from: "user" });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    // Help and version end the parsing with code 0; everything else is a wrong command line.
    if (thrown.exitCode === 0) return exitCodes.ok;
    if (isJson) {
      const message = thrown.message.replace(/^error: /, "");
      await terminal.out(`${JSON.stringify(failureJson(usageFailure(message, seeHelp).failure))}\n`);
    }
    return exitCodes.usage;
  }
  return exit;
};

const seeHelp = "Run `portico help` or `portico COMMAND --help`.";

// An unknown command must be named as one, although a bare `portico` and a bare `portico keys` have actions of their own.
const refuseUnknown = (program: Command, argv: readonly string[]): void => {
  let parent = program;
  for (const [index, word] of argv.entries()) {
    if (word.startsWith("-") || word === "help" || (parent !== program && parent.commands.length === 0)) return;
    const command = parent.commands.find((one) => one.name() === word);
    if (command === undefined) {
      const name = argv.slice(0, index + 1).join(" ");
      program.error(`error: unknown command '${name}'${suggestion(word, parent)}`, { code: "cli.unknown_command" });
    }
    parent = command;
  }
};

const suggestion = (word: string, program: Command): string => {
  const meant = nearest(
    word,
    program.commands.map((command) => command.name()),
  );
  return meant === undefined ? "" : `\nDid you mean '${meant}'?`;
};

const parentOf = (program: Command, parents: Map<string, Command>, name: string, group: string): Command => {
  const known = parents.get(name);
  if (known !== undefined) return known;
  const made = program.command(name).helpGroup(`${group}:`);
  made.action(() => made.help({ error: true }));
  parents.set(name, made);
  return made;
};

const addCommand = (
  parent: Command,
  name: string,
  spec: CommandSpec,
  run: (call: Omit<Call, "terminal">) => Promise<void>,
): Command => {
  const command = parent
    .command(name)
    .helpGroup(`${spec.group}:`)
    .description(spec.details === undefined ? `${spec.summary}.` : `${spec.summary}.\n\n${spec.details}`)
    .summary(spec.summary);
  for (const { name: argument, description, isOptional } of spec.arguments ?? []) {
    command.argument(isOptional === true ? `[${argument}]` : `<${argument}>`, description);
  }
  for (const option of optionsOf(spec)) {
    const text = optionText(option);
    if (option.isRepeatable === true)
      command.option(option.flags, text, (value: string, all: readonly string[] = []) => [...all, value]);
    else if (option.isRequired === true) command.requiredOption(option.flags, text);
    else command.option(option.flags, text);
  }
  if (spec.examples !== undefined)
    command.addHelpText("after", `\nExamples:\n${spec.examples.map((example) => `  ${example}`).join("\n")}\n`);
  command.action(async () => {
    await run(callOf(command));
  });
  return command;
};

const optionText = ({ description, env, defaultText }: OptionSpec): string => {
  const more = [...(env === undefined ? [] : [env]), ...(defaultText === undefined ? [] : [`default: ${defaultText}`])];
  return more.length === 0 ? description : `${description} (${more.join("; ")})`;
};

const callOf = (command: Command): Omit<Call, "terminal"> => {
  const value = (flag: string): unknown =>
    command.getOptionValue(flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()));
  return {
    argument: (index) => command.args[index],
    text: (flag) => {
      const given = value(flag);
      return typeof given === "string" ? given : undefined;
    },
    texts: (flag) => {
      const given = value(flag);
      return Array.isArray(given) ? given.filter((one) => typeof one === "string") : [];
    },
    isSet: (flag) => value(flag) === true,
    isJson: value("json") === true,
    isDryRun: value("dry-run") === true,
    isYes: value("yes") === true,
  };
};

const runCommand = async (spec: CommandSpec, call: Omit<Call, "terminal">, terminal: Terminal): Promise<ExitCode> => {
  try {
    return await spec.run({ ...call, terminal });
  } catch (thrown) {
    const failure = failureOf(thrown);
    if (call.isJson) await terminal.out(`${JSON.stringify(failureJson(failure))}\n`);
    else terminal.err(failureText(failure));
    if (failure.code === "cli.fault" && terminal.env.PORTICO_DEBUG !== undefined && thrown instanceof Error)
      terminal.err(`${thrown.stack}\n`);
    return failure.exit;
  }
};

const descendants = (command: Command): readonly Command[] =>
  command.commands.flatMap((child) => [child, ...descendants(child)]);
