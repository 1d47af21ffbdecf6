import { type CommandSpec, exitCodes } from "./command.ts";
import { usageFailure } from "./failure.ts";
import { optionsOf } from "./program.ts";

/** `portico completion`, for the commands that it is given. */
export const completionFor = (commandsOf: () => readonly CommandSpec[]): CommandSpec => ({
  name: "completion",
  group: "Operate",
  summary: "Print a completion script for a shell",
  arguments: [{ name: "shell", description: "bash, zsh, or fish" }],
  examples: ["source <(portico completion bash)", "portico completion fish > ~/.config/fish/completions/portico.fish"],
  run: async (call) => {
    const shell = call.argument(0) ?? "";
    const write = Object.hasOwn(shells, shell) ? shells[shell] : undefined;
    if (write === undefined) throw usageFailure(`There is no completion for '${shell}'.`, "Give bash, zsh, or fish.");
    await call.terminal.out(write(commandsOf()));
    return exitCodes.ok;
  },
});

const longFlags = (spec: CommandSpec): readonly string[] =>
  optionsOf(spec)
    .map(({ flags }) => /--[a-z-]+/.exec(flags)?.[0] ?? "")
    .concat("--help");

const firstWords = (specs: readonly CommandSpec[]): readonly string[] => [
  ...new Set(specs.map((spec) => spec.name.split(" ")[0] ?? "")),
  "help",
];

const bash = (specs: readonly CommandSpec[]): string => {
  const groups = [
    ...new Set(specs.filter((spec) => spec.name.includes(" ")).map((spec) => spec.name.split(" ")[0] ?? "")),
  ];
  const cases = [
    ...specs.map((spec) => `    "${spec.name}") words="${longFlags(spec).join(" ")}" ;;`),
    ...groups.map(
      (group) =>
        `    "${group}") words="${specs
          .filter((spec) => spec.name.startsWith(`${group} `))
          .map((spec) => spec.name.slice(group.length + 1))
          .join(" ")}" ;;`,
    ),
  ];
  return `# portico completion for bash: source <(portico completion bash)
_portico() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command="\${COMP_WORDS[1]}" words=""
  case "$command" in ${groups.join("|")}) if [ "$COMP_CWORD" -gt 2 ]; then command="$command \${COMP_WORDS[2]}"; fi ;; esac
  if [ "$COMP_CWORD" -eq 1 ]; then words="${firstWords(specs).join(" ")}"; else
  case "$command" in
${cases.join("\n")}
  esac; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [ \${#COMPREPLY[@]} -eq 0 ] && [ "\${current#-}" = "$current" ]; then COMPREPLY=($(compgen -f -- "$current")); fi
}
complete -o filenames -F _portico portico ./portico
`;
};

// zsh runs bash's completions; one script less to keep right.
const zsh = (specs: readonly CommandSpec[]): string =>
  `#compdef portico\n# portico completion for zsh: source <(portico completion zsh)\nautoload -U +X bashcompinit && bashcompinit\n${bash(specs)}`;

const fish = (specs: readonly CommandSpec[]): string => {
  const lines = specs.flatMap((spec) => {
    const [first = "", second] = spec.name.split(" ");
    const seen =
      second === undefined
        ? `__fish_seen_subcommand_from ${first}`
        : `__fish_seen_subcommand_from ${first}; and __fish_seen_subcommand_from ${second}`;
    const name =
      second === undefined
        ? `complete -c portico -n __fish_use_subcommand -f -a ${first} -d ${quoted(spec.summary)}`
        : `complete -c portico -n '__fish_seen_subcommand_from ${first}' -f -a ${second} -d ${quoted(spec.summary)}`;
    const flags = optionsOf(spec).map(({ flags: given, description }) => {
      const takesValue = given.includes("<") ? " -r" : "";
      return `complete -c portico -n '${seen}' -l ${/--([a-z-]+)/.exec(given)?.[1] ?? ""}${takesValue} -d ${quoted(description)}`;
    });
    return [name, ...flags];
  });
  const groups = [
    ...new Set(specs.filter((spec) => spec.name.includes(" ")).map((spec) => spec.name.split(" ")[0] ?? "")),
  ];
  const heads = groups.map((group) => `complete -c portico -n __fish_use_subcommand -f -a ${group}`);
  return `# portico completion for fish: portico completion fish | source\n${[...heads, ...lines].join("\n")}\n`;
};

const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

const shells: Readonly<Record<string, (specs: readonly CommandSpec[]) => string>> = { bash, zsh, fish };
