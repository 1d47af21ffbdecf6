import type { ReactElement } from "react";
import { Problem } from "./management.ts";
import { strings } from "./strings.ts";

/** What happened, why, what to do next, and the request's id. */
export const ProblemCard = ({
  error,
  onAgain,
}: {
  readonly error: unknown;
  readonly onAgain?: () => void;
}): ReactElement => {
  const problem = error instanceof Problem ? error : undefined;
  return (
    <div role="alert" className="rounded-card border border-bad/35 bg-bad-tint px-5 py-4 text-sm">
      <p className="font-semibold text-bad">{problem?.title ?? strings.problem.title}</p>
      <p className="mt-1 [overflow-wrap:anywhere] text-ink">
        {problem?.message ?? (error instanceof Error ? error.message : strings.problem.title)}
      </p>
      {problem === undefined || problem.mistakes.length === 0 ? null : (
        <ul className="mt-2 list-disc space-y-1 pl-5 [overflow-wrap:anywhere] text-ink">
          {problem.mistakes.slice(0, 20).map((mistake) => (
            <li key={JSON.stringify(mistake)}>
              {[mistake.file, mistake.path ?? mistake.pointer].filter(Boolean).join(" ")}{" "}
              {mistake.line === undefined ? "" : strings.import.place(mistake.line, mistake.column ?? 1)}{" "}
              {mistake.message}
              {mistake.next === undefined ? null : <span className="block text-ink-soft">{mistake.next}</span>}
            </li>
          ))}
        </ul>
      )}
      <p className="mt-2 flex flex-wrap items-center gap-3 text-xs text-ink-soft">
        {problem?.requestId === undefined ? null : (
          <span>
            {strings.common.requestId} <code className="break-all">{problem.requestId}</code>
          </span>
        )}
        {onAgain === undefined ? null : (
          <button type="button" className="button" onClick={onAgain}>
            {strings.common.again}
          </button>
        )}
      </p>
    </div>
  );
};
