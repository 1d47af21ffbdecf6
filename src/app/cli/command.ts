/** What a command ends with: 0 ok, 1 failure, 2 wrong usage, 3 findings (of `lint` and `diff`). */
export const exitCodes = { ok: 0, failure: 1, usage: 2, findings: 3 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** An argument by position; `required` unless told otherwise. */
interface ArgumentSpec {
  readonly name: string;
  readonly description: string;
  readonly isOptional?: boolean;
}

/** A flag: `--name <text>` takes a value, `--yes` does not. */
export interface OptionSpec {
  readonly flags: string;
  readonly description: string;
  /** May be given several times. */
  readonly isRepeatable?: boolean;
  readonly isRequired?: boolean;
  /** Shown in help and docs; the command itself applies it. */
  readonly defaultText?: string;
  /** Environment variable that gives the same; shown in help and docs. */
  readonly env?: string;
}

/** A command: what it says about itself is the help, the docs and the completion; what it does is loaded when it runs. */
export interface CommandSpec {
  /** `apply`, or `keys create` for a command below another. */
  readonly name: string;
  readonly group: "Run" | "Configure" | "Call" | "Operate";
  readonly summary: string;
  readonly details?: string;
  readonly arguments?: readonly ArgumentSpec[];
  readonly options?: readonly OptionSpec[];
  /** True where the command talks to a running platform: adds `--url`, `--token-file` and `--data`. */
  readonly usesPlatform?: boolean;
  /** Adds `--dry-run`. */
  readonly isWrite?: boolean;
  /** Adds `--yes`. */
  readonly asks?: boolean;
  readonly examples?: readonly string[];
  run(call: Call): Promise<ExitCode>;
}

/** One invocation of a command. */
export interface Call {
  readonly terminal: Terminal;
  /** The argument at a position, undefined where an optional one is left out. */
  argument(index: number): string | undefined;
  /** The value of a flag by its long name: `token-file`. */
  text(flag: string): string | undefined;
  texts(flag: string): readonly string[];
  isSet(flag: string): boolean;
  /** Whether the answer is to be JSON on standard output. */
  readonly isJson: boolean;
  readonly isDryRun: boolean;
  readonly isYes: boolean;
}

/** Everything of the outside world that a command touches. */
export interface Terminal {
  /** Writes to standard output; waits where the reader is slow. */
  out(text: string): Promise<void>;
  err(text: string): void;
  /** True where a person can answer questions. */
  readonly isInteractive: boolean;
  /** True where standard output is a screen. */
  readonly isOutputTerminal: boolean;
  readonly columns: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** All of standard input, up to a bound. */
  readInput(bytesMax: number): Promise<Uint8Array>;
  /** Ends with Ctrl+C or SIGTERM. */
  readonly signal: AbortSignal;
}

/** The value as one line of JSON, or as people read it. */
export const answer = async (call: Call, value: unknown, human: () => string): Promise<void> => {
  if (call.isJson) {
    await call.terminal.out(`${JSON.stringify(value)}\n`);
    return;
  }
  const text = human();
  if (text !== "") await call.terminal.out(text.endsWith("\n") ? text : `${text}\n`);
};
