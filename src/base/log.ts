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
export const jsonLog = (tools: LogTools): Log => {
  const nowMs = tools.nowMs ?? Date.now;
  const from = logLevels.indexOf(tools.level);
  const at =
    (level: LogLevel) =>
    (message: string, fields?: Readonly<Record<string, unknown>>): void => {
      if (logLevels.indexOf(level) < from) return;
      tools.write(
        `${JSON.stringify({ time: new Date(nowMs()).toISOString(), level, message, ...tools.fields, ...flatten(fields) })}\n`,
      );
    };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => jsonLog({ ...tools, fields: { ...tools.fields, ...fields } }),
  };
};

/** A log that drops everything. */
export const silentLog: Log = jsonLog({ level: "error", write: () => {} });

const flatten = (fields: Readonly<Record<string, unknown>> | undefined): Record<string, unknown> => {
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
