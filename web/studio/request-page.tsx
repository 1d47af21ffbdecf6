import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { ReactElement, ReactNode } from "react";
import { EmptyState } from "./empty-state.tsx";
import { LoadingRows } from "./loading.tsx";
import { Problem } from "./management.ts";
import { Page } from "./page.tsx";
import { ProblemCard } from "./problem-card.tsx";
import { explanationQuery } from "./queries.ts";
import { StatusChip } from "./requests-page.tsx";
import type { ExplainedStep, Explanation } from "./shapes.ts";
import { strings } from "./strings.ts";

const words = strings.requests;

/** One call as a waterfall: every step with its time, its decision, and what it changed. */
export const RequestPage = (): ReactElement => {
  const { id } = useParams({ from: "/shell/requests/$id" });
  const explanation = useQuery(explanationQuery(id));
  const isUnknown = explanation.error instanceof Problem && explanation.error.status === 404;
  return (
    <Page
      title={id}
      trail={[words.title]}
      twin={{ path: `/requests/${id}/explain`, cli: `./portico explain ${id}` }}
      isWide
    >
      {isUnknown ? (
        <EmptyState title={words.unknown} text={words.unknownText} command={words.unknownCommand} />
      ) : explanation.error !== null ? (
        <ProblemCard error={explanation.error} onAgain={() => void explanation.refetch()} />
      ) : explanation.data === undefined ? (
        <LoadingRows />
      ) : (
        <Waterfall explanation={explanation.data} />
      )}
    </Page>
  );
};

const Waterfall = ({ explanation }: { readonly explanation: Explanation }): ReactElement => {
  const { request, route, outcome, fault, caller, steps, isComplete } = explanation;
  const target = `${request.path}${request.query === "" ? "" : `?${request.query}`}`;
  return (
    <div className="flex flex-col gap-5">
      <section className="card px-5 py-4" aria-label={words.call}>
        <p className="flex flex-wrap items-center gap-3 font-mono text-sm [overflow-wrap:anywhere]">
          <StatusChip status={outcome.status} />
          <strong>
            {request.method} {target}
          </strong>
          <span className="text-ink-soft">{words.ms(outcome.durationUs / 1000)}</span>
        </p>
        <dl className="mt-3 grid gap-x-8 gap-y-1 text-[0.8125rem] sm:grid-cols-2">
          <Fact name={words.route}>
            {words.routes[route.outcome] ?? route.outcome} {route.api} {route.operation}
          </Fact>
          <Fact name={words.decidedBy}>
            {strings.state.at(explanation.revision)} · {explanation.gateway}
          </Fact>
          <Fact name={words.caller}>
            {caller === null
              ? words.nobody
              : Object.entries(caller)
                  .map(([name, value]) => `${name} ${value}`)
                  .join(", ")}
          </Fact>
          {fault === null ? null : (
            <Fact name={words.refused}>
              {fault.code} {fault.source === "" ? "" : `(${fault.source})`} {fault.message}
            </Fact>
          )}
        </dl>
      </section>
      {isComplete ? null : <p className="card px-5 py-4 text-sm text-ink-soft">{words.partial}</p>}
      {steps.length === 0 ? null : (
        <section aria-label={words.steps}>
          <ol className="card divide-y divide-line">
            {steps.map((step) => (
              <StepRow
                key={`${step.startUs} ${step.path} ${step.policy}`}
                step={step}
                totalUs={Math.max(1, outcome.durationUs)}
                depth={0}
              />
            ))}
          </ol>
        </section>
      )}
      {explanation.leftOut === 0 ? null : <p className="text-sm text-ink-soft">{words.leftOut(explanation.leftOut)}</p>}
    </div>
  );
};

const Fact = ({ name, children }: { readonly name: string; readonly children: ReactNode }): ReactElement => (
  <div className="flex gap-2">
    <dt className="shrink-0 text-ink-faint">{name}</dt>
    <dd className="[overflow-wrap:anywhere]">{children}</dd>
  </div>
);

const chips: Readonly<Record<string, string>> = { refused: "chip-accent", failed: "chip-bad", "cut-off": "chip-bad" };

const StepRow = ({
  step,
  totalUs,
  depth,
}: {
  readonly step: ExplainedStep;
  readonly totalUs: number;
  readonly depth: number;
}): ReactElement => {
  const { decision } = step;
  const left = Math.min(99, (step.startUs / totalUs) * 100);
  const width = Math.max(0.5, Math.min(100 - left, (step.durationUs / totalUs) * 100));
  const result = [words.decisions[decision.kind] ?? decision.kind, decision.status, decision.code].filter(
    (part) => part !== undefined,
  );
  return (
    <>
      <li className="px-4 py-2.5 text-sm">
        <details>
          <summary className="flex cursor-pointer flex-wrap items-center gap-x-3 gap-y-1">
            <span className="font-mono" style={{ paddingLeft: `${depth * 1.25}rem` }}>
              {step.policy}
            </span>
            <span className={`chip ${chips[decision.kind] ?? "chip-good"}`}>{result.join(" ")}</span>
            <span className="text-xs text-ink-faint">{strings.policies.sections[step.section] ?? step.section}</span>
            <span className="ml-auto text-xs whitespace-nowrap text-ink-soft">
              {words.at(step.startUs / 1000, step.durationUs / 1000)}
            </span>
            <span className="block h-1.5 w-full rounded bg-line/60" aria-hidden="true">
              <span className="block h-full rounded bg-accent" style={{ marginLeft: `${left}%`, width: `${width}%` }} />
            </span>
          </summary>
          <div className="mt-2 space-y-1 pl-4 text-xs [overflow-wrap:anywhere]">
            <p className="font-mono text-ink-soft">
              {step.file === ""
                ? words.builtIn
                : `${step.file}${step.line === undefined ? "" : `:${step.line}`} ${step.path}`}{" "}
              {strings.policies.scopes[step.scope] ?? ""}
            </p>
            {decision.message === undefined ? null : <p>{decision.message}</p>}
            {step.notes.map((note) => (
              <p key={note.name}>
                {note.name}: <strong>{String(note.value)}</strong>
              </p>
            ))}
            {step.changes.map((change) => (
              <p key={`${change.what} ${change.name}`} className="font-mono">
                {change.what} {change.name}: {change.before === undefined ? null : <del>{change.before}</del>}{" "}
                {change.after === undefined ? null : <ins className="no-underline">{change.after}</ins>}
              </p>
            ))}
            {step.attempts.map((attempt) => (
              <p key={`${attempt.target} ${attempt.queuedUs ?? attempt.sentUs}`} className="font-mono">
                → {attempt.target} {attempt.status ?? attempt.code ?? ""}{" "}
                {attempt.replyUs === undefined || attempt.sentUs === undefined
                  ? null
                  : words.ms((attempt.replyUs - attempt.sentUs) / 1000)}
              </p>
            ))}
          </div>
        </details>
      </li>
      {/* The document describes nested steps loosely: its generator cannot say that a shape holds itself. */}
      {(step.steps as unknown as readonly ExplainedStep[]).map((inner) => (
        <StepRow key={`${inner.startUs} ${inner.path}`} step={inner} totalUs={totalUs} depth={depth + 1} />
      ))}
    </>
  );
};
