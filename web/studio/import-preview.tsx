import { type ReactElement, useState } from "react";
import { Method } from "../ui/method.tsx";
import { sizeText } from "./import-document.ts";
import type { ImportFinding, ImportPlan, PlannedOperation } from "./shapes.ts";
import { strings } from "./strings.ts";

const words = strings.import;
const operationsShown = 8;
const findingsShown = 6;

/** What a document holds and what importing it would do. */
export const ImportPreview = ({ plan }: { readonly plan: ImportPlan }): ReactElement => {
  const { document, operations } = plan;
  const changes = [
    [operations.added.length, words.added],
    [operations.changed.length, words.changed],
    [operations.removed.length, words.removed],
    [operations.unchanged, words.unchanged],
  ] as const;
  return (
    <>
      <section className="card p-5" aria-labelledby="preview">
        <div className="flex flex-wrap items-center gap-2">
          <h2 id="preview" className="mr-2 text-sm font-semibold">
            {words.preview}
          </h2>
          <span className="chip chip-accent">{plan.isNew ? words.isNew : words.isReimport}</span>
          {plan.level === "breaking" ? <span className="chip chip-bad">{words.breaking}</span> : null}
        </div>
        <p className="mt-3 text-lg font-semibold [overflow-wrap:anywhere]">{plan.title ?? plan.api}</p>
        <p className="text-sm text-ink-soft">
          <strong data-operations>{words.operations(document.operations)}</strong> · {words.openapi(document.version)} ·{" "}
          {sizeText(document.bytes)}
        </p>
        {plan.isNew ? null : (
          <p className="mt-1 flex flex-wrap gap-1.5">
            {changes
              .filter(([count]) => count > 0)
              .map(([count, text]) => (
                <span key={text(count)} className="chip">
                  {text(count)}
                </span>
              ))}
          </p>
        )}
        <Operations operations={plan.isNew ? operations.added : [...operations.added, ...operations.changed]} />
        <Affects plan={plan} />
      </section>
      <Findings findings={plan.findings} />
    </>
  );
};

const Operations = ({ operations }: { readonly operations: readonly PlannedOperation[] }): ReactElement | null =>
  operations.length === 0 ? null : (
    <ul className="mt-3 space-y-1.5 border-t border-line pt-3 text-sm">
      {operations.slice(0, operationsShown).map((one) => (
        <li key={one.id} className="flex items-baseline gap-2.5">
          <Method method={one.method} />
          <code className="[overflow-wrap:anywhere]">{one.path}</code>
          <span className="hidden truncate text-ink-faint sm:inline">{one.summary}</span>
        </li>
      ))}
      {operations.length > operationsShown ? (
        <li className="text-ink-faint">{words.operations(operations.length)}</li>
      ) : null}
    </ul>
  );

const Affects = ({ plan }: { readonly plan: ImportPlan }): ReactElement | null => {
  const lines = [
    ...plan.affects.policies.map((one) => words.policyOf(one.operation)),
    ...plan.affects.products.map((one) => words.product(one)),
  ];
  return lines.length === 0 ? null : (
    <p className="mt-3 border-t border-line pt-3 text-sm text-ink-soft">
      {words.affects} {lines.join(", ")}
    </p>
  );
};

const chips = { error: "chip chip-bad", warning: "chip chip-warn", info: "chip" } as const;

const Findings = ({ findings }: { readonly findings: readonly ImportFinding[] }): ReactElement => {
  const [isAll, showAll] = useState(false);
  const shown = isAll ? findings : findings.slice(0, findingsShown);
  return (
    <section className="card p-5" aria-labelledby="findings">
      <h2 id="findings" className="text-sm font-semibold">
        {findings.length === 0 ? words.findings : words.findingCount(findings.length)}
      </h2>
      {findings.length === 0 ? <p className="mt-1 text-sm text-ink-soft">{words.noFindings}</p> : null}
      <ul className="mt-2 divide-y divide-line text-sm">
        {shown.map((finding) => (
          <li key={JSON.stringify(finding)} className="flex flex-wrap items-baseline gap-x-3 gap-y-1 py-2">
            <span className={chips[finding.severity]}>{words.severity[finding.severity]}</span>
            <span className="min-w-0 flex-1 basis-64 [overflow-wrap:anywhere]">{finding.message}</span>
            <span className="font-mono text-xs whitespace-nowrap text-ink-faint">
              {words.place(finding.line, finding.column)}
            </span>
          </li>
        ))}
      </ul>
      {shown.length === findings.length ? null : (
        <button type="button" className="button mt-2" onClick={() => showAll(true)}>
          {words.allFindings(findings.length)}
        </button>
      )}
    </section>
  );
};
