import type { Finding } from "../base/fault.ts";

/** How grave a finding is: an `error` stops the whole bundle, the others are only told. */
export type Severity = "error" | "warning" | "info";

/** Something to say about a bundle, with its place. `path` is a place within the file: `inbound[0].rate-limit.window`. */
export interface BundleFinding extends Finding {
  readonly severity: Severity;
}

/** True where at least one finding stops the bundle. */
export const hasErrors = (findings: readonly BundleFinding[]): boolean =>
  findings.some((finding) => finding.severity === "error");

/** The findings in reading order: by file, line and column, what has no place first. */
export const sortFindings = (findings: readonly BundleFinding[]): readonly BundleFinding[] =>
  [...findings].sort(
    (a, b) =>
      compareText(a.file ?? "", b.file ?? "") ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0) ||
      compareText(a.message, b.message),
  );

/** A path as people read it: `operations.listOrders.inbound[0]`; names that would mislead stand in quotes: `plans["a.b"]`. */
export const pathText = (path: readonly PropertyKey[]): string => {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (/^[A-Za-z0-9_$/{}@*-]+$/.test(String(part))) text += text === "" ? String(part) : `.${String(part)}`;
    else text += `[${JSON.stringify(String(part))}]`;
  }
  return text;
};

/** The parts of a path that `pathText` wrote; what it did not write is taken apart as far as it goes. */
export const pathParts = (text: string): readonly (string | number)[] => {
  const parts: (string | number)[] = [];
  const pattern = /\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|\.?([^.[\]]+)/gy;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    if (match[1] !== undefined) parts.push(Number(match[1]));
    else if (match[2] !== undefined) parts.push(unquote(match[2]));
    else if (match[3] !== undefined) parts.push(match[3]);
  }
  return parts;
};

const unquote = (quoted: string): string => {
  const text: unknown = JSON.parse(`"${quoted}"`);
  return typeof text === "string" ? text : quoted;
};

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
