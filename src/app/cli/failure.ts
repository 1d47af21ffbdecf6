import type { Finding } from "../../base/fault.ts";
import { Fault, messageOf, systemCodeOf } from "../../base/fault.ts";
import { type ExitCode, exitCodes } from "./command.ts";

/** Why a command failed, for people and programs: what happened and why, the next step, and where. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly next?: string;
  readonly status?: number;
  readonly requestId?: string;
  readonly findings: readonly Finding[];
  readonly exit: ExitCode;
}

/** A failure on its way to the end of the command. */
export class CommandFailure extends Error {
  readonly failure: Failure;

  constructor(
    failure: Omit<Failure, "findings" | "exit"> & Partial<Pick<Failure, "findings" | "exit">>,
    cause?: unknown,
  ) {
    super(failure.message, cause === undefined ? undefined : { cause });
    this.name = "CommandFailure";
    this.failure = { findings: [], exit: exitCodes.failure, ...failure };
  }
}

/** The command was called wrongly: exit code 2. */
export const usageFailure = (message: string, next: string): CommandFailure =>
  new CommandFailure({ code: "cli.usage", message, next, exit: exitCodes.usage });

/** Whatever was thrown, as a failure. */
export const failureOf = (thrown: unknown): Failure => {
  if (thrown instanceof CommandFailure) return thrown.failure;
  if (thrown instanceof Fault) {
    return { code: thrown.code, message: thrown.message, findings: thrown.findings, exit: exitCodes.failure };
  }
  if (thrown instanceof Error && thrown.name === "AbortError") {
    return { code: "cli.interrupted", message: "Interrupted.", findings: [], exit: exitCodes.failure };
  }
  const code = systemCodeOf(thrown);
  return {
    code: code === undefined ? "cli.fault" : `system.${code.toLowerCase()}`,
    message: messageOf(thrown),
    findings: [],
    exit: exitCodes.failure,
  };
};

/** A failure in lines: the error, its findings with their places, the next step, the request id. */
export const failureText = (failure: Failure): string => {
  const findings = failure.findings.map(withoutGrade);
  const [first, ...others] = findings;
  const isSaid = first !== undefined && failure.message.includes(first.message.replace(/\.$/, ""));
  // What the message says of the first finding, the finding says better, with its place.
  const lines =
    isSaid && others.length === 0
      ? [`error: ${findingText(first)}`]
      : [
          `error: ${isSaid ? `${findings.length} mistakes. Nothing was changed.` : failure.message}`,
          ...findings.map((finding) => `  ${findingText(finding)}`),
        ];
  if (failure.next !== undefined) lines.push(`next: ${failure.next}`);
  if (failure.requestId !== undefined) lines.push(`request id: ${failure.requestId}`);
  return `${lines.join("\n")}\n`;
};

// In a failure everything is an error unless it says otherwise.
const withoutGrade = (finding: Finding & { readonly severity?: string }): Finding & { readonly severity?: string } => {
  const { severity, ...rest } = finding;
  return severity === undefined || severity === "error" ? rest : finding;
};

/** A failure as one JSON value. */
export const failureJson = (failure: Failure): object => {
  const { exit: _, ...rest } = failure;
  return { error: rest };
};

/** A finding in one line: `apis/orders/api.yaml:3:1 backend: the backend 'x' does not exist. Did you mean 'y'?` */
export const findingText = (finding: Finding & { readonly severity?: string }): string => {
  const place = [finding.file, finding.line, finding.line === undefined ? undefined : finding.column]
    .filter((part) => part !== undefined)
    .join(":");
  const path = finding.path === undefined || finding.path === "" ? "" : `${finding.path}: `;
  const grade = finding.severity === undefined ? "" : `${finding.severity}: `;
  const next = finding.next === undefined ? "" : ` ${finding.next}`;
  const message = /[.?!]$/.test(finding.message) ? finding.message : `${finding.message}.`;
  return `${place === "" ? "" : `${place} `}${grade}${path}${next === "" ? finding.message : message}${next}`;
};
