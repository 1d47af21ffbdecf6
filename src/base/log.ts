import { isatty } from "node:tty";

/** Levels in rising order; a log drops what is below its own. */
export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Structured log lines. Callers pass no secrets: redaction happens where a secret is read, not here. */
export interface Log {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** The same log with fields that every line carries. */
  with(fields: Readonly<Record<string, unknown>>): Log;
}

/** What a log needs from outside. */
export interface LogTools {
  readonly level: LogLevel;
  readonly write: (line: string) => void;
  readonly nowMs?: () => number;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** A log that writes one JSON object per line: `time`, `level`, `message`, then the fields. */
export const jsonLog = (tools: LogTools): Log => lineLog(tools, jsonLine);

/** A log that people read on a screen: the time of day, the level where it matters, the message, then the fields. */
export const textLog = (tools: LogTools): Log => lineLog(tools, textLine);

/** The log of a process on its standard error: text where that is a screen, JSON where a program collects it. */
export const standardErrorLog = (tools: Pick<LogTools, "level" | "fields">): Log =>
  // A thread's own stream never calls itself a terminal; the descriptor is the process's.
  (isatty(2) ? textLog : jsonLog)({ ...tools, write: (line) => process.stderr.write(line) });

type Fields = Readonly<Record<string, unknown>>;
type LineOf = (time: Date, level: LogLevel, message: string, fields: Fields) => string;

const lineLog = (tools: LogTools, lineOf: LineOf): Log => {
  const nowMs = tools.nowMs ?? Date.now;
  const from = logLevels.indexOf(tools.level);
  const at =
    (level: LogLevel) =>
    (message: string, fields?: Fields): void => {
      if (logLevels.indexOf(level) < from) return;
      tools.write(`${lineOf(new Date(nowMs()), level, message, { ...tools.fields, ...flatten(fields) })}\n`);
    };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => lineLog({ ...tools, fields: { ...tools.fields, ...fields } }, lineOf),
  };
};

const jsonLine: LineOf = (time, level, message, fields) =>
  JSON.stringify({ time: time.toISOString(), level, message, ...fields });

const textLine: LineOf = (time, level, message, fields) => {
  const { role, ...others } = fields;
  const rest = Object.entries(others)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `  ${name}=${shortText(value)}`)
    .join("");
  const grade = level === "info" ? "" : `${level.toUpperCase()} `;
  return `${time.toTimeString().slice(0, 8)} ${role === undefined ? "" : `${shortText(role)}: `}${grade}${message}${rest}`;
};

// What stands in a line without spaces and quotes needs none; control characters of foreign text never reach the screen.
const shortText = (value: unknown): string =>
  typeof value === "string" && /^[\x21\x23-\x7e]+$/.test(value) ? value : (JSON.stringify(value) ?? "null");

const flatten = (fields: Fields | undefined): Record<string, unknown> => {
  const flat: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields ?? {})) {
    flat[name] = value instanceof Error ? errorFields(value) : value;
  }
  return flat;
};

const errorFields = (error: Error): Record<string, unknown> => ({
  name: error.name,
  message: error.message,
  ...("code" in error ? { code: error.code } : {}),
  ...("internal" in error && error.internal !== undefined ? { internal: error.internal } : {}),
  stack: error.stack,
  ...(error.cause instanceof Error ? { cause: errorFields(error.cause) } : {}),
});

/** A log that drops everything. Last, because it is made when the module is loaded. */
export const silentLog: Log = jsonLog({ level: "error", write: () => {} });
