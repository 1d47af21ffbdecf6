import type { Log } from "../../base/log.ts";

/** The same log, with secrets taken out of messages and fields: expressions and policies may quote their configuration. */
export const redactedLog = (log: Log, redact: (text: string) => string): Log => ({
  debug: (message, fields) => log.debug(redact(message), redactFields(fields, redact)),
  info: (message, fields) => log.info(redact(message), redactFields(fields, redact)),
  warn: (message, fields) => log.warn(redact(message), redactFields(fields, redact)),
  error: (message, fields) => log.error(redact(message), redactFields(fields, redact)),
  with: (fields) => redactedLog(log.with(redactFields(fields, redact) ?? {}), redact),
});

const redactFields = (
  fields: Readonly<Record<string, unknown>> | undefined,
  redact: (text: string) => string,
): Readonly<Record<string, unknown>> | undefined => {
  if (fields === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, redactValue(value, redact, depthMax)]),
  );
};

const depthMax = 6;

/** A copy of a value with its texts redacted; errors become plain objects, what lies deeper than the bound is left out. */
const redactValue = (value: unknown, redact: (text: string) => string, depthLeft: number): unknown => {
  if (typeof value === "string") return redact(value);
  if (value === null || typeof value !== "object") return value;
  if (depthLeft === 0) return "[deeper]";
  if (value instanceof Error) {
    const internal = "internal" in value && typeof value.internal === "string" ? value.internal : undefined;
    return {
      name: value.name,
      message: redact(value.message),
      ...(internal === undefined ? {} : { internal: redact(internal) }),
      ...(value.stack === undefined ? {} : { stack: redact(value.stack) }),
      ...(value.cause === undefined ? {} : { cause: redactValue(value.cause, redact, depthLeft - 1) }),
    };
  }
  if (Array.isArray(value)) return value.map((item) => redactValue(item, redact, depthLeft - 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, redactValue(item, redact, depthLeft - 1)]),
  );
};
