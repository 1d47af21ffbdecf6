import type { ExplainedAttempt, ExplainedStep, Explanation } from "../../model/explanation.ts";

/** An explanation as control answers it. */
export type ShownExplanation = Explanation & { readonly gateway?: string };

/** How the text is made. */
export interface ExplanationTextOptions {
  readonly hasColor: boolean;
}

const barLength = 24;
const changesShownMax = 12;

/** An explanation as people read it: a line per step with its time as a bar, below it where it stands and what it changed. */
export const explanationText = (explanation: ShownExplanation, options: ExplanationTextOptions): string => {
  const { request, route, outcome, caller, fault } = explanation;
  const paint = painter(options.hasColor);
  const target = `${request.path}${request.query === "" ? "" : `?${request.query}`}`;
  const lines = [
    `${request.method} ${target}  ${paint(statusColor(outcome.status), String(outcome.status))}  ${ms(outcome.durationUs)}`,
    "",
    fact("request", `${explanation.id} at ${explanation.time} from ${request.clientIp}`),
    fact(
      "decided by",
      `revision ${explanation.revision}${explanation.gateway === undefined ? "" : ` at gateway ${explanation.gateway}`}`,
    ),
    fact("route", routeText(route)),
    ...(explanation.trace === undefined ? [] : [fact("trace", explanation.trace.traceId)]),
    fact(
      "caller",
      caller === null
        ? "unknown"
        : Object.entries(caller)
            .map(([name, value]) => `${name} ${value}`)
            .join(", "),
    ),
    ...(fault === null
      ? []
      : [fact("refused", `${fault.code}${fault.source === "" ? "" : ` by ${fault.source}`}: ${fault.message}`)]),
    ...(outcome.isAborted ? [fact("ended", "broken off")] : []),
    "",
  ];
  if (explanation.steps.length > 0) {
    lines.push(paint(dim, `${"".padEnd(barLength + 2)}    start     took  step`));
    for (const step of explanation.steps) lines.push(...stepLines(step, 0, Math.max(1, outcome.durationUs), paint));
  } else if (!explanation.isComplete)
    lines.push(
      "Nobody had asked for this call before it came: only its end is known. `portico try --explain` records every step.",
    );
  for (const { name, value } of explanation.notes) lines.push(fact(name, String(value)));
  if (explanation.request.body !== undefined) lines.push("", "request body:", explanation.request.body);
  if (explanation.reply.body !== undefined) lines.push("", "reply body:", explanation.reply.body);
  if (explanation.leftOut > 0) lines.push("", `${explanation.leftOut} details are left out: the record was full.`);
  return `${lines.map((line) => printable(line)).join("\n")}\n`;
};

type Paint = (color: number, text: string) => string;
const dim = 2;
const painter =
  (hasColor: boolean): Paint =>
  (color, text) =>
    hasColor ? `\u001b[${color}m${text}\u001b[0m` : text;

const statusColor = (status: number): number => (status === 0 || status >= 500 ? 31 : status >= 400 ? 33 : 32);

const fact = (name: string, text: string): string => `  ${name.padEnd(11)} ${text}`;

const ms = (us: number): string => `${(us / 1000).toFixed(us < 10_000 ? 2 : 1)} ms`;

const routeTexts = {
  found: (route) => `${route.api}, ${route.operation} (${route.method} ${route.pathTemplate})`,
  malformed: () => "none: the request was not legal HTTP",
  "not-ready": () => "none: the gateway had no configuration yet",
  "no-api": () => "none: no API has this host and path",
  "no-version": () => "none: an API has this path, but not in the version that the request names",
  "no-operation": (route) => `${route.api}, which has no operation at this path`,
  "wrong-method": (route) => `${route.api}, which has this path only with ${route.message}`,
  options: (route) => `${route.api}, answered by the gateway itself`,
} as const satisfies Record<Explanation["route"]["outcome"], (route: Explanation["route"]) => string>;

const routeText = (route: Explanation["route"]): string => {
  const version = route.version === "" ? "" : ` version ${route.version}`;
  return `${routeTexts[route.outcome](route)}${version}`;
};

const decisionColors = { "went-on": 32, forwarded: 32, replied: 36, refused: 33, failed: 31, "cut-off": 31 } as const;
const decisionWords = {
  "went-on": "went on",
  forwarded: "forwarded",
  replied: "replied",
  refused: "refused",
  failed: "failed",
  "cut-off": "cut off",
} as const;

const stepLines = (step: ExplainedStep, depth: number, totalUs: number, paint: Paint): readonly string[] => {
  const indent = "  ".repeat(depth);
  const { decision } = step;
  const result = [
    paint(decisionColors[decision.kind], decisionWords[decision.kind]),
    ...(decision.status === undefined ? [] : [String(decision.status)]),
    ...(decision.code === undefined ? [] : [decision.code]),
    ...(decision.message === undefined ? [] : [`(${decision.message})`]),
  ].join(" ");
  const times = `${ms(step.startUs).padStart(10)} ${ms(step.durationUs).padStart(9)}`;
  const below = `${"".padEnd(barLength + 23)}${indent}  `;
  const place =
    step.file === "" ? "built in" : `${step.file}${step.line === undefined ? "" : `:${step.line}`}  ${step.path}`;
  return [
    `${bar(step, totalUs)}${times}  ${indent}${step.section} ${step.policy}: ${result}`,
    paint(dim, `${below}${place}${step.scope === "" ? "" : `  (${step.scope})`}`),
    ...step.notes.map(({ name, value }) => `${below}· ${name}: ${String(value)}`),
    ...changeLines(step).map((line) => below + line),
    ...step.attempts.map((attempt, at) => `${below}→ ${attemptText(attempt, at)}`),
    ...step.steps.flatMap((inner) => stepLines(inner, depth + 1, totalUs, paint)),
  ];
};

const bar = ({ startUs, durationUs }: ExplainedStep, totalUs: number): string => {
  const from = Math.min(barLength - 1, Math.floor((startUs / totalUs) * barLength));
  const length = Math.max(1, Math.min(barLength - from, Math.round((durationUs / totalUs) * barLength)));
  return `▕${" ".repeat(from)}${"█".repeat(length)}${" ".repeat(barLength - from - length)}▏`;
};

const changeLines = (step: ExplainedStep): readonly string[] => {
  const lines = step.changes.map(({ what, name, before, after }) => {
    const subject = name === "" ? what : `${what} ${name}`;
    if (before === undefined) return `+ ${subject}: ${after ?? ""}`;
    return after === undefined ? `- ${subject}: ${before}` : `~ ${subject}: ${before} → ${after}`;
  });
  const left = lines.length - changesShownMax;
  return left > 0 ? [...lines.slice(0, changesShownMax), `  and ${left} more (--json shows all)`] : lines;
};

const attemptText = (attempt: ExplainedAttempt, at: number): string => {
  const { queuedUs, sentUs, replyUs, endUs, status, code } = attempt;
  const parts = [`${at === 0 ? "" : `try ${at + 1} `}${attempt.target}`];
  if (queuedUs !== undefined && sentUs !== undefined) parts.push(`connected in ${ms(sentUs - queuedUs)}`);
  if (replyUs !== undefined && sentUs !== undefined) parts.push(`head after ${ms(replyUs - sentUs)}`);
  if (status !== undefined) parts.push(`status ${status}`);
  if (code !== undefined)
    parts.push(endUs === undefined ? code : `${code} after ${ms(endUs - (sentUs ?? queuedUs ?? endUs))}`);
  return parts.join(", ");
};

/** Callers and backends chose parts of the text: it must not move the cursor or paint the screen. */
const printable = (text: string): string => text.replace(controls, "?");
const controls = /[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f]|\u001b(?!\[(?:0|2|3[1236])m)/g;
